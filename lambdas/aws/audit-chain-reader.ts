import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { ChainLink } from '../authority/chain-link.ts';
import type { AuditChainReader } from '../authority/ports.ts';
import { sideBySide, valuesOf } from '../authority/side-by-side.ts';
import { readAll } from './batch-read.ts';
import { callingDynamodb } from './failures.ts';
import { auditEntryKey, chainOf, chains, readAuditEntry, readChainLink, sequenceKey, type Item } from './items.ts';
import type { Table } from './table.ts';

// BatchGetItem's limit.
const mostKeysAtOnce = 100;
const batchesAtOnce = 4;

export function auditChainReader(table: Table): AuditChainReader {
  return {
    async listTenants() {
      const tenantIds: string[] = [];
      let start: Item | undefined;
      do {
        const page = await callingDynamodb(() => table.client.send(new QueryCommand({
          TableName: table.tableName, IndexName: 'by-tenant', KeyConditionExpression: 'tenantCollection = :chains', ExpressionAttributeValues: { ':chains': chains },
          ProjectionExpression: 'creation', ExclusiveStartKey: start,
        })));
        tenantIds.push(...(page.Items ?? []).map(({ creation }) => creation as string));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return tenantIds;
    },

    async readLinks(tenantId, { after, through, limit }) {
      const links: ChainLink[] = [];
      let start: Item | undefined;
      if (through <= after) return links;
      do {
        const page = await callingDynamodb(() => table.client.send(new QueryCommand({
          TableName: table.tableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :chain AND sk BETWEEN :first AND :last',
          ExpressionAttributeValues: { ':chain': chainOf(tenantId), ':first': sequenceKey(after + 1), ':last': sequenceKey(through) },
          Limit: limit - links.length,
          ExclusiveStartKey: start,
        })));
        links.push(...(page.Items ?? []).map(readChainLink));
        start = page.LastEvaluatedKey;
      } while (start !== undefined && links.length < limit);
      return links;
    },

    readEntries: async (links) => (await readItems(table, links.map(auditEntryKey))).map(readAuditEntry),
  };
}

/** Reads any number of items by key, strongly consistently; undefined for what is not there. */
export async function readItems(table: Table, keys: readonly Readonly<Record<string, string>>[]): Promise<(Item | undefined)[]> {
  const batches = Array.from({ length: Math.ceil(keys.length / mostKeysAtOnce) }, (_, index) => keys.slice(index * mostKeysAtOnce, (index + 1) * mostKeysAtOnce));
  return valuesOf(await sideBySide(batches, batchesAtOnce, (batch) => readAll(table, batch))).flat();
}
