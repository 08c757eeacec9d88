import { KmsError } from './errors.ts';

/** Requests a second, and the operations that are counted together against it. */
type Quota = readonly [requestsPerSecond: number, ...operations: readonly string[]];

/**
 * Which requests are throttled: those beyond AWS's quotas, of all operations or of those listed; or those beyond so many a second of the
 * operations named.
 */
export type Quotas = boolean | readonly string[] | Readonly<Record<string, number>>;

/** In eu-west-1: https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html */
const quotasOfAws: readonly Quota[] = [
  [5, 'CancelKeyDeletion'],
  [5, 'CreateKey'],
  [5, 'DisableKey'],
  [5, 'EnableKey'],
  [10, 'TagResource'],
  [15, 'ScheduleKeyDeletion'],
  [50, 'CreateGrant'],
  [500, 'ListKeys'],
  [1000, 'Sign', 'Verify'],
  [2000, 'DescribeKey'],
  [2000, 'GetPublicKey'],
];

/**
 * Counts requests against KMS's quotas.
 * @returns what to call with each operation: it throws ThrottlingException for one too many within a second, which is then not counted
 */
export function createQuotas(quotas: Quotas, now: () => number = () => performance.now()): (operation: string) => void {
  const admitted = new Map<string, { requestsPerSecond: number; times: number[] }>();
  for (const [requestsPerSecond, ...operations] of quotasOf(quotas)) {
    const count = { requestsPerSecond, times: [] };
    for (const operation of operations) admitted.set(operation, count);
  }
  return (operation) => {
    const count = admitted.get(operation);
    if (count === undefined) return;
    const time = now();
    // Only as many are kept as may be admitted within a second: the oldest of them says whether that second is over.
    const oldest = count.times.length < count.requestsPerSecond ? undefined : count.times[0];
    if (oldest !== undefined && time - oldest < 1000) {
      throw new KmsError('ThrottlingException', 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.');
    }
    if (oldest !== undefined) count.times.shift();
    count.times.push(time);
  };
}

function quotasOf(quotas: Quotas): readonly Quota[] {
  if (typeof quotas === 'boolean') return quotas ? quotasOfAws : [];
  if (isList(quotas)) return quotasOfAws.map(([requestsPerSecond, ...operations]) => [requestsPerSecond, ...operations.filter((operation) => quotas.includes(operation))]);
  return Object.entries(quotas).map(([operation, requestsPerSecond]) => [requestsPerSecond, operation]);
}

// Array.isArray does not narrow readonly arrays.
const isList = (quotas: Exclude<Quotas, boolean>): quotas is readonly string[] => Array.isArray(quotas);
