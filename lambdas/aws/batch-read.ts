import { setTimeout as delay } from 'node:timers/promises';
import { BatchGetItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { sideBySide, valuesOf } from '../authority/side-by-side.ts';
import { callingDynamodb } from './failures.ts';
import type { Item } from './items.ts';
import { partsOf } from './parts.ts';
import { readItem, type Table } from './table.ts';

/** BatchGetItem's limit. */
export const mostKeysAtOnce = 100;

const batchesAtOnce = 4;

/** Reads any number of items by key, as readAll does. */
export async function readItems(table: Table, keys: readonly Readonly<Record<string, string>>[]): Promise<(Item | undefined)[]> {
  return valuesOf(await sideBySide(partsOf(keys, mostKeysAtOnce), batchesAtOnce, (part) => readAll(table, part))).flat();
}

/**
 * Reads items by key, at most `mostKeysAtOnce`, strongly consistently.
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
