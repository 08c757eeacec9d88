import { isDeepStrictEqual } from 'node:util';
import type { AuditEntry } from '../../../lambdas/authority/audit.ts';
import type { AuditInspection } from '../../../lambdas/aws/audit-inspection.ts';
import { readChainLink } from '../../../lambdas/aws/chain-items.ts';
import { auditItem, readAuditEntry, shardDigits, type Item } from '../../../lambdas/aws/items.ts';
import type { Findings } from './findings.ts';

const entriesAtOnce = 400;

/** Until then an entry may be on its way: the stream's consumer tries again for some minutes. */
const chainedWithinMilliseconds = 10 * 60_000;

export interface EntryWalk {
  readonly tenantId: string;
  readonly inspection: AuditInspection;
  readonly findings: Findings;
  readonly now: Date;
  readonly progress: (entries: number) => void;
}

/**
 * Walks a tenant's audit entries: each is in the chain, at the place that its mark says, and lies where it was put.
 * What a chained entry says is held against its hash by the walk along the chain.
 * @returns how many there are, and how many of them are in no chain.
 */
export async function walkEntries(walk: EntryWalk): Promise<{ entries: number; unchained: number }> {
  const { tenantId, inspection, progress } = walk;
  let [entries, unchained] = [0, 0];
  for (const shard of shardDigits) {
    for (let after = '';;) {
      const items = await inspection.entries(tenantId, shard, after, entriesAtOnce);
      unchained += await lookAt(items, walk);
      entries += items.length;
      const last = items.at(-1);
      if (last === undefined || items.length < entriesAtOnce) break;
      after = last['sk'] as string;
      progress(entries);
    }
  }
  return { entries, unchained };
}

async function lookAt(items: readonly Item[], { tenantId, inspection, findings, now }: EntryWalk): Promise<number> {
  const entries = items.map((item) => readAuditEntry(item) as AuditEntry);
  // By the key, which cannot be altered: whatever else an entry says of itself may have been.
  const places = items.map(({ sk }) => placeOf(sk as string));
  const marks = await inspection.marksOf(places.map(({ id }) => id));
  const links = await linksOf(marks, tenantId, inspection);
  let unchained = 0;
  items.forEach((item, index) => {
    const { id, createdAt } = places[index] as Place;
    const where = `entry ${id}`;
    if (!isAsWritten(item, entries[index] as AuditEntry)) findings.add(where, `It is not as it was written at ${createdAt}: attributes of it were altered, added or removed`);
    const link = links[index];
    if (link !== undefined && link.entryId === id && link.entryCreatedAt === createdAt) return;
    if (marks[index] === undefined && Math.abs(now.getTime() - Date.parse(createdAt)) < chainedWithinMilliseconds) return;
    unchained += 1;
    findings.add(where, marks[index] === undefined ? `It is in no chain, and was written at ${createdAt}` : 'It is marked as chained, and the chain has no link of it at that place');
  });
  return unchained;
}

interface Place {
  readonly id: string;
  readonly createdAt: string;
}

function placeOf(sortKey: string): Place {
  const [createdAt = '', id = ''] = sortKey.split('#');
  return { id, createdAt };
}

async function linksOf(marks: readonly (Item | undefined)[], tenantId: string, inspection: AuditInspection) {
  const sequences = [...new Set(marks.flatMap((mark) => (mark !== undefined && Number.isSafeInteger(mark['sequence']) ? [mark['sequence'] as number] : [])))];
  const found = await inspection.linksAt(sequences.map((sequence) => ({ tenantId, sequence })));
  const links = new Map(sequences.map((sequence, index) => [sequence, found[index]] as const));
  return marks.map((mark) => {
    const item = mark === undefined ? undefined : links.get(mark['sequence'] as number);
    return item && readChainLink(item);
  });
}

/** But for `replayedAt`, which says that it was delivered once more (lambdas/aws/replay.ts). */
function isAsWritten({ replayedAt: _, ...item }: Item, entry: AuditEntry): boolean {
  try {
    return isDeepStrictEqual(item, auditItem(entry));
  } catch {
    return false;
  }
}
