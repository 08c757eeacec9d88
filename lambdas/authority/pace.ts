import { setTimeout as delay } from 'node:timers/promises';

/** A rate that is kept by whoever waits for his turn. */
export interface Pace {
  /** Resolves when it is the caller's turn; rejects with an AbortError where `signal` comes first. */
  turn(signal: AbortSignal): Promise<void>;
  /** Lets the next turn wait for this long at least. */
  holdBack(milliseconds: number): void;
}

/** @returns turns at even distances, `perSecond` of them a second. */
export function paceOf(perSecond: number): Pace {
  let free = 0;
  let queue = Promise.resolve();
  return {
    turn(signal) {
      const turn = queue.then(async () => {
        await delay(Math.max(0, free - performance.now()), undefined, { signal });
        free = Math.max(free, performance.now()) + 1000 / perSecond;
      });
      queue = turn.catch(() => undefined);
      return turn;
    },
    holdBack(milliseconds) {
      free = Math.max(free, performance.now() + milliseconds);
    },
  };
}
