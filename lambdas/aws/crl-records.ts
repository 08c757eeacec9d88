import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { CrlRecords } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';
import { behind, crlEntriesOf, crlNumberKey, type Item } from './items.ts';
import { updateItem, type Table } from './table.ts';

export function crlRecords(table: Table): CrlRecords {
  return {
    async drawCrlNumber(path, published, now) {
      const key = crlNumberKey(path);
      for (let thisUpdate = now; ;) {
        const outcome = await updateItem(table, key, {
          UpdateExpression: 'SET crlNumber = if_not_exists(crlNumber, :published) + :one, thisUpdate = :thisUpdate',
          ConditionExpression: 'attribute_not_exists(crlNumber) OR (crlNumber >= :published AND thisUpdate <= :thisUpdate)',
          ExpressionAttributeValues: { ':published': published, ':one': 1, ':thisUpdate': thisUpdate },
          ReturnValues: 'UPDATED_NEW',
        });
        if (outcome.updated) return { number: BigInt(outcome.attributes?.['crlNumber'] as number), thisUpdate };
        const drawn = outcome.found?.['thisUpdate'] as string;
        if (drawn > thisUpdate) thisUpdate = drawn;
        // A registry that was restored from a backup knows of fewer numbers than were published.
        await updateItem(table, key, {
          UpdateExpression: 'SET crlNumber = :published', ConditionExpression: 'crlNumber < :published', ExpressionAttributeValues: { ':published': published },
        });
      }
    },

    async readCrlEntries(crlShard, expiredBy) {
      const parts: Uint8Array[] = [];
      let start: Item | undefined;
      do {
        const page = await callingDynamodb(() => table.client.send(new QueryCommand({
          TableName: table.tableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :shard AND sk > :expired',
          ExpressionAttributeValues: { ':shard': crlEntriesOf(crlShard), ':expired': behind(expiredBy) },
          ProjectionExpression: 'entry',
          ExclusiveStartKey: start,
        })));
        // A page holds some 8,000 items of 1 MB together; joined, they take a third of that and no object each.
        parts.push(Buffer.concat((page.Items ?? []).map(({ entry }) => entry as Uint8Array)));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return parts;
    },
  };
}
