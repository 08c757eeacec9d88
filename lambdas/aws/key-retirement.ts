import { RevokeGrantCommand, ScheduleKeyDeletionCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { KeyRetirement } from '../authority/ports.ts';
import { callingKms, isPassing } from './failures.ts';
import { isPendingDeletion, isUnknownKey } from './key-states.ts';

export interface KeyRetirementOptions {
  /** How long a key can still be saved after its deletion was scheduled: 7 to 30 days. */
  readonly pendingWindowInDays: number;
}

/** @param client one that does not repeat requests: how often KMS is asked is for the caller to pace. */
export function keyRetirement(client: KMSClient, { pendingWindowInDays }: KeyRetirementOptions): KeyRetirement {
  const limit = () => ({ abortSignal: AbortSignal.timeout(5_000) });

  async function scheduleDeletion(KeyId: string): Promise<Date | undefined> {
    try {
      return (await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: pendingWindowInDays }), limit())).DeletionDate;
    } catch (error) {
      // An earlier attempt got through.
      if (isPendingDeletion(error)) return undefined;
      throw error;
    }
  }

  async function revokeGrant(KeyId: string, GrantId: string): Promise<void> {
    try {
      await client.send(new RevokeGrantCommand({ KeyId, GrantId }), limit());
    } catch (error) {
      // The key is there, so it is the grant that is gone.
      if (!isUnknownKey(error)) throw error;
    }
  }

  return {
    async retireKey(keyArn, grantId) {
      try {
        const deletionDate = await scheduleDeletion(keyArn);
        if (grantId !== undefined) await revokeGrant(keyArn, grantId);
        return { outcome: 'retired', ...(deletionDate !== undefined && { deletionDate: deletionDate.toISOString() }) };
      } catch (error) {
        if (isUnknownKey(error)) return { outcome: 'unknown key' };
        if (isPassing(error)) return { outcome: 'try later', cause: error };
        return callingKms(() => Promise.reject(error));
      }
    },
  };
}
