import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { actorTypes, auditEventTypes, type AuditEntry, type AuditEventType } from '../../lambdas/authority/audit.ts';
import { auditItem } from '../../lambdas/aws/items.ts';
import { certifiedAgent, dataOf, registerAgent, revoke, unknownId } from '../support/agents.ts';
import { startListingRuntime, walkPages, type ListingRuntime } from '../support/listing.ts';
import { expectProblem } from '../support/problems.ts';
import type { Call } from '../support/runtime.ts';

/* GET /audit-log */

let runtime: ListingRuntime;

beforeAll(async () => {
  runtime = await startListingRuntime();
});
afterAll(() => runtime.stop());

type Entry = { id: string; event_type: string; actor_type: string; affected_id: string; created_at: string };

const list = async (call: Call, query = '') => dataOf(await call('GET', `/audit-log?${query}`), 200) as Entry[];
const ids = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

const walk = (call: Call, query: string, cursorName = 'before') =>
  walkPages<Entry>(call, `/audit-log?${query}`, { cursorName, onPage: (body) => expect(Object.keys(body)).toEqual(['data', 'meta', 'pagination']) });

test('of a tenant of which nothing is known', async () => {
  const { status, body } = await (await runtime.newTenant()).call('GET', '/audit-log');
  expect(status).toBe(200);
  expect(body).toStrictEqual({ data: [], meta: { limit: 20 }, pagination: { limit: 20, has_next_page: false, next_cursor: null } });
});

test('shows what was done, every field of it, and who did it', async () => {
  const { call, keyId } = await runtime.newTenant();
  const { agent, certificate } = await certifiedAgent(call);
  const revocation = await revoke(call, certificate.id, { body: { reason: 'Key lost', reason_code: 'keyCompromise' } });
  const entry = { id: expect.stringMatching(/^[0-9a-f-]{36}$/), actor_type: 'api_key', actor_id: keyId, description: expect.stringMatching(/\S/), created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) };
  const entries = await list(call);
  // What belongs to one change has one time.
  expect([...entries].sort((a, b) => (a.created_at + a.event_type < b.created_at + b.event_type ? -1 : 1))).toStrictEqual([
    { ...entry, event_type: 'agent.created', affected_id: agent.id, metadata: { agent_name: agent.name }, created_at: agent.created_at },
    { ...entry, event_type: 'certificate.issued', affected_id: certificate.id, metadata: expect.objectContaining({ agent_id: agent.id }) },
    { ...entry, event_type: 'agent.suspended', affected_id: agent.id, metadata: expect.objectContaining({ certificate_id: certificate.id }) },
    { ...entry, event_type: 'certificate.revoked', affected_id: certificate.id, metadata: expect.objectContaining({ agent_id: agent.id, reason: 'Key lost', reason_code: 'keyCompromise' }) },
  ]);
  expect(entries[0]?.created_at.slice(0, 19)).toBe(revocation.revoked_at.slice(0, 19));
});

test('what the service does by itself is in it', async () => {
  const { call } = await runtime.newTenant();
  const { agent, certificate } = await certifiedAgent(call);
  dataOf(await call('POST', '/events', { body: { agent_id: agent.id, action_type: 'transaction_anomaly' } }), 201);
  await runtime.idle();
  expect(await list(call, 'actor_type=system&event_type=certificate.revoked')).toMatchObject([{ actor_type: 'system', actor_id: 'auto-revocation', affected_id: certificate.id }]);
  expect((await list(call, `affected_id=${agent.id}&actorType=system`)).map(({ event_type }) => event_type).sort()).toEqual(['agent.high_risk', 'agent.suspended', 'risk.alert']);
});

/** An entry of any kind at any time. */
function entryOf(tenantId: string, fields: Partial<AuditEntry>): AuditEntry {
  return {
    id: randomUUID(), tenantId, eventType: 'agent.updated', actor: { type: 'api_key', id: 'key' }, description: 'Agent updated', affectedId: randomUUID(), metadata: {}, createdAt: '2026-05-17T10:00:00.000Z', ...fields,
  };
}

const seed = (entries: readonly AuditEntry[]) => runtime.seeding.putAll(runtime.tableNames.registry, entries.map(auditItem));

