import { QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ChainLink } from '../authority/chain-link.ts';
import type { AuditChainReader } from '../authority/audit-ports.ts';
import { readItems } from './batch-read.ts';
import { callingDynamodb } from './failures.ts';
import { auditEntryKey, chainOf, chains, readChainLink, sequenceKey } from './chain-items.ts';
import { readAuditEntry } from './items.ts';
import { readItem, type Table } from './table.ts';

export function auditChainReader(table: Table): AuditChainReader {
  return {
    async listTenants() {
      const tenantIds: string[] = [];
      let start: Record<string, AttributeValue> | undefined;
      do {
        const page = await callingDynamodb(() => table.client.send(new QueryCommand({
          TableName: table.tableName, IndexName: 'by-tenant', KeyConditionExpression: 'tenantCollection = :chains', ExpressionAttributeValues: { ':chains': { S: chains } },
          ProjectionExpression: 'creation', ExclusiveStartKey: start,
        })));
        tenantIds.push(...(page.Items ?? []).map(({ creation }) => creation?.S ?? ''));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return tenantIds;
    },

    async readLinks(tenantId, { after, through, limit }) {
      const links: ChainLink[] = [];
      let start: Record<string, AttributeValue> | undefined;
      if (through <= after) return links;
      do {
        const page = await callingDynamodb(() => table.client.send(new QueryCommand({
          TableName: table.tableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :chain AND sk BETWEEN :first AND :last',
          ExpressionAttributeValues: { ':chain': { S: chainOf(tenantId) }, ':first': { S: sequenceKey(after + 1) }, ':last': { S: sequenceKey(through) } },
          Limit: limit - links.length,
          ExclusiveStartKey: start,
        })));
        links.push(...(page.Items ?? []).map((item) => readChainLink(readItem(item))));
        start = page.LastEvaluatedKey;
      } while (start !== undefined && links.length < limit);
      return links;
    },

    readEntries: async (links) => (await readItems(table, links.map(auditEntryKey))).map(readAuditEntry),
  };
}
