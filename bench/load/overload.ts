import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../harness/statistics.ts';
import { measureStep, type Offer, type Step } from './step.ts';
import type { Target } from './targets.ts';

export interface Overload {
  readonly target: Target;
  readonly step: Step;
  /** Refusals with 429 or 503 that say when to come back. */
  readonly honest: number;
  /** How long the refused waited for that, in milliseconds. */
  readonly refusalP50Milliseconds: number;
  readonly refusalP99Milliseconds: number;
  /** From the end of the load until the service was as before; Infinity where that took longer than it was waited for. */
  readonly recoverySeconds: number;
}

export const recoveryBoundSeconds = 5;

const probesInARow = 5;

/** What is asked again and again until it is answered as before. */
export interface Probed extends Pick<Target, 'send' | 'success' | 'boundMilliseconds'> {
  readonly everyMilliseconds: number;
}

/** Offers more than can be borne, looks at what becomes of it, and at how long that is felt afterwards. */
export async function overload(target: Target, offer: Offer): Promise<Overload> {
  // Before the load is timed, and enough for those who ask afterwards too.
  await target.prepare(Math.ceil(1.2 * offer.perSecond * offer.seconds) + 150);
  const measuring = measureStep(target, offer);
  // Awaited below; a failure must not go unheard meanwhile.
  measuring.catch(() => undefined);
  await delay(offer.seconds * 1000, undefined, { signal: offer.signal });
  // Not when the last is answered: what takes its time then is felt by who comes then.
  const recoverySeconds = await timeUntilNormal({ ...target, everyMilliseconds: 100 }, offer.signal);
  const step = await measuring;
  const waits = step.refusals.map(({ latencyMilliseconds }) => latencyMilliseconds);
  return {
    target,
    step,
    honest: step.refusals.filter(isHonest).length,
    refusalP50Milliseconds: percentile(waits, 0.5),
    refusalP99Milliseconds: percentile(waits, 0.99),
    recoverySeconds,
  };
}

/** A refusal that a client can do something with. */
export function isHonest({ status, retryAfter }: { readonly status: number; readonly retryAfter: number | undefined }): boolean {
  return (status === 429 || status === 503) && retryAfter !== undefined && retryAfter > 0;
}

/** Seconds from now until the first of several requests in a row that all succeed, each in the target's bound; Infinity after a while. */
export async function timeUntilNormal({ send, success, boundMilliseconds, everyMilliseconds }: Probed, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  let first = startedAt;
  for (let inARow = 0, index = 0; inARow < probesInARow; index++) {
    if (inARow === 0 && performance.now() - startedAt > 2 * recoveryBoundSeconds * 1000) return Infinity;
    const sentAt = performance.now();
    const { status } = await send(index);
    const isNormal = status === success && performance.now() - sentAt < boundMilliseconds;
    if (isNormal && inARow === 0) first = sentAt;
    inARow = isNormal ? inARow + 1 : 0;
    await delay(Math.max(0, everyMilliseconds - (performance.now() - sentAt)), undefined, { signal });
  }
  return (first - startedAt) / 1000;
}
