import { completeCrlPath, completeCrlPemPath, crlShardPath, crlShardUrl, rootCrlPath } from '../pki/distribution-urls.ts';

/** Which certificates a CRL covers, where it is published, and how often. */
export interface CrlScope {
  /** Of its DER, below the distribution's URL. */
  readonly path: string;
  readonly pemPath?: string;
  /** Whose revocations are on it. */
  readonly shards: readonly number[];
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
  return { path: crlShardPath(crlShard), shards: [crlShard], issuingDistributionPoint: crlShardUrl(distributionUrl, crlShard), ...daily };
}

/** The CRL of all the issuing CA's certificates, for those who want one file. */
export function completeCrl(crlShardCount: number): CrlScope {
  return { path: completeCrlPath, pemPath: completeCrlPemPath, shards: shardNumbers(crlShardCount), ...daily };
}

export const shardNumbers = (crlShardCount: number): number[] => Array.from({ length: crlShardCount }, (_, crlShard) => crlShard);

/** The root's CRL, which covers the issuing CA: empty for as long as that is trusted. */
export const rootCrl: CrlScope = { path: rootCrlPath, shards: [], validitySeconds: 90 * 86_400, replacedAfterSeconds: 45 * 86_400 };
