import { KMSInvalidStateException, NotFoundException, RevokeGrantCommand, ScheduleKeyDeletionCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { KeyRetirement } from '../authority/ports.ts';
import { callingKms, isPassing } from './failures.ts';
import { retrying } from './retry.ts';

export interface KeyRetirementOptions {
  /** How long a key can still be saved after its deletion was scheduled: 7 to 30 days. */
  readonly pendingWindowInDays: number;
}

/** @param client one that does not repeat requests: how often KMS is asked is for the caller to pace. */
export function keyRetirement(client: KMSClient, { pendingWindowInDays }: KeyRetirementOptions): KeyRetirement {
  const limit = () => ({ abortSignal: AbortSignal.timeout(5_000) });

  async function scheduleDeletion(KeyId: string): Promise<Date | undefined> {
    const command = () => new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: pendingWindowInDays });
    const within = limit();
    try {
      // A key that has only just been created may not be known everywhere yet.
      return (await retrying(() => client.send(command(), within), (error) => error instanceof NotFoundException, { attempts: 4, baseDelayMilliseconds: 50 })).DeletionDate;
    } catch (error) {
      // Pending deletion already: an earlier attempt got through.
      if (error instanceof KMSInvalidStateException) return undefined;
      throw error;
    }
  }

  async function revokeGrant(KeyId: string, GrantId: string): Promise<void> {
    try {
      await client.send(new RevokeGrantCommand({ KeyId, GrantId }), limit());
    } catch (error) {
      // The key is there, so it is the grant that is gone.
      if (!(error instanceof NotFoundException)) throw error;
    }
  }

  return {
    async retireKey(keyArn, grantId) {
      try {
        const deletionDate = await scheduleDeletion(keyArn);
        if (grantId !== undefined) await revokeGrant(keyArn, grantId);
        return { outcome: 'retired', ...(deletionDate !== undefined && { deletionDate: deletionDate.toISOString() }) };
      } catch (error) {
        if (isPassing(error)) return { outcome: 'try later', cause: error };
        return callingKms(() => Promise.reject(error));
      }
    },
  };
}
