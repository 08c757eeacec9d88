import { setTimeout as delay } from 'node:timers/promises';
import type { KeyEnd } from './certificate-end.ts';
import type { Pace } from './pace.ts';
import type { Effects, KeyRetirement } from './ports.ts';
import { sideBySide } from './side-by-side.ts';

export interface RetirementServices {
  readonly keys: KeyRetirement;
  readonly effects: Pick<Effects, 'hasKeyDeletion' | 'noteKeyDeletion'>;
  /** How often KMS may be asked. */
  readonly pace: Pace;
  readonly clock: () => Date;
}

/**
 * Takes the keys of ended certificates out of use, and notes when. One that is done already costs KMS nothing, so records
 * may be delivered more than once and in any order. Abandoned keys are nobody's, so there is nothing to note of them.
 * @param signal ends the waiting for KMS: what is not done by then is left to the next delivery.
 * @returns how each went, in the order of `ends`.
 */
export function retireKeys(services: RetirementServices, ends: readonly KeyEnd[], signal: AbortSignal): Promise<PromiseSettledResult<void>[]> {
  return sideBySide(ends, ends.length, (end) => retireKey(services, end, signal));
}

async function retireKey(services: RetirementServices, end: KeyEnd, signal: AbortSignal): Promise<void> {
  const { effects } = services;
  const { certificateId } = end;
  // An effect is the certificate's, whose own key is still to be retired one day.
  if (end.cause === 'abandoned') return void (await scheduleDeletion(services, end, () => true, signal));
  if (await effects.hasKeyDeletion(certificateId)) return;
  const isLongAgo = (now: string) => Date.parse(now) - Date.parse(end.endedAt) > shortestWaitingPeriodMilliseconds;
  await effects.noteKeyDeletion(certificateId, await scheduleDeletion(services, end, isLongAgo, signal));
}

/** @param mayBeGone whether a key that KMS does not know at that time is one that is deleted already. */
async function scheduleDeletion(
  { keys, pace, clock }: RetirementServices, { keyArn, certificateId, ...end }: KeyEnd, mayBeGone: (now: string) => boolean, signal: AbortSignal,
): Promise<{ readonly scheduledAt: string; readonly deletionDate?: string }> {
  for (let attempt = 1; ; attempt++) {
    await pace.turn(signal);
    const scheduledAt = clock().toISOString();
    const result = await keys.retireKey(keyArn, 'grantId' in end ? end.grantId : undefined);
    switch (result.outcome) {
      case 'retired': {
        const { deletionDate } = result;
        return { scheduledAt, ...(deletionDate !== undefined && { deletionDate }) };
      }
      case 'try later':
        // The quota is the account's, and others may be using it: all wait, this one behind them.
        pace.holdBack(backoffMilliseconds(attempt));
        break;
      case 'unknown key':
        if (mayBeGone(scheduledAt)) return { scheduledAt };
        if (attempt === attemptsOnUnknownKey) throw new Error(`KMS does not know the key ${keyArn} of certificate ${certificateId}.`);
        await delay(backoffMilliseconds(attempt), undefined, { signal });
    }
  }
}

/** KMS lets no key be deleted sooner; one that is gone after it was deleted by somebody. */
const shortestWaitingPeriodMilliseconds = 7 * 86_400_000;

/** A key that has only just been created may not be known everywhere yet. */
const attemptsOnUnknownKey = 5;

/** Full jitter between an ever wider range of delays: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter */
function backoffMilliseconds(attempt: number): number {
  return Math.random() * Math.min(5_000, 100 * 2 ** attempt);
}
