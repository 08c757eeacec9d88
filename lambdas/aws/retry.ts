import { setTimeout as delay } from 'node:timers/promises';

/**
 * Repeats a call while `isPassing` says its failure will pass, with full jitter between an ever wider range of delays
 * (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter). For what the SDK does not retry
 * itself. The last failure is thrown.
 */
export async function retrying<Answer>(
  call: () => Promise<Answer>,
  isPassing: (error: unknown) => boolean,
  { attempts, baseDelayMilliseconds }: { attempts: number; baseDelayMilliseconds: number },
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= attempts || !isPassing(error)) throw error;
      await delay(Math.random() * baseDelayMilliseconds * 2 ** attempt);
    }
  }
}
