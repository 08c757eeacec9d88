import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { routes, type Route, type RouteName } from '../../lambdas/routes.ts';
import { certifiedAgent, dataOf, registerAgent, revoke } from '../support/agents.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { createWebhook } from '../support/webhooks.ts';

/* What belongs to another tenant is answered exactly like what never existed: byte by byte, but for the request's id. */

let runtime: TestRuntime;
let tables: Tables;
/** Of globex, by kind and state. */
let foreign: Record<'agent' | 'certificate' | 'webhook', Record<string, string>>;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  const { call, keys } = runtime;
  const options = { key: keys.globex };
  const [pending, suspended, retired, active, revoked, expired] = await Promise.all([
    registerAgent(call, {}, options), registerAgent(call, {}, options), registerAgent(call, {}, options),
    certifiedAgent(call, {}, options), certifiedAgent(call, {}, options), certifiedAgent(call, {}, options),
  ]);
  dataOf(await call('PATCH', `/agents/${suspended.id}`, { ...options, body: { status: 'suspended' } }), 200);
  dataOf(await call('DELETE', `/agents/${retired.id}`, options), 200);
  await revoke(call, revoked.certificate.id, { ...options, body: { reason: 'x' } });
  await tables.expireCertificate(expired.certificate.id);
  const [webhook, inactive] = await Promise.all([createWebhook(call, {}, options), createWebhook(call, {}, options)]);
  dataOf(await call('PATCH', `/webhooks/${inactive.id}`, { ...options, body: { active: false } }), 200);
  foreign = {
    agent: { pending: pending.id, suspended: suspended.id, retired: retired.id, active: active.agent.id, 'with an expired certificate': expired.agent.id },
    certificate: { active: active.certificate.id, revoked: revoked.certificate.id, expired: expired.certificate.id },
    webhook: { active: webhook.id, inactive: inactive.id },
  };
  // What the revocations entail is written by then, and is not taken for what a stranger has changed.
  await runtime.idle();
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

interface Way {
  readonly kind: 'agent' | 'certificate' | 'webhook';
  readonly route: RouteName;
  readonly path?: (id: string) => string;
  readonly body?: (id: string) => object;
}

/** Every way to name an agent, a certificate or a webhook; what a body must hold beside it is as it should be. */
const ways: readonly Way[] = [
  { kind: 'agent', route: 'get-agent' },
  { kind: 'agent', route: 'update-agent', body: () => ({ name: 'Taken over' }) },
  { kind: 'agent', route: 'update-agent', body: () => ({ status: 'suspended' }) },
  { kind: 'agent', route: 'update-agent', body: () => ({ status: 'active' }) },
  { kind: 'agent', route: 'retire-agent' },
  { kind: 'agent', route: 'halt-agent', body: () => ({ reason: 'x' }) },
  { kind: 'agent', route: 'certify-agent' },
  { kind: 'agent', route: 'sign-message', body: () => ({ payload: {} }) },
  { kind: 'agent', route: 'list-certificates', path: (id) => `/certificates?agent_id=${id}` },
  { kind: 'agent', route: 'list-certificates', path: (id) => `/certificates?agent_id=${id}&status=active` },
  { kind: 'agent', route: 'get-agent-risk' },
  { kind: 'agent', route: 'list-events', path: (id) => `/events?agent_id=${id}` },
  { kind: 'agent', route: 'list-events', path: (id) => `/events?agentId=${id}&band=high&before=2999-01-01T00:00:00Z` },
  { kind: 'agent', route: 'list-audit-entries', path: (id) => `/audit-log?affected_id=${id}` },
  { kind: 'certificate', route: 'list-audit-entries', path: (id) => `/audit-log?affected_id=${id}&actor_type=api_key` },
  { kind: 'agent', route: 'ingest-event', body: (agent_id) => ({ agent_id, action_type: 'transaction_initiated', payload: { amount_usd: 1 } }) },
  { kind: 'agent', route: 'record-risk-score', body: (agent_id) => ({ agent_id, score: 1 }) },
  { kind: 'certificate', route: 'get-certificate' },
  { kind: 'certificate', route: 'revoke-certificate', body: () => ({ reason: 'x' }) },
  { kind: 'certificate', route: 'renew-certificate' },
  { kind: 'webhook', route: 'get-webhook' },
  { kind: 'webhook', route: 'update-webhook', body: () => ({ active: false }) },
  { kind: 'webhook', route: 'update-webhook', body: () => ({ rotate_secret: true }) },
  { kind: 'webhook', route: 'update-webhook', body: () => ({}) },
  { kind: 'webhook', route: 'delete-webhook' },
  { kind: 'webhook', route: 'list-webhook-deliveries' },
  { kind: 'webhook', route: 'list-webhook-deliveries', path: (id) => `/webhooks/${id}/deliveries?status=failed&before=2999-01-01T00:00:00Z` },
  { kind: 'webhook', route: 'list-audit-entries', path: (id) => `/audit-log?affected_id=${id}` },
  // Ids of the one kind are none of the other.
  { kind: 'certificate', route: 'get-agent' },
  { kind: 'agent', route: 'get-certificate' },
];

