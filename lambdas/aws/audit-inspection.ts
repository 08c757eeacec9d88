import { QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ChainLink } from '../authority/chain-link.ts';
import { readItems } from './batch-read.ts';
import { auditEntryKey, chainHeadKey, chainLinkKey, chainMarkKey, chainOf, exportProgressKey, exportsOf, sequenceKey, signedHeadPrefix } from './chain-items.ts';
import { callingDynamodb } from './failures.ts';
import { auditEntriesOf, type Item } from './items.ts';
import { getItem, readItem, type Table } from './table.ts';

/**
 * The audit trail as it lies in the registry table, item by item with all their attributes: for an operator's console, which
 * looks for what was altered. Every read is strongly consistent.
 */
export function auditInspection(table: Table) {
  /** A part of a partition, by sort key from one up to another. */
  async function range(partition: string, first: string, last: string, options: { limit: number; descending?: boolean }): Promise<Item[]> {
    const items: Item[] = [];
    let start: Record<string, AttributeValue> | undefined;
    if (last < first) return items;
    do {
      const page = await callingDynamodb(() => table.client.send(new QueryCommand({
        TableName: table.tableName, ConsistentRead: true, KeyConditionExpression: 'pk = :partition AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':partition': { S: partition }, ':first': { S: first }, ':last': { S: last } },
        ScanIndexForward: options.descending !== true, Limit: options.limit - items.length, ExclusiveStartKey: start,
      })));
      items.push(...(page.Items ?? []).map(readItem));
      start = page.LastEvaluatedKey;
    } while (start !== undefined && items.length < options.limit);
    return items;
  }

  return {
    head: (tenantId: string) => getItem(table, chainHeadKey(tenantId)),
    progress: (tenantId: string) => getItem(table, exportProgressKey(tenantId)),
    /** Links behind `after`, a sort key, up to a number. */
    links: (tenantId: string, after: string, through: number, limit: number) => range(chainOf(tenantId), `${after}!`, sequenceKey(through), { limit }),
    signedHeads: (tenantId: string, after: string, through: string, limit: number) => range(exportsOf(tenantId), `${after}!`, through, { limit }),
    lastSignedHead: async (tenantId: string) => (await range(exportsOf(tenantId), signedHeadPrefix, `${signedHeadPrefix}~`, { limit: 1, descending: true }))[0],
    entriesOf: (links: readonly ChainLink[]) => readItems(table, links.map(auditEntryKey)),
    marksOf: (entryIds: readonly string[]) => readItems(table, entryIds.map(chainMarkKey)),
    linksAt: (places: readonly { readonly tenantId: string; readonly sequence: number }[]) => readItems(table, places.map(({ tenantId, sequence }) => chainLinkKey(tenantId, sequence))),
    /** Entries of a tenant's shard behind `after`, a sort key, in the order of their times. */
    entries: (tenantId: string, shard: string, after: string, limit: number) => range(auditEntriesOf(tenantId, shard), `${after}!`, '~', { limit }),
  };
}

export type AuditInspection = ReturnType<typeof auditInspection>;
