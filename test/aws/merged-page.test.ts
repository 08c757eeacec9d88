import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mergedPage, type PartitionReader, type PageWanted } from '../../lambdas/aws/merged-page.ts';

/* The order and completeness of lists that are merged from partitions, and how much is read for them. */

interface Entry {
  readonly position: string;
  readonly wanted: boolean;
}

/** Partitions as DynamoDB reads them: it names a place to go on from whenever the limit was reached, whether or not more follows. */
function partitionsOf(entries: readonly Entry[], count: number) {
  const partitions = Array.from({ length: count }, (_, index) => entries.filter(({ position }) => hash(position) % count === index).sort((a, b) => (a.position < b.position ? 1 : -1)));
  const reads: number[] = [];
  const readers = partitions.map((partition): PartitionReader<Entry> => async (before, limit) => {
    const found = partition.filter(({ position }) => position < before).slice(0, limit);
    reads.push(found.length);
    const last = found.at(-1);
    return { entries: found, ...(found.length === limit && last !== undefined && { reached: last.position }) };
  });
  return { readers, reads };
}

const hash = (text: string) => [...text].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 9973, 7);
const wantedOf = (fields: Partial<PageWanted<Entry>>): PageWanted<Entry> => ({
  limit: 20, before: ':', positionOf: ({ position }) => position, isWanted: ({ wanted }) => wanted, firstRead: 4, mostLookedAt: 1000, ...fields,
});
const newestFirst = (entries: readonly Entry[]) => entries.filter(({ wanted }) => wanted).map(({ position }) => position).sort().reverse();

/** Follows the list from page to page. */
async function walk(readers: readonly PartitionReader<Entry>[], fields: Partial<PageWanted<Entry>>) {
  const pages: string[][] = [];
  let before: string | undefined = ':';
  while (before !== undefined) {
    const page: { entries: Entry[]; next?: string } = await mergedPage(readers, wantedOf({ ...fields, before }));
    pages.push(page.entries.map(({ position }) => position));
    if (page.next !== undefined) expect(page.next < before).toBe(true);
    before = page.next;
  }
  return pages;
}

const entries = fc.uniqueArray(fc.record({ position: fc.integer({ min: 0, max: 9999 }).map((number) => String(number).padStart(4, '0')), wanted: fc.boolean() }), { selector: ({ position }) => position, maxLength: 120 });

test('each wanted entry comes once, newest first, whatever the partitions, the limit and the bound', async () => {
  await fc.assert(fc.asyncProperty(entries, fc.integer({ min: 1, max: 17 }), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 200 }), async (all, count, limit, firstRead, mostLookedAt) => {
    const pages = await walk(partitionsOf(all, count).readers, { limit, firstRead, mostLookedAt });
    expect(pages.flat()).toEqual(newestFirst(all));
    for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit);
  }), { numRuns: 300 });
});

test('without the bound, all pages but the last are full, and the last is not empty', async () => {
  await fc.assert(fc.asyncProperty(entries, fc.integer({ min: 1, max: 17 }), fc.integer({ min: 1, max: 30 }), async (all, count, limit) => {
    const pages = await walk(partitionsOf(all, count).readers, { limit, mostLookedAt: Infinity });
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
    expect(pages.at(-1)).toHaveLength(newestFirst(all).length === 0 ? 0 : (newestFirst(all).length - 1) % limit + 1);
  }));
});

test('what is added at the front between two pages does not show, and moves nothing', async () => {
  await fc.assert(fc.asyncProperty(entries, fc.integer({ min: 1, max: 10 }), async (all, limit) => {
    const [old, added] = [all.filter((_, index) => index % 2 === 0), all.filter((_, index) => index % 2 === 1)];
    const first = await mergedPage(partitionsOf(old, 5).readers, wantedOf({ limit }));
    if (first.next === undefined) return;
    const { next } = first;
    const later = [...old, ...added.filter(({ position }) => position > next)];
    const second = await mergedPage(partitionsOf(later, 5).readers, wantedOf({ limit, before: next }));
    expect([...first.entries, ...second.entries].map(({ position }) => position)).toEqual(newestFirst(old).slice(0, 2 * limit));
  }));
});

describe('of 16 partitions', () => {
  const many = (wanted: (index: number) => boolean) => Array.from({ length: 40_000 }, (_, index) => ({ position: String(index).padStart(6, '0'), wanted: wanted(index) }));
  const total = (reads: readonly number[]) => reads.reduce((sum, length) => sum + length, 0);

  test('a page is read in one round where the first read suffices', async () => {
    const { readers, reads } = partitionsOf(many(() => true), 16);
    expect((await mergedPage(readers, wantedOf({ limit: 20, firstRead: 16 }))).entries).toHaveLength(20);
    expect(reads).toEqual(Array(16).fill(16));
  });

  test('what is not there is looked for as far as the bound and little further, and the next page goes on from there', async () => {
    const { readers, reads } = partitionsOf(many(() => false), 16);
    const { entries: found, next } = await mergedPage(readers, wantedOf({ mostLookedAt: 4000, firstRead: 16 }));
    expect(found).toEqual([]);
    expect(total(reads)).toBeGreaterThanOrEqual(4000);
    expect(total(reads)).toBeLessThan(4000 + 16);
    expect(Number(next)).toBeLessThan(40_000 - 3000);
  });
});
