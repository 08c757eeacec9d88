import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext } from '../harness/bench.ts';
import { load } from '../harness/load.ts';
import { measureStep, type Step } from './step.ts';
import type { Target } from './targets.ts';

export interface Ramp {
  readonly target: Target;
  readonly steps: readonly Step[];
  /** The highest load that was borne, with all that is less: the last of them. Undefined where not even the least was. */
  readonly knee: Step | undefined;
}

// Of what as many callers get through as wait for each answer before they ask again.
const shares = [0.2, 0.4, 0.6, 0.75, 0.9, 1.05, 1.25, 1.6, 2.2];
const callers = 8;
const warmUpSeconds = 2;
const pauseMilliseconds = 500;

/** Offers rising load. Where the rates lie is measured first, so that the machine's speed does not decide how long it takes. */
export async function climb(target: Target, { seconds, signal }: Pick<BenchContext, 'seconds' | 'signal'>, onStep: (step: Step) => void): Promise<Ramp> {
  const perSecond = await throughput(target, Math.min(seconds, warmUpSeconds), signal);
  const steps: Step[] = [];
  for (const [index, share] of shares.entries()) {
    await delay(pauseMilliseconds, undefined, { signal });
    const step = await measureStep(target, { perSecond: rate(share * perSecond), seconds, seed: index + 1, signal });
    steps.push(step);
    onStep(step);
  }
  const firstTooMuch = steps.findIndex(({ isBorne }) => !isBorne);
  return { target, steps, knee: steps.at(firstTooMuch === -1 ? -1 : firstTooMuch - 1 < 0 ? steps.length : firstTooMuch - 1) };
}

/** Requests a second, of callers who wait. What it leaves behind is the warmth of the service. */
async function throughput({ send, prepare, success }: Target, seconds: number, signal: AbortSignal): Promise<number> {
  await prepare(Math.ceil(60 * seconds));
  let succeeded = 0;
  const { elapsedSeconds } = await load(async (index) => {
    if ((await send(index)).status === success) succeeded += 1;
  }, { seconds, concurrency: callers, signal });
  return succeeded / elapsedSeconds;
}

/** To two digits. */
export function rate(perSecond: number): number {
  return Number(perSecond.toPrecision(2));
}
