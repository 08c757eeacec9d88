import { crlShardPath } from '../pki/distribution-urls.ts';
import { completeCrl, shardCrl, shardNumbers } from './crl-scope.ts';
import { refreshCrl, type CrlServices } from './publish-crl.ts';
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
 * @throws Error that says what failed, after everything else is done; also where there were more shards once, because
 *   nobody would see to theirs any more.
 */
export async function refreshCrls(services: CrlServices & CrlSettings): Promise<void> {
  const { distribution, distributionUrl, crlShardCount } = services;
  const scopes = [...shardNumbers(crlShardCount).map((crlShard) => shardCrl(distributionUrl, crlShard)), completeCrl(crlShardCount)];
  const outcomes: PromiseSettledResult<unknown>[] = await sideBySide(scopes, crlsAtOnce, (scope) => refreshCrl(services, scope));
  const beyond = await Promise.allSettled([distribution.head(crlShardPath(crlShardCount)).then((published) => {
    if (published !== undefined) throw new Error(`There are certificates whose CRL is number ${crlShardCount} and above, and CRL_SHARDS is ${crlShardCount}: set it to as many as there were.`);
  })]);
  valuesOf([...outcomes, ...beyond]);
}
