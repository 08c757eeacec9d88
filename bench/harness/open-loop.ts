import { setTimeout as delay } from 'node:timers/promises';
import type { Reply } from './http-client.ts';
import { randomNumbers } from './random-numbers.ts';

export interface Arrivals {
  /** On average. */
  readonly perSecond: number;
  readonly seconds: number;
  /** The same seed makes the same arrivals. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** One request and what became of it. */
export interface Outcome extends Reply {
  /** Milliseconds from the moment it was to be sent, whenever it was, until its answer was there. */
  readonly latencyMilliseconds: number;
  /** How much later than it was to be the sender sent it. */
  readonly delayedMilliseconds: number;
}

/**
 * Sends requests when they are due, whatever has become of those before: arrivals of a Poisson process, as those of many callers who know
 * nothing of each other are. Since latencies count from when a request was due, a service that stalls is charged for all that would have
 * come meanwhile, and a sender that falls behind does not hide it (http://highscalability.com/blog/2015/10/5/your-load-generator-is-probably-lying-to-you-take-the-red-pi.html).
 * Resolves once all are answered.
 */
export async function openLoop(send: (index: number) => Promise<Reply>, { perSecond, seconds, seed, signal }: Arrivals): Promise<Outcome[]> {
  const due = arrivalTimes(perSecond, seconds, seed);
  const answers: Promise<Outcome>[] = [];
  const startedAt = performance.now();
  for (const [index, offset] of due.entries()) {
    const dueAt = startedAt + offset;
    // A timer is a millisecond late or so. Watching the clock instead would take a processor from the service.
    while (performance.now() < dueAt) await delay(dueAt - performance.now(), undefined, { signal });
    const delayedMilliseconds = performance.now() - dueAt;
    answers.push(send(index).then((reply) => ({ ...reply, latencyMilliseconds: performance.now() - dueAt, delayedMilliseconds })));
    // Many that are due at once must not keep answers from being read.
    if (index % 8 === 7) await new Promise(setImmediate);
  }
  return Promise.all(answers);
}

/** Milliseconds after the start, ascending: gaps are distributed exponentially. */
export function arrivalTimes(perSecond: number, seconds: number, seed: number): number[] {
  const random = randomNumbers(seed);
  const times: number[] = [];
  for (let time = nextGap(); time < seconds * 1000; time += nextGap()) times.push(time);
  return times;

  function nextGap(): number {
    return (-Math.log(1 - random()) / perSecond) * 1000;
  }
}
