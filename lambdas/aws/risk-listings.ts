import type { RiskEvent, RiskEventQuery, RiskEvents } from '../authority/ports.ts';
import { isActionType, riskBand } from '../authority/risk-assessment.ts';
import { tables } from '../schema.ts';
import { readAll } from './batch-read.ts';
import { newest, readCursor, writeCursor } from './cursor.ts';
import { shardDigits, type Item } from './items.ts';
import { mergedPage, type PageWanted } from './merged-page.ts';
import { partitionReader } from './partition-reader.ts';
import { eventAttributes, readRiskEvent, tenantEventsOf, type RiskKey } from './risk-items.ts';
import type { Table } from './table.ts';

/*
 * Lists of events, those first that were received last. Those of one agent are read from its partition, those of a tenant
 * are merged from the 16 partitions of the index, which says which they are; the events themselves are then read from the
 * table.
 */

const { indexes: { 'by-tenant': byTenant }, ...byAgent } = tables.risk;

// What a pipeline has put into a key in the place of a time begins with a digit at least, or it stands with the counts.
const position = /^\d[!-~]{0,300}$/;

/** 16 entries of the index are less than 4 KB, half a read unit: more than a page takes of one partition, as a rule. */
const firstReadOfIndex = 16;
// 4,000 entries of the index are some 100 read units; 1,000 events of some 500 bytes are 125.
const mostLookedAt = { index: 4000, table: 1000 };

export function riskListings(table: Table): RiskEvents {
  return {
    async listOfAgent({ id, tenantId }, query) {
      const reader = partitionReader(table, { key: keyOf(byAgent), value: id, attributes: eventAttributes });
      const { entries, next } = await mergedPage([reader], { ...wanted(tenantId, query), firstRead: query.limit + 1, mostLookedAt: mostLookedAt.table });
      return pageOf(entries, tenantId, next);
    },

    async listOfTenant(tenantId, query) {
      const readers = shardDigits.map((shard) => partitionReader(table, { indexName: 'by-tenant', key: keyOf(byTenant), value: tenantEventsOf(tenantId, shard) }));
      const { entries, next } = await mergedPage(readers, { ...wanted(tenantId, query), firstRead: firstReadOfIndex, mostLookedAt: mostLookedAt.index });
      const keys = entries.map(({ agent_id, record_id }) => ({ agent_id, record_id }) as RiskKey);
      return pageOf(await readAll(table, keys), tenantId, next);
    },
  };
}

const keyOf = ({ partitionKey, sortKey }: { partitionKey: string; sortKey: string }) => ({ partition: partitionKey, sort: sortKey });

function wanted(tenantId: string, { band, actionType, limit, cursor }: RiskEventQuery): Pick<PageWanted<Item>, 'limit' | 'before' | 'positionOf' | 'isWanted'> {
  return {
    limit,
    before: cursor === undefined ? newest : readCursor(cursor, position),
    positionOf: ({ record_id }) => record_id as string,
    // The index does not say whose an entry is: it was asked for this tenant's.
    isWanted: ({ action_type, score, tenant_id = tenantId }) =>
      isActionType(action_type) && typeof score === 'number' && tenant_id === tenantId
      && (actionType === undefined || action_type === actionType) && (band === undefined || riskBand(score) === band),
  };
}

function pageOf(items: readonly (Item | undefined)[], tenantId: string, next: string | undefined) {
  const events: RiskEvent[] = items.flatMap((item) => (item && readRiskEvent(item, tenantId)) ?? []);
  return { items: events, ...(next !== undefined && { nextCursor: writeCursor(next) }) };
}
