import { crlShardPath } from '../pki/distribution-urls.ts';
import { completeCrl, shardCrl, shardNumbers } from './crl-scope.ts';
import type { CrlStamp } from './ports.ts';
import { publishCrl, refreshCrl, type CrlServices } from './publish-crl.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface CrlSettings {
  readonly distributionUrl: string;
  /** The CRLs are numbered from 0; certificates name them, so that there can be more one day and never fewer. */
  readonly crlShardCount: number;
}

/** CRLs that are published at once; each is a read of its entries, a signature and a write. */
export const crlsAtOnce = 4;

/**
 * Publishes each of the issuing CA's CRLs that is missing or due.
 * @param publish `publishCrl` publishes them all, so that none lacks a revocation whose own publication was given up.
 * @throws Error that says what failed, after everything else is done.
 */
export async function refreshCrls(services: CrlServices & CrlSettings, publish: typeof publishCrl = refreshCrl): Promise<void> {
  const { distributionUrl, crlShardCount } = services;
  const shards = shardNumbers(crlShardCount).map((crlShard) => () => publish(services, shardCrl(distributionUrl, crlShard)));
  valuesOf(await sideBySide([...shards, () => publishCompleteCrl(services, publish)], crlsAtOnce, (publishNext) => publishNext()));
}

/**
 * Publishes the CRL of all certificates.
 * @throws Error where there were more shards once: it would leave out those revoked in them, and nobody would see to
 *   their own CRLs.
 */
export async function publishCompleteCrl(services: CrlServices & CrlSettings, publish: typeof publishCrl = publishCrl): Promise<CrlStamp> {
  const { distribution, crlShardCount } = services;
  if ((await distribution.head(crlShardPath(crlShardCount))) !== undefined) {
    throw new Error(`There are certificates whose CRL is number ${crlShardCount} or above, and CRL_SHARDS is ${crlShardCount}: set it to as many as there were.`);
  }
  return publish(services, completeCrl(crlShardCount));
}
