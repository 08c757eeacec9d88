import type { DataDirectory } from './data-directory.ts';
import { openGateway, PortInUseError, type Gateway } from './gateway.ts';

/** Where the service is to be found. */
export interface Address {
  readonly gateway: Gateway;
  /** What certificates name for CRLs, OCSP and CA certificates, without a trailing slash. */
  readonly distributionUrl: string;
}

/**
 * Takes the service's port, and fixes what certificates are to name: the gateway, or, once there are certificates, what these do. A free
 * choice of port therefore falls on theirs; where it is another one, a line on stderr says what becomes of that.
 */
export async function openAddress(port = 0, data?: DataDirectory): Promise<Address> {
  const named = data?.distributionUrl;
  const gateway = port === 0 && named !== undefined ? await openPreferably(Number(new URL(named).port)) : await openGateway({ port });
  const distributionUrl = named ?? gateway.origin;
  if (distributionUrl !== gateway.origin) {
    process.stderr.write(`Certificates in this data directory name ${distributionUrl}, where this service is not: start it with PORT=${new URL(distributionUrl).port} to have their CRLs and OCSP found.\n`);
  }
  try {
    if (named === undefined) await data?.markBegun(distributionUrl);
  } catch (error) {
    await gateway.close();
    throw error;
  }
  return { gateway, distributionUrl };
}

async function openPreferably(port: number): Promise<Gateway> {
  try {
    return await openGateway({ port });
  } catch (error) {
    if (error instanceof PortInUseError) return openGateway();
    throw error;
  }
}
