import { crlShardPath } from '../pki/distribution-urls.ts';
import { firstShardOf, maximumCrlShardCount } from '../pki/issuing-generation.ts';
import { completeCrl, shardCrl, shardNumbers } from './crl-scope.ts';
import type { CrlStamp } from './ports.ts';
import { publishCrl, refreshCrl, type CrlServices } from './publish-crl.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface CrlSettings {
  readonly distributionUrl: string;
  /** How many CRLs each generation has; certificates name them, so that there can be more one day and never fewer. */
  readonly crlShardCount: number;
  /** Of the issuing CA, those that issue or did. */
  readonly issuingGenerations: readonly number[];
}

/** CRLs that are published at once; each is a read of its entries, a signature and a write. */
export const crlsAtOnce = 4;

/**
 * Publishes each of the issuing CAs' CRLs that is missing or due.
 * @param publish `publishCrl` publishes them all, so that none lacks a revocation whose own publication was given up.
 * @throws Error that says what failed, after everything else is done.
 */
export async function refreshCrls(services: CrlServices & CrlSettings, publish: typeof publishCrl = refreshCrl): Promise<void> {
  const { distributionUrl, crlShardCount, issuingGenerations } = services;
  const shards = shardNumbers(issuingGenerations, crlShardCount).map((crlShard) => () => publish(services, shardCrl(distributionUrl, crlShard)));
  const complete = issuingGenerations.map((generation) => () => publishCompleteCrl(services, generation, publish));
  valuesOf(await sideBySide([...shards, ...complete], crlsAtOnce, (publishNext) => publishNext()));
}

/**
 * Publishes the CRL of all certificates of a generation.
 * @throws Error where there were more shards once: it would leave out those revoked in them, and nobody would see to
 *   their own CRLs.
 */
export async function publishCompleteCrl(services: CrlServices & CrlSettings, generation: number, publish: typeof publishCrl = publishCrl): Promise<CrlStamp> {
  const { distribution, crlShardCount } = services;
  const isMost = crlShardCount === maximumCrlShardCount;
  if (!isMost && (await distribution.head(crlShardPath(firstShardOf(generation) + crlShardCount))) !== undefined) {
    throw new Error(`There are certificates whose CRL is number ${crlShardCount} or above, and CRL_SHARDS is ${crlShardCount}: set it to as many as there were.`);
  }
  return publish(services, completeCrl(generation, crlShardCount));
}
