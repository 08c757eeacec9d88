import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, dataOf, fullAgent, registerAgent } from '../support/agents.ts';
import { startListingRuntime, walkPages, type ListingRuntime } from '../support/listing.ts';
import type { Call } from '../support/runtime.ts';

/* GET /agents */

let runtime: ListingRuntime;

beforeAll(async () => {
  runtime = await startListingRuntime();
});
afterAll(() => runtime.stop());

const newTenant = async () => (await runtime.newTenant()).call;
const ids = (data: readonly { id: string }[]) => data.map(({ id }) => id);

test('of a tenant that has none', async () => {
  const { status, body, headers } = await (await newTenant())('GET', '/agents');
  expect(status).toBe(200);
  expect(body).toStrictEqual({ data: [], meta: { total: 0, limit: 20, offset: 0 }, pagination: { limit: 20, has_next_page: false, next_cursor: null } });
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
});

test('shows agents as they are read one by one, newest first', async () => {
  const tenant = await newTenant();
  const agents = [];
  for (const fields of [{}, fullAgent, { name: 'Third' }]) agents.unshift(await registerAgent(tenant, fields));
  const { body } = await tenant('GET', '/agents');
  expect(body).toStrictEqual({ data: agents, meta: { total: 3, limit: 20, offset: 0 }, pagination: { limit: 20, has_next_page: false, next_cursor: null } });
});

test('by status, with the total of that status', async () => {
  const tenant = await newTenant();
  const [pending, suspended, retired] = await Promise.all([registerAgent(tenant), registerAgent(tenant), registerAgent(tenant)]);
  const { agent: active } = await certifiedAgent(tenant);
  await tenant('PATCH', `/agents/${suspended.id}`, { body: { status: 'suspended' } });
  await tenant('DELETE', `/agents/${retired.id}`);
  for (const [status, { id }] of Object.entries({ pending, active, suspended, retired })) {
    const { body } = await tenant('GET', `/agents?status=${status}`);
    expect([status, ids(body.data), body.data[0].status, body.meta.total]).toEqual([status, [id], status, 1]);
  }
  expect((await tenant('GET', '/agents')).body.meta.total).toBe(4);
});

describe('of 45 agents', () => {
  let tenant: Call;
  let newestFirst: { id: string; created_at: string }[];

  beforeAll(async () => {
    tenant = await newTenant();
    const agents = [];
    for (let row = 0; row < 9; row++) agents.push(...(await Promise.all(Array.from({ length: 5 }, (_, column) => registerAgent(tenant, { name: `Agent ${row}.${column}` })))));
    newestFirst = agents.sort((a, b) => (`${a.created_at}${a.id}` < `${b.created_at}${b.id}` ? 1 : -1));
    for (const { id } of newestFirst.filter((_, index) => index % 3 === 0)) dataOf(await tenant('PATCH', `/agents/${id}`, { body: { status: 'suspended' } }), 200);
  });

  const walk = async (query: string, onPage: (page: number) => unknown = () => undefined) =>
    (await walkPages<{ id: string }>(tenant, `/agents?${query}`, { onPage: (_, page) => onPage(page) })).map(ids);

  test.each([
    [5, 9, 5], [7, 7, 3], [15, 3, 15], [20, 3, 5], [44, 2, 1], [45, 1, 45], [46, 1, 45], [100, 1, 45],
  ])('with a limit of %i, the cursor leads through %i pages, the last of %i', async (limit, pageCount, lastLength) => {
    const pages = await walk(`limit=${limit}`);
    expect([pages.length, pages.at(-1)?.length]).toEqual([pageCount, lastLength]);
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
    expect(pages.flat()).toEqual(ids(newestFirst));
  });

  test.each([[4, 4], [5, 3], [15, 1]])('with a status and a limit of %i, through %i pages', async (limit, pageCount) => {
    const pages = await walk(`status=suspended&limit=${limit}`);
    expect(pages).toHaveLength(pageCount);
    expect(pages.flat()).toEqual(ids(newestFirst.filter((_, index) => index % 3 === 0)));
  });

  test.each([[20, 0], [20, 20], [20, 40], [20, 45], [20, 10_000], [1, 44], [100, 1]])('limit %i and offset %i show their part', async (limit, offset) => {
    const { body } = await tenant('GET', `/agents?limit=${limit}&offset=${offset}`);
    expect(ids(body.data)).toEqual(ids(newestFirst).slice(offset, offset + limit));
    expect(body.meta).toStrictEqual({ total: 45, limit, offset });
    expect(body.pagination).toStrictEqual({ limit, has_next_page: offset + limit < 45, next_cursor: offset + limit < 45 ? expect.any(String) : null });
  });

  test('an offset counts within the status', async () => {
    const { body } = await tenant('GET', '/agents?status=suspended&limit=4&offset=13');
    expect(ids(body.data)).toEqual(ids(newestFirst.filter((_, index) => index % 3 === 0)).slice(13));
    expect(body.meta.total).toBe(15);
  });

  test('the total is that of all pages on every page', async () => {
    const { body: first } = await tenant('GET', '/agents?limit=40');
    const { body: last } = await tenant('GET', `/agents?limit=40&cursor=${first.pagination.next_cursor}`);
    expect([first.meta.total, last.meta.total, last.data.length]).toEqual([45, 45, 5]);
  });

  test('a cursor says nothing of the tenant', async () => {
    const { body } = await tenant('GET', '/agents?limit=1');
    const cursor = body.pagination.next_cursor as string;
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    for (const encoding of ['base64url', 'latin1'] as const) expect(Buffer.from(cursor, encoding).toString()).not.toContain(body.data[0].tenant_id);
  });

  test('another tenant’s cursor, or a forged one, leads to nothing but one’s own agents', async () => {
    const other = await newTenant();
    const own = await registerAgent(other);
    const { body: { pagination } } = await tenant('GET', '/agents?limit=1');
    const future = Buffer.from(`2999-01-01T00:00:00.000Z#${randomUUID()}`).toString('base64url');
    for (const cursor of [pagination.next_cursor, future]) {
      const { body } = await other('GET', `/agents?cursor=${cursor}`);
      expect([[], [own]]).toContainEqual(body.data);
      expect(body.meta.total).toBe(1);
    }
    expect(ids((await other('GET', `/agents?cursor=${future}`)).body.data)).toEqual([own.id]);
  });

  // The last of these tests: it adds agents.
  test('agents that are added on the way neither appear nor displace any', async () => {
    const added: string[] = [];
    const pages = await walk('limit=10', async (page) => {
      if (page < 4) added.push((await registerAgent(tenant)).id);
    });
    expect(pages.flat()).toEqual(ids(newestFirst));
    expect(ids((await tenant('GET', '/agents?limit=3')).body.data)).toEqual(added.reverse());
    expect((await tenant('GET', '/agents?limit=1')).body.meta.total).toBe(48);
  });
});
