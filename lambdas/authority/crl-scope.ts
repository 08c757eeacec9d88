import { completeCrlPath, completeCrlPemPath, crlShardPath, crlShardUrl, rootCrlPath } from '../pki/distribution-urls.ts';
import { firstShardOf, generationOfShard } from '../pki/issuing-generation.ts';
import type { CrlShard } from './ports.ts';

/** Which certificates a CRL covers, where it is published, and how often. */
export interface CrlScope {
  /** Of its DER, below the distribution's URL. */
  readonly path: string;
  readonly pemPath?: string;
  /** Whose key signs it: an issuing CA's, by its generation, or the root's. */
  readonly issuer: number | 'root';
  /** Whose revocations are on it. */
  readonly shards: readonly CrlShard[];
  /** Of a CRL that does not cover every certificate of its issuer: the URL in those that it does (RFC 5280 §5.2.5). */
  readonly issuingDistributionPoint?: string;
  /** From thisUpdate to nextUpdate. */
  readonly validitySeconds: number;
  /** From thisUpdate to when it is published anew even if nothing has changed. */
  readonly replacedAfterSeconds: number;
}

// The clock publishes them hourly; whoever looks only whether one is missing takes it for out of use after 20 hours.
const daily = { validitySeconds: 25 * 3600, replacedAfterSeconds: 20 * 3600 };

/** The CRL that the shard's certificates name. */
export function shardCrl(distributionUrl: string, crlShard: number): CrlScope {
  return { path: crlShardPath(crlShard), issuer: generationOfShard(crlShard), shards: [crlShard], issuingDistributionPoint: crlShardUrl(distributionUrl, crlShard), ...daily };
}

/** The CRL of all certificates of one issuing CA, for those who want one file. */
export function completeCrl(generation: number, crlShardCount: number): CrlScope {
  return { path: completeCrlPath(generation), pemPath: completeCrlPemPath(generation), issuer: generation, shards: shardNumbers([generation], crlShardCount), ...daily };
}

/** The shards of these generations, so many of each. */
export const shardNumbers = (generations: readonly number[], crlShardCount: number): number[] =>
  generations.flatMap((generation) => Array.from({ length: crlShardCount }, (_, index) => firstShardOf(generation) + index));

/** The root's CRL, which covers the issuing CAs: empty for as long as all of them are trusted. */
export const rootCrl: CrlScope = { path: rootCrlPath, issuer: 'root', shards: ['root'], validitySeconds: 90 * 86_400, replacedAfterSeconds: 45 * 86_400 };
