import { setTimeout as delay } from 'node:timers/promises';
import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { Refusal } from '../authority/errors.ts';
import type { Effects } from '../authority/ports.ts';
import { sideBySide, valuesOf } from '../authority/side-by-side.ts';
import { callingDynamodb } from './failures.ts';
import { effectKey, type Item } from './items.ts';
import { partsOf } from './parts.ts';
import { getItem, updateItem, type Table } from './table.ts';

// BatchWriteItem takes 25 items, and none twice.
const batchSize = 25;
const batchesAtOnce = 8;

export function effects(table: Table): Effects {
  const { client, tableName: TableName } = table;
  return {
    hasKeyDeletion: async (certificateId) => (await getItem(table, effectKey(certificateId, 'KEY-DELETION'))) !== undefined,

    async listEffects(certificateId) {
      const { Items = [] } = await callingDynamodb(() => client.send(new QueryCommand({
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :effects',
        ExpressionAttributeValues: { ':effects': effectKey(certificateId, 'CRL').pk },
      })));
      return new Set(Items.map(({ sk }) => sk as 'KEY-DELETION' | 'CRL'));
    },

    async noteKeyDeletion(certificateId, { scheduledAt, deletionDate }) {
      await updateItem(table, effectKey(certificateId, 'KEY-DELETION'), {
        UpdateExpression: `SET scheduledAt = :scheduledAt${deletionDate === undefined ? '' : ', deletionDate = :deletionDate'}`,
        ConditionExpression: 'attribute_not_exists(pk)',
        ExpressionAttributeValues: { ':scheduledAt': scheduledAt, ':deletionDate': deletionDate },
      });
    },

    async noteCrls(notes) {
      const items = new Map(notes.map(({ certificateId, ...effect }) => [certificateId, { ...effectKey(certificateId, 'CRL'), ...effect }]));
      valuesOf(await sideBySide(partsOf([...items.values()], batchSize), batchesAtOnce, (batch) => putAll(table, batch)));
    },
  };
}

const attempts = 8;

/** Puts the items, and what DynamoDB left out once more, ever later. */
async function putAll({ client, tableName }: Table, items: readonly Item[]): Promise<void> {
  let requests = items.map((item) => ({ PutRequest: { Item: item } }));
  for (let attempt = 1; ; attempt++) {
    const batch = requests;
    const { UnprocessedItems } = await callingDynamodb(() => client.send(new BatchWriteCommand({ RequestItems: { [tableName]: batch } })));
    requests = (UnprocessedItems?.[tableName] ?? []) as typeof requests;
    if (requests.length === 0) return;
    if (attempt >= attempts) throw new Refusal('REGISTRY_UNAVAILABLE', 'The registry takes no more writes at the moment. Try again shortly.');
    await delay(Math.random() * 25 * 2 ** attempt);
  }
}
