import { crlShardUrl } from '../../lambdas/pki/distribution-urls.ts';
import { parseCrl, type CertificateRevocationList, type RevokedCertificate } from '../../lambdas/pki/crl.ts';
import { crlShardOf } from '../../lambdas/pki/serial-number.ts';
import { download } from './distribution.ts';

/** As in lambdas/handlers/environment.ts, where nothing else is set. */
export const crlShardCount = 16;

export const shardOf = (certificateId: string, generation = 1) => crlShardOf(certificateId, crlShardCount, generation);

export type PublishedCrl = CertificateRevocationList & {
  /** By serial number. */
  readonly entries: ReadonlyMap<string, RevokedCertificate>;
};

/** A CRL as a relying party gets it. */
export async function publishedCrl(url: string): Promise<PublishedCrl> {
  const crl = parseCrl(await download(url));
  return { ...crl, entries: new Map([...crl.revokedCertificates()].map((entry) => [entry.serialNumber, entry])) };
}

/** The CRL that the certificate names, and the complete one. */
export async function crlsOf(distributionUrl: string, certificateId: string): Promise<{ shard: PublishedCrl; complete: PublishedCrl }> {
  const [shard, complete] = await Promise.all([publishedCrl(crlShardUrl(distributionUrl, shardOf(certificateId))), publishedCrl(`${distributionUrl}/crl/complete.crl`)]);
  return { shard, complete };
}
