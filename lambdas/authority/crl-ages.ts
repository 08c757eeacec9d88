import { completeCrl, rootCrl, shardCrl, shardNumbers } from './crl-scope.ts';
import type { Distribution } from './ports.ts';
import type { CrlSettings } from './refresh-crls.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface CrlAges {
  /** Since thisUpdate of the CRL that was made longest ago. The root's is left out, which is made for months. */
  readonly oldestSeconds: number;
  /** Until nextUpdate of the CRL that is out of date first, the root's among them; 0 where one is, or is not there. */
  readonly leastLeftSeconds: number;
}

const readAtOnce = 8;

/** How the CRLs are that are out, whoever published them. @throws Refusal DISTRIBUTION_UNAVAILABLE. */
export async function crlAges({ distribution, distributionUrl, crlShardCount, issuingGenerations }: CrlSettings & { readonly distribution: Pick<Distribution, 'head'> }, now: Date): Promise<CrlAges> {
  const issuing = [
    ...shardNumbers(issuingGenerations, crlShardCount).map((crlShard) => shardCrl(distributionUrl, crlShard)),
    ...issuingGenerations.map((generation) => completeCrl(generation, crlShardCount)),
  ];
  const published = valuesOf(await sideBySide([...issuing, rootCrl], readAtOnce, async ({ path }) => ({ path, crl: (await distribution.head(path))?.crl })));
  const seconds = (from: number, to: number) => Math.max(0, Math.round((to - from) / 1000));
  const ages = published.flatMap(({ path, crl }) => (crl === undefined || path === rootCrl.path ? [] : [seconds(Date.parse(crl.thisUpdate), now.getTime())]));
  const left = published.map(({ crl }) => (crl === undefined ? 0 : seconds(now.getTime(), Date.parse(crl.nextUpdate))));
  return { oldestSeconds: Math.max(0, ...ages), leastLeftSeconds: Math.min(...left) };
}
