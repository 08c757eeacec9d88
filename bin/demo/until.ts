import { setTimeout as delay } from 'node:timers/promises';
import { insist } from './failure.ts';

/** How long the service may take for what follows from the event before the demo calls it broken. */
export const deadlineMilliseconds = 10_000;
const pollMilliseconds = 10;

export const milliseconds = (duration: number) => `${Math.round(duration)} ms`;

/**
 * Asks until there is an answer. Nobody calls revoke: the event alone must lead to it.
 * @param time `since` as `performance.now()` tells it, `within` in milliseconds
 */
export async function until<Data>(what: string, time: { readonly since: number; readonly within: number }, signal: AbortSignal, ask: () => Promise<Data | undefined>): Promise<{ data: Data; milliseconds: number }> {
  for (;;) {
    const data = await ask();
    const passed = performance.now() - time.since;
    if (data !== undefined) return { data, milliseconds: passed };
    insist(passed < time.within, `${what} must tell of the revocation soon after the event, and after ${milliseconds(passed)} does not.`);
    await delay(pollMilliseconds, undefined, { signal });
  }
}
