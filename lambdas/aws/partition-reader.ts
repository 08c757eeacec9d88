import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { callingDynamodb } from './failures.ts';
import { readItem, type Table } from './table.ts';
import type { Item } from './items.ts';
import type { PartitionReader } from './merged-page.ts';

export interface ListPartition {
  /** The index that the partition belongs to; without one it is the table's, which is read strongly consistently. */
  readonly indexName?: string;
  readonly key: { readonly partition: string; readonly sort: string };
  readonly value: string;
  /** Attributes to read; all by default. None may have a name that DynamoDB reserves. */
  readonly attributes?: readonly string[];
}

/** Reads one partition of the table or of an index, each part by one Query. */
export function partitionReader({ client, tableName }: Table, { indexName, key, value, attributes }: ListPartition): PartitionReader<Item> {
  return async (before, limit) => {
    const { Items = [], LastEvaluatedKey } = await callingDynamodb(() => client.send(new QueryCommand({
      TableName: tableName,
      IndexName: indexName,
      ConsistentRead: indexName === undefined,
      KeyConditionExpression: `${key.partition} = :partition AND ${key.sort} < :before`,
      ExpressionAttributeValues: { ':partition': { S: value }, ':before': { S: before } },
      ProjectionExpression: attributes?.join(', '),
      ScanIndexForward: false,
      Limit: limit,
    })));
    const reached = LastEvaluatedKey?.[key.sort]?.S;
    return { entries: Items.map(readItem), ...(reached !== undefined && { reached }) };
  };
}
