import type { KakuninError } from './error.ts';

/** Who has to wait longer is better told so. */
const longestWaitSeconds = 60;

const firstWaitSeconds = 0.25;

/**
 * How long to wait before a call is tried again, in seconds; undefined where that would not help.
 * @param outcome what the attempt of this number, from 0 on, came to
 */
export function secondsToWait(outcome: Response | KakuninError, attempt: number): number | undefined {
  if (!(outcome instanceof Response)) return backOff(attempt);
  const told = retryAfterSeconds(outcome.headers.get('retry-after'));
  // A repetition may meet the first attempt, whose answer was lost, still at work.
  const mayHelp = outcome.status === 429 || outcome.status === 503 || (outcome.status === 409 && attempt > 0 && told !== undefined);
  const seconds = told ?? backOff(attempt);
  return mayHelp && seconds <= longestWaitSeconds ? seconds : undefined;
}

/** Twice as long each time, and never all at the same moment. */
const backOff = (attempt: number) => firstWaitSeconds * 2 ** attempt * (0.5 + Math.random() / 2);

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterSeconds(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1000);
}

/** Rejects with the signal's reason as soon as it is aborted. */
export function wait(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
