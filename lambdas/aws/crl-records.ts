import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { Refusal } from '../authority/errors.ts';
import type { CrlRecords } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';
import { behind, crlEntriesOf, crlNumberKey, type Item } from './items.ts';
import { updateItem, type Table } from './table.ts';

// A draw fails only where another one succeeded, or the registry is behind what is published, which is put right at once.
const attempts = 50;

export function crlRecords(table: Table): CrlRecords {
  return {
    async drawCrlNumber(path, published, { now, latest }) {
      const key = crlNumberKey(path);
      let thisUpdate = now;
      for (let attempt = 0; attempt < attempts; attempt++) {
        const outcome = await updateItem(table, key, {
          UpdateExpression: 'SET crlNumber = if_not_exists(crlNumber, :published) + :one, thisUpdate = :thisUpdate',
          ConditionExpression: 'attribute_not_exists(crlNumber) OR (crlNumber >= :published AND (attribute_not_exists(thisUpdate) OR thisUpdate <= :thisUpdate OR thisUpdate > :latest))',
          ExpressionAttributeValues: { ':published': published, ':one': 1, ':thisUpdate': thisUpdate, ':latest': latest },
          ReturnValues: 'UPDATED_NEW',
        });
        if (outcome.updated) return { number: BigInt(outcome.attributes?.['crlNumber'] as number), thisUpdate };
        const drawn = outcome.found?.['thisUpdate'];
        if (typeof drawn === 'string' && drawn > thisUpdate && drawn <= latest) thisUpdate = drawn;
        // A registry that was restored from a backup knows of fewer numbers than were published.
        await updateItem(table, key, {
          UpdateExpression: 'SET crlNumber = :published', ConditionExpression: 'crlNumber < :published', ExpressionAttributeValues: { ':published': published },
        });
      }
      throw new Refusal('REGISTRY_UNAVAILABLE', 'Too many publications of the same CRL are under way at the moment. Try again shortly.');
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
