import type { AuditEntry } from '../authority/audit.ts';
import type { AuditTrail } from '../authority/ports.ts';
import { tables } from '../schema.ts';
import { mostKeysAtOnce, readAll } from './batch-read.ts';
import { newest, readCursor, writeCursor } from './cursor.ts';
import { auditEntriesOf, auditTrailOf, creationOf, readAuditEntry, shardDigits, type Key } from './items.ts';
import { mergedPage, type PartitionReader } from './merged-page.ts';
import { partitionReader } from './partition-reader.ts';
import type { Table } from './table.ts';

/*
 * The audit trail, newest first: merged from its 16 partitions in the table, or where it is asked about one agent or
 * certificate, in the order of the index that has the entries about each together.
 */

const { indexes: { 'by-agent': byAgent }, ...byShard } = tables.registry;

/** More than a page takes of one partition, as a rule; of some 700 bytes each, one read unit or two. */
const firstReadOfShard = (limit: number) => Math.ceil(limit / shardDigits.length) + 3;
// Some 750 read units.
const mostLookedAt = 4000;

export function auditTrail(table: Table): AuditTrail {
  return {
    async list(tenantId, { eventType, actorType, affectedId, limit, cursor }) {
      const readers = affectedId === undefined
        ? shardDigits.map((shard) => shardReader(table, auditEntriesOf(tenantId, shard)))
        : [trailReader(table, auditTrailOf(tenantId, affectedId))];
      const { entries, next } = await mergedPage(readers, {
        limit,
        before: cursor === undefined ? newest : readCursor(cursor),
        positionOf: creationOf,
        isWanted: (entry) => (eventType === undefined || entry.eventType === eventType) && (actorType === undefined || entry.actor.type === actorType),
        firstRead: affectedId === undefined ? firstReadOfShard(limit) : Math.min(limit + 1, mostKeysAtOnce),
        mostLookedAt,
      });
      return { items: entries, ...(next !== undefined && { nextCursor: writeCursor(next) }) };
    },
  };
}

function shardReader(table: Table, value: string): PartitionReader<AuditEntry> {
  const read = partitionReader(table, { key: { partition: byShard.partitionKey, sort: byShard.sortKey }, value });
  return async (before, limit) => {
    const { entries, ...rest } = await read(before, limit);
    return { entries: entries.flatMap((item) => readAuditEntry(item) ?? []), ...rest };
  };
}

/** The index knows the entries' keys; what they say is read from the table. */
function trailReader(table: Table, value: string): PartitionReader<AuditEntry> {
  const read = partitionReader(table, { indexName: 'by-agent', key: { partition: byAgent.partitionKey, sort: byAgent.sortKey }, value });
  return async (before, limit) => {
    const { entries, ...rest } = await read(before, Math.min(limit, mostKeysAtOnce));
    const items = await readAll(table, entries.map(({ pk, sk }) => ({ pk, sk }) as Key));
    return { entries: items.flatMap((item) => readAuditEntry(item) ?? []), ...rest };
  };
}