describe('of 150 entries', () => {
  let call: Call;
  let newestFirst: Entry[];
  const affected = [randomUUID(), randomUUID(), randomUUID()] as [string, string, string];

  beforeAll(async () => {
    const tenant = await runtime.newTenant();
    call = tenant.call;
    const entries = Array.from({ length: 150 }, (_, index) => entryOf(tenant.tenantId, {
      eventType: auditEventTypes[index % auditEventTypes.length] as AuditEventType,
      actor: { type: index % 4 === 0 ? 'system' : 'api_key', id: 'x' },
      affectedId: affected[index % 3] as string,
      // Three at a time in the same millisecond, over months.
      createdAt: new Date(Date.parse('2025-11-01T00:00:00Z') + Math.floor(index / 3) * 86_400_000).toISOString(),
    }));
    await seed(entries);
    newestFirst = entries.sort((a, b) => (`${a.createdAt}#${a.id}` < `${b.createdAt}#${b.id}` ? 1 : -1))
      .map(({ id, eventType, actor, affectedId, createdAt }) => ({ id, event_type: eventType, actor_type: actor.type, affected_id: affectedId, created_at: createdAt }));
  });

  test.each([3, 7, 20, 75, 100])('the cursor leads through all of them, %i at a time', async (limit) => {
    const pages = await walk(call, `limit=${limit}`);
    expect(pages.map(({ length }) => length)).toEqual([...Array(Math.ceil(150 / limit) - 1).fill(limit), (150 - 1) % limit + 1]);
    expect(ids(pages.flat())).toEqual(ids(newestFirst));
  });

  const first = affected[0];
  test.each<[string, string, (entry: Entry) => boolean]>([
    ...auditEventTypes.map((type): [string, string, (entry: Entry) => boolean] => [`event_type=${type}`, `event_type=${type}`, ({ event_type }) => event_type === type]),
    ['eventType', 'eventType=certificate.revoked', ({ event_type }) => event_type === 'certificate.revoked'],
    ...actorTypes.map((type): [string, string, (entry: Entry) => boolean] => [`actor_type=${type}`, `actor_type=${type}`, ({ actor_type }) => actor_type === type]),
    ['actorType', 'actorType=system', ({ actor_type }) => actor_type === 'system'],
    ['affected_id', `affected_id=${first}`, ({ affected_id }) => affected_id === first],
    ['affectedId', `affectedId=${first}`, ({ affected_id }) => affected_id === first],
    ['affected_id in upper case', `affected_id=${first.toUpperCase()}`, ({ affected_id }) => affected_id === first],
    ['affected_id before affectedId', `affectedId=${affected[1]}&affected_id=${first}`, ({ affected_id }) => affected_id === first],
    ['what, who and about what', `event_type=agent.created&actor_type=api_key&affected_id=${first}`, (entry) => entry.event_type === 'agent.created' && entry.actor_type === 'api_key' && entry.affected_id === first],
    ['what and who', 'event_type=agent.updated&actor_type=system', (entry) => entry.event_type === 'agent.updated' && entry.actor_type === 'system'],
    ['about what nothing happened to', `affected_id=${unknownId}`, () => false],
  ])('by %s', async (_, query, isWanted) => {
    const expected = ids(newestFirst.filter(isWanted));
    for (const limit of [4, 100]) expect(ids((await walk(call, `${query}&limit=${limit}`)).flat())).toEqual(expected);
  });

  test.each(['before', 'cursor'])('the cursor is taken as %s', async (name) => {
    expect(ids((await walk(call, 'limit=40', name)).flat())).toEqual(ids(newestFirst));
    expect(ids((await walk(call, `affected_id=${first}&limit=15`, name)).flat())).toEqual(ids(newestFirst.filter(({ affected_id }) => affected_id === first)));
  });

  test('and so is an RFC 3339 time, which is itself not meant', async () => {
    const older = newestFirst.filter(({ created_at }) => created_at < '2025-11-20T00:00:00.000Z');
    for (const before of ['2025-11-20T00:00:00Z', '2025-11-20T05:30:00.000+05:30']) {
      const query = new URLSearchParams({ before, limit: '100' });
      expect(ids(await list(call, `${query}`))).toEqual(ids(older));
      expect(ids(await list(call, `${query}&affected_id=${first}`))).toEqual(ids(older.filter(({ affected_id }) => affected_id === first)));
    }
  });

  test('20 come without a limit', async () => {
    const { body } = await call('GET', '/audit-log');
    expect([body.data.length, body.meta, body.pagination.limit]).toEqual([20, { limit: 20 }, 20]);
  });

  test('another tenant sees none of them, by whatever cursor or id', async () => {
    const { call: other, tenantId } = await runtime.newTenant();
    const own = entryOf(tenantId, { createdAt: '2025-11-02T00:00:00.000Z' });
    await seed([own]);
    const { body: { pagination: { next_cursor } } } = await call('GET', '/audit-log?limit=1');
    for (const query of ['', `before=${next_cursor}`]) expect(ids(await list(other, query))).toEqual([own.id]);
    for (const query of ['', `&before=${next_cursor}`]) expect(await list(other, `affected_id=${first}${query}`)).toEqual([]);
  });
});

test('a cursor that is not ours', async () => {
  const encoded = (text: string) => Buffer.from(text).toString('base64url');
  for (const cursor of ['', 'x', '!!!', '2026-05-17', encoded('{}'), encoded('2026-05-17T10:00:00.000Z'), encoded(`2026-05-17T10:00:00.000Z#${'g'.repeat(36)}`), `${encoded(`2026-05-17T10:00:00.000Z#${unknownId}`)}==`]) {
    for (const name of ['before', 'cursor']) {
      for (const query of ['', `affected_id=${unknownId}&`]) expectProblem(await runtime.call('GET', `/audit-log?${query}${new URLSearchParams({ [name]: cursor })}`), 400, 'INVALID_CURSOR');
    }
  }
});

test('an agent’s own key may not look', async () => {
  const agent = await registerAgent(runtime.call);
  const key = await runtime.tables.addKey({ tenantId: agent.tenant_id, agentId: agent.id, scopes: ['audit:read', 'events:read'] });
  expectProblem(await runtime.call('GET', '/audit-log', { key }), 403, 'FORBIDDEN');
});
