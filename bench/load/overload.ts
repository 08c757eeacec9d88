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

/** Offers more than can be borne, looks at what becomes of it, and at how long that is felt afterwards. */
export async function overload(target: Target, offer: Offer): Promise<Overload> {
  await target.prepare(Math.ceil(2 * offer.perSecond * offer.seconds));
  const end = delay(offer.seconds * 1000, undefined, { signal: offer.signal });
  const measuring = measureStep(target, offer);
  await end;
  // Not when the last is answered: what takes its time then is felt by who comes then.
  const recoverySeconds = await timeUntilNormal(target, offer.signal);
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
export async function timeUntilNormal({ send, success, boundMilliseconds }: Pick<Target, 'send' | 'success' | 'boundMilliseconds'>, signal: AbortSignal, probeMilliseconds = 100): Promise<number> {
  const startedAt = performance.now();
  let first = startedAt;
  for (let inARow = 0, index = 0; inARow < probesInARow; index++) {
    if (performance.now() - startedAt > 2 * recoveryBoundSeconds * 1000) return Infinity;
    const sentAt = performance.now();
    const { status } = await send(index);
    const isNormal = status === success && performance.now() - sentAt < boundMilliseconds;
    if (isNormal && inARow === 0) first = sentAt;
    inARow = isNormal ? inARow + 1 : 0;
    await delay(Math.max(0, probeMilliseconds - (performance.now() - sentAt)), undefined, { signal });
  }
  return (first - startedAt) / 1000;
}
