import { openLoop, type Outcome } from '../harness/open-loop.ts';
import { percentile } from '../harness/statistics.ts';
import type { Target } from './targets.ts';

export interface Step {
  /** Requests a second that were offered, on average. */
  readonly offeredPerSecond: number;
  readonly sent: number;
  readonly succeeded: number;
  /** Requests a second that succeeded, until the last was answered. */
  readonly succeededPerSecond: number;
  /** Of those that succeeded; NaN where none did. */
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  readonly p999Milliseconds: number;
  /** How many were answered with each other status; 0 is a broken connection, or none for 35 s. */
  readonly failures: Readonly<Record<number, number>>;
  /** Those that did not succeed. */
  readonly refusals: readonly Outcome[];
  /** How late the sender was, of 99 requests in 100. */
  readonly senderP99Milliseconds: number;
  /** Whether the load was borne. */
  readonly isBorne: boolean;
}

export interface Offer {
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

const succeedingShare = 0.99;
const keptUpShare = 0.95;

/**
 * Offers load for a while, and judges it borne where 99 of 100 requests succeeded, 99 of 100 of these within the target's bound, and at
 * the rate that was offered, but for 5 %.
 */
export async function measureStep({ send, prepare, success, boundMilliseconds }: Target, { perSecond, seconds, seed, signal }: Offer): Promise<Step> {
  await prepare(Math.ceil(perSecond * seconds * 1.2) + 20);
  const startedAt = performance.now();
  const outcomes = await openLoop(send, { perSecond, seconds, seed, signal });
  // The last arrival comes a little before the end, and its answer a little after it.
  const elapsedSeconds = Math.max(seconds, (performance.now() - startedAt) / 1000);
  const latencies = outcomes.filter(({ status }) => status === success).map(({ latencyMilliseconds }) => latencyMilliseconds);
  const refusals = outcomes.filter(({ status }) => status !== success);
  const failures: Record<number, number> = {};
  for (const { status } of refusals) failures[status] = (failures[status] ?? 0) + 1;
  const p99Milliseconds = percentile(latencies, 0.99);
  return {
    offeredPerSecond: perSecond,
    sent: outcomes.length,
    succeeded: latencies.length,
    succeededPerSecond: latencies.length / elapsedSeconds,
    p50Milliseconds: percentile(latencies, 0.5),
    p99Milliseconds,
    p999Milliseconds: percentile(latencies, 0.999),
    failures,
    refusals,
    senderP99Milliseconds: percentile(outcomes.map(({ delayedMilliseconds }) => delayedMilliseconds), 0.99),
    // Of a few dozen Poisson arrivals more or less than the mean come: what counts is how many of them.
    isBorne: latencies.length >= succeedingShare * outcomes.length && p99Milliseconds < boundMilliseconds && latencies.length / elapsedSeconds >= (keptUpShare * outcomes.length) / seconds,
  };
}
