import { ConditionalCheckFailedException, GetItemCommand, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { callingDynamodb } from './failures.ts';
import { outboxKey } from './items.ts';
import { retrying } from './retry.ts';
import { observationTime } from './risk-stream.ts';
import type { Table } from './table.ts';
import { contention, isContention } from './transactions.ts';

/*
 * How a record that was given up is delivered once more: its item is touched, so that the table's stream reports it anew, to every
 * function that reads the stream. They know a touch by an attribute that says when it was made, and do again what they did or
 * could not do when the item was written.
 */

/**
 * Has the registry's stream deliver the record's item, as it is now, once more.
 * @param replayedAt ISO 8601; the same value twice is one delivery.
 * @returns false where the item is gone.
 */
export function replayRegistryRecord(table: Table, record: DynamoDBRecord, replayedAt: string): Promise<boolean> {
  return touch(table, keysOf(record), { replayedAt });
}

/** The same for the end of a certificate. */
export function replayEnd(table: Table, certificateId: string, replayedAt: string): Promise<boolean> {
  const { pk, sk } = outboxKey(certificateId);
  return touch(table, { pk: { S: pk }, sk: { S: sk } }, { replayedAt });
}

/**
 * The same for a risk record, which goes on counting as observed when it was, and not as of now: an agent that was certified
 * since then keeps its certificate.
 */
export async function replayRiskRecord(table: Table, record: DynamoDBRecord, replayedAt: string): Promise<boolean> {
  const { client, tableName } = table;
  const key = keysOf(record);
  const { Item: item } = await callingDynamodb(() =>
    client.send(new GetItemCommand({ TableName: tableName, Key: key, ConsistentRead: true, ProjectionExpression: 'record_id, observed_at' })));
  if (item === undefined) return false;
  const observedAt = observationTime({ record_id: item['record_id']?.S ?? '', observed_at: item['observed_at']?.S }, record.dynamodb?.ApproximateCreationDateTime);
  const isStated = Date.parse(item['observed_at']?.S ?? '') === Date.parse(observedAt);
  return touch(table, key, { replayed_at: replayedAt, ...(!isStated && { observed_at: observedAt }) });
}

async function touch({ client, tableName }: Table, key: Record<string, AttributeValue>, attributes: Readonly<Record<string, string>>): Promise<boolean> {
  const names = Object.keys(attributes);
  const command = () => new UpdateItemCommand({
    TableName: tableName,
    Key: key,
    UpdateExpression: `SET ${names.map((name) => `${name} = :${name}`).join(', ')}`,
    ConditionExpression: Object.keys(key).map((name) => `attribute_exists(${name})`).join(' AND '),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`:${name}`, { S: value }])),
  });
  try {
    await callingDynamodb(() => retrying(() => client.send(command()), isContention, contention));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

// Key attributes are strings in both tables, so there is nothing that Lambda writes another way than the SDK.
const keysOf = ({ dynamodb }: DynamoDBRecord) => (dynamodb?.Keys ?? {}) as Record<string, AttributeValue>;
