import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { openSeeding, type Seeding } from './risk-events.ts';
import { caller, startTestRuntime, type Call, type Reply, type TestRuntime } from './runtime.ts';
import { openTables, type Tables } from './tables.ts';

/* What tests of lists have in common: tenants with nothing in them, things to list written past the API, and pages. */

export interface ListingRuntime extends TestRuntime {
  readonly tables: Tables;
  readonly seeding: Seeding;
  /** A tenant that nobody else writes to, and its client. */
  newTenant(): Promise<{ call: Call; tenantId: string; keyId: string }>;
}

export async function startListingRuntime(): Promise<ListingRuntime> {
  const runtime = await startTestRuntime();
  const tables = openTables(runtime);
  const seeding = openSeeding(runtime.dynamodbEndpoint);
  return {
    ...runtime,
    tables,
    seeding,
    async newTenant() {
      const [tenantId, keyId] = [randomUUID(), randomUUID()];
      return { call: caller(runtime.url, await tables.addKey({ tenantId, id: keyId })), tenantId, keyId };
    },
    async stop() {
      seeding.close();
      tables.close();
      await runtime.stop();
    },
  };
}

const mostPages = 300;

/**
 * Follows the cursors of a list from the first page to the last, of which each must say whether there is another.
 * @param path with a query
 * @param onPage is told of each answer before the next is asked for
 */
export async function walkPages<Row>(call: Call, path: string, { cursorName = 'cursor', onPage }: { cursorName?: string; onPage?: (body: Reply['body'], page: number) => unknown } = {}): Promise<Row[][]> {
  const pages: Row[][] = [];
  for (let cursor: string | null = ''; cursor !== null && pages.length < mostPages;) {
    const { status, body } = await call('GET', cursor === '' ? path : `${path}&${cursorName}=${encodeURIComponent(cursor)}`);
    expect(status).toBe(200);
    expect(body.pagination.has_next_page).toBe(body.pagination.next_cursor !== null);
    pages.push(body.data);
    cursor = body.pagination.next_cursor;
    await onPage?.(body, pages.length);
  }
  return pages;
}
