import { DescribeKeyCommand, InvalidMarkerException, ListKeysCommand, ListResourceTagsCommand, type KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import type { KeyInventory } from '../authority/reconciler-ports.ts';
import { callingKms } from './failures.ts';
import { isUnknownKey } from './key-states.ts';

export interface KeyInventoryOptions {
  /** The deployment whose agents' keys are wanted. */
  readonly deployment: string;
  /** Resolves when KMS may be asked again. */
  readonly turn: () => Promise<void>;
}

/** The tags an agent's key is born with (key-management.ts); one that lacks any was not born here. */
const tagsShape = z.object({
  'kakunin:deployment': z.string(),
  'kakunin:role': z.literal('agent'),
  'kakunin:tenant': z.string().min(1),
  'kakunin:agent': z.string().min(1),
  'kakunin:certificate': z.uuid(),
});

// What a run that was broken off looks at a second time. KMS would give 1,000 at once.
const keysInPart = 100;

/**
 * The account's keys by their tags. KMS itself is asked, key by key, and not the Resource Groups Tagging API, which would
 * filter by tag: that one is told of tags later, does not say which keys it leaves out, and its one permission opens the tags
 * of every resource in the account. A key costs 1 USD a month; asking for its tags every hour adds 0.2 cents.
 * https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
 */
export function keyInventory(client: KMSClient, { deployment, turn }: KeyInventoryOptions): KeyInventory {
  /** Asks when it is our turn; undefined for a key that is gone. */
  async function ask<Answer>(call: (limit: { abortSignal: AbortSignal }) => Promise<Answer>): Promise<Answer | undefined> {
    await turn();
    return callingKms(async () => {
      try {
        return await call({ abortSignal: AbortSignal.timeout(10_000) });
      } catch (error) {
        if (isUnknownKey(error)) return undefined;
        throw error;
      }
    });
  }

  async function listKeys(marker: string | undefined): ReturnType<KeyInventory['listKeys']> {
    try {
      const { Keys = [], NextMarker } = (await ask((limit) => client.send(new ListKeysCommand({ Limit: keysInPart, Marker: marker }), limit))) ?? {};
      return { keyArns: Keys.flatMap(({ KeyArn }) => KeyArn ?? []), ...(NextMarker !== undefined && { marker: NextMarker }) };
    } catch (error) {
      // KMS does not say how long a marker is good for.
      if (marker === undefined || !(error instanceof InvalidMarkerException)) throw error;
      return listKeys(undefined);
    }
  }

  return {
    listKeys,

    async readAgentKey(keyArn) {
      const answer = await ask(async (limit) => {
        try {
          // A key has 50 tags at most, which is one page.
          return await client.send(new ListResourceTagsCommand({ KeyId: keyArn, Limit: 50 }), limit);
        } catch (error) {
          // Of a key whose policy keeps the account's IAM out; those of agents let it in.
          if (error instanceof Error && error.name === 'AccessDeniedException') return undefined;
          throw error;
        }
      });
      const tags = tagsShape.safeParse(Object.fromEntries((answer?.Tags ?? []).map(({ TagKey = '', TagValue }) => [TagKey, TagValue])));
      if (!tags.success || tags.data['kakunin:deployment'] !== deployment) return undefined;
      const { 'kakunin:tenant': tenantId, 'kakunin:agent': agentId, 'kakunin:certificate': certificateId } = tags.data;
      return { arn: keyArn, tenantId, agentId, certificateId };
    },

    async describeKey(keyArn) {
      const metadata = (await ask((limit) => client.send(new DescribeKeyCommand({ KeyId: keyArn }), limit)))?.KeyMetadata;
      if (metadata?.CreationDate === undefined) return undefined;
      return { createdAt: metadata.CreationDate.toISOString(), isPendingDeletion: metadata.KeyState === 'PendingDeletion' };
    },
  };
}
