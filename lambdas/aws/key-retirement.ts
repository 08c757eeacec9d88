import { ScheduleKeyDeletionCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { KeyRetirement } from '../authority/ports.ts';
import { callingKms, isPassing } from './failures.ts';
import { isPendingDeletion, isUnknownKey } from './key-states.ts';

export interface KeyRetirementOptions {
  /** How long a key can still be saved after its deletion was scheduled: 7 to 30 days. */
  readonly pendingWindowInDays: number;
}

/** @param client one that does not repeat requests: how often KMS is asked is for the caller to pace. */
export function keyRetirement(client: KMSClient, { pendingWindowInDays }: KeyRetirementOptions): KeyRetirement {
  return {
    async scheduleKeyDeletion(keyArn) {
      const command = new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: pendingWindowInDays });
      try {
        const { DeletionDate } = await client.send(command, { abortSignal: AbortSignal.timeout(5_000) });
        return { outcome: 'scheduled', ...(DeletionDate !== undefined && { deletionDate: DeletionDate.toISOString() }) };
      } catch (error) {
        // An earlier attempt got through.
        if (isPendingDeletion(error)) return { outcome: 'scheduled' };
        if (isUnknownKey(error)) return { outcome: 'unknown key' };
        if (isPassing(error)) return { outcome: 'try later', cause: error };
        return callingKms(() => Promise.reject(error));
      }
    },
  };
}
