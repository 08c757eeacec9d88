import { randomUUID } from 'node:crypto';
import { BatchWriteItemCommand, DeleteItemCommand, DynamoDBClient, PutItemCommand, UpdateTableCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { RiskRecord } from '../../lambdas/authority/ports.ts';
import { assess, type ActionType } from '../../lambdas/authority/risk-assessment.ts';
import type { Item } from '../../lambdas/aws/items.ts';
import { recordItem } from '../../lambdas/aws/risk-items.ts';
import { localCredentials, region } from '../../local/account.ts';

/* Events and other items, written past the API as its functions would have written them, many at a time or long ago. */

/** An event as POST /events records it. */
export function eventRecord(agent: { readonly id: string; readonly tenant_id: string }, actionType: ActionType, observedAt: string, fields: Partial<RiskRecord> & { payload?: object } = {}): RiskRecord {
  const { score, factors } = assess(actionType);
  const { payload = {}, ...others } = fields;
  return {
    id: randomUUID(), agentId: agent.id, tenantId: agent.tenant_id, kind: 'event', score, observedAt, actionType, occurredAt: observedAt, sourceIp: '192.0.2.1',
    attributes: { session_id: null, chain_id: null, factors, payload }, ...others,
  };
}

const writesPerBatch = 25;
const atOnce = 4;

export type Seeding = ReturnType<typeof openSeeding>;

export function openSeeding(endpoint: string) {
  const client = new DynamoDBClient({ endpoint, region, credentials: localCredentials });

  async function putAll(tableName: string, items: readonly Item[]): Promise<void> {
    const batches = Array.from({ length: Math.ceil(items.length / writesPerBatch) }, (_, index) => items.slice(index * writesPerBatch, (index + 1) * writesPerBatch)).values();
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (const batch of batches) {
        const requests = batch.map((item) => ({ PutRequest: { Item: marshall(item, { removeUndefinedValues: true }) } }));
        const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }));
        if (Object.keys(UnprocessedItems ?? {}).length > 0) throw new Error('The engine leaves a part of a BatchWriteItem unprocessed.');
      }
    }));
  }

  return {
    putAll,
    putRecords: (tableName: string, records: readonly RiskRecord[]) => putAll(tableName, records.map(recordItem)),
    /** An item with any attributes at all, such as numbers that JavaScript cannot hold. */
    put: async (tableName: string, item: Record<string, AttributeValue>) => void (await client.send(new PutItemCommand({ TableName: tableName, Item: item }))),
    remove: async (tableName: string, key: Item) => void (await client.send(new DeleteItemCommand({ TableName: tableName, Key: marshall(key) }))),
    /** Without a stream, so that its consumers need not read what is written. */
    async withoutStream(tableName: string, write: () => Promise<void>): Promise<void> {
      await client.send(new UpdateTableCommand({ TableName: tableName, StreamSpecification: { StreamEnabled: false } }));
      await write();
      await client.send(new UpdateTableCommand({ TableName: tableName, StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } }));
    },
    close: () => client.destroy(),
  };
}
