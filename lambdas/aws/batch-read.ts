import { setTimeout as delay } from 'node:timers/promises';
import { BatchGetItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { callingDynamodb } from './failures.ts';
import type { Item } from './items.ts';
import { readItem, type Table } from './table.ts';

/**
 * Reads items by key, at most 100, strongly consistently.
 * @returns them in the order of the keys; undefined for what is not there.
 */
export async function readAll({ client, tableName }: Table, keys: readonly Readonly<Record<string, string>>[]): Promise<(Item | undefined)[]> {
  const names = Object.keys(keys[0] ?? {});
  const identityOf = (item: Item) => JSON.stringify(names.map((name) => item[name]));
  const found = new Map<string, Item>();
  let wanted = keys.map((key): Record<string, AttributeValue> => Object.fromEntries(Object.entries(key).map(([name, value]) => [name, { S: value }])));
  while (wanted.length > 0) {
    const batch = wanted;
    const { Responses, UnprocessedKeys } = await callingDynamodb(() =>
      client.send(new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: batch, ConsistentRead: true } } })));
    for (const item of (Responses?.[tableName] ?? []).map(readItem)) found.set(identityOf(item), item);
    wanted = UnprocessedKeys?.[tableName]?.Keys ?? [];
    // DynamoDB could not take more at once: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    if (wanted.length > 0) await delay(Math.random() * 100);
  }
  return keys.map((key) => found.get(identityOf(key)));
}
