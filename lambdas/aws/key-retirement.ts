import { KMSInvalidStateException, NotFoundException, ScheduleKeyDeletionCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { KeyRetirement } from '../authority/ports.ts';
import { callingKms, isPassing } from './failures.ts';
import { retrying } from './retry.ts';

export interface KeyRetirementOptions {
  /** How long a key can still be saved after its deletion was scheduled: 7 to 30 days. */
  readonly pendingWindowInDays: number;
}

/** @param client one that does not repeat requests: how often KMS is asked is for the caller to pace. */
export function keyRetirement(client: KMSClient, { pendingWindowInDays }: KeyRetirementOptions): KeyRetirement {
  return {
    async scheduleKeyDeletion(keyArn) {
      const command = () => new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: pendingWindowInDays });
      const limit = { abortSignal: AbortSignal.timeout(5_000) };
      try {
        // A key that has only just been created may not be known everywhere yet.
        const { DeletionDate } = await retrying(() => client.send(command(), limit), (error) => error instanceof NotFoundException, { attempts: 4, baseDelayMilliseconds: 50 });
        return { outcome: 'scheduled', ...(DeletionDate !== undefined && { deletionDate: DeletionDate.toISOString() }) };
      } catch (error) {
        // Pending deletion already: an earlier attempt got through.
        if (error instanceof KMSInvalidStateException) return { outcome: 'scheduled' };
        if (isPassing(error)) return { outcome: 'try later', cause: error };
        return callingKms(() => Promise.reject(error));
      }
    },
  };
}