/** Sends one request as acme, or with another key; the answer as it came, but for what no two answers share. */
async function answer({ route, path, body }: Way, id: string, key: string = runtime.keys.acme) {
  const { method, path: template } = routes[route] as Route;
  const response = await fetch(runtime.url + (path?.(id) ?? template.replace('{id}', id)), {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body(id)) }),
  });
  const requestId = response.headers.get('x-request-id') as string;
  const unique = new Set(['date', 'x-request-id']);
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !unique.has(name)),
    body: (await response.text()).replaceAll(requestId, '<request id>'),
  };
}

test('every route that takes an id is tried', () => {
  const takingIds = (Object.entries(routes) as [RouteName, Route][]).filter(([name, { path, access }]) => access !== 'public' && (path.includes('{') || !['create-agent', 'list-agents', 'create-webhook', 'list-webhooks'].includes(name)));
  expect([...new Set(ways.map(({ route }) => route))].sort()).toEqual(takingIds.map(([name]) => name).sort());
});

describe.each(ways.map((way) => ({ ...way, request: `${routes[way.route].method} ${way.path?.('…') ?? routes[way.route].path} ${JSON.stringify(way.body?.('…')) ?? ''}` })))(
  'the $kind of $request', (way) => {
    test('is another tenant’s or nobody’s, and no answer tells which', async () => {
      const unknown = await answer(way, randomUUID());
      expect([200, 404]).toContain(unknown.status);
      if (unknown.status === 200) expect(JSON.parse(unknown.body).data).toEqual([]);
      const before = await tables.contents();
      for (const [state, id] of Object.entries(foreign[way.kind])) {
        expect([state, await answer(way, id)]).toEqual([state, unknown]);
        expect([state, await answer(way, id.toUpperCase())]).toEqual([state, unknown]);
      }
      expect(await tables.changesSince(before)).toEqual([]);
    });
  });

test('one’s own lists hold nothing of others, whatever the cursor', async () => {
  const { call, keys } = runtime;
  const own = await certifiedAgent(call);
  for (const [path, id] of [['/agents', own.agent.id], ['/certificates', own.certificate.id]] as const) {
    const { body: theirs } = await call('GET', `${path}?limit=1`, { key: keys.globex });
    expect(theirs.pagination.has_next_page).toBe(true);
    const future = Buffer.from(`2999-01-01T00:00:00.000Z#${randomUUID()}`).toString('base64url');
    for (const query of ['', `cursor=${future}`]) expect((await call('GET', `${path}?${query}`)).body.data.map((item: { id: string }) => item.id)).toEqual([id]);
    // Their cursor is a place in time; what is older than it is acme's, or nothing.
    for (const item of (await call('GET', `${path}?cursor=${theirs.pagination.next_cursor}`)).body.data) expect(item.tenant_id).toBe(own.agent.tenant_id);
  }
  expect((await call('GET', '/agents')).body.meta.total).toBe(1);
});

describe('an agent’s own key', () => {
  const reports = ways.filter(({ route }) => route === 'ingest-event');

  test.each(reports)('reports on that agent alone; the tenant’s other agents are nobody’s to it', async (way) => {
    const { call, keys } = runtime;
    const [own, other] = await Promise.all([registerAgent(call, {}, { key: keys.globex }), registerAgent(call, {}, { key: keys.globex })]);
    const key = await tables.addKey({ tenantId: own.tenant_id, agentId: own.id, scopes });
    expect((await answer(way, own.id, key)).status).toBe(201);
    const unknown = await answer(way, randomUUID(), key);
    expect(unknown.status).toBe(404);
    expect(await answer(way, other.id, key)).toEqual(unknown);
  });
});

test('verification is for everyone, and answers everyone alike', async () => {
  const serial = foreign.certificate['active']?.replaceAll('-', '') as string;
  const replies = await Promise.all([runtime.keys.acme, runtime.keys.globex, null].map((key) => runtime.call('GET', `/verify/${serial}`, { key })));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(replies[1]?.body).toEqual(replies[0]?.body);
  expect(replies[2]?.body).toEqual(replies[0]?.body);
  // It says whom the certificate was issued to, and nothing of the tenant's account or keys.
  expect(JSON.stringify(replies[0]?.body)).not.toMatch(/tenant_id|kms|arn:|metadata|risk/);
});
