import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scopes, type Scope } from '../../lambdas/authority/scopes.ts';
import { routes, type Route, type RouteName } from '../../lambdas/routes.ts';
import { certifiedAgent, dataOf, registerAgent, revoke } from '../support/agents.ts';
import { nameOf } from '../support/fault-matrix/calls.ts';
import { delayed, type WireCall } from '../support/faults.ts';
import { purposeOf } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { createWebhook } from '../support/webhooks.ts';
import document from '../../docs/openapi.json' with { type: 'json' };

/*
 * What belongs to another tenant is answered exactly like what never existed: byte by byte, but for the request's id, after the same
 * calls to AWS, and in the same time. A matrix of every route for a key, every place where it takes an id, every state of what the id names, and every kind of caller.
 */

let runtime: FaultyRuntime;
let tables: Tables;
/** Of globex, by kind and state. */
let foreign: Record<'agent' | 'certificate' | 'webhook', Record<string, string>>;

let callers: Record<string, Caller>;

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false });
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
  callers = await makeCallers();
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

/** Routes for a key that name nothing that is there already. All others are in the matrix, so that one that is added has to come into it, or here. */
const namingNothing: readonly RouteName[] = ['create-agent', 'list-agents', 'create-webhook', 'list-webhooks'];

test('every route that takes an id is tried, by every place that takes one', () => {
  const withKey = (Object.entries(routes) as [RouteName, Route][]).filter(([, { access }]) => access !== 'public').map(([name]) => name);
  expect([...new Set(ways.map(({ route }) => route)), ...namingNothing].sort()).toEqual(withKey.sort());
  for (const name of withKey) {
    const { path, method } = routes[name] as Route;
    const tried = ways.filter(({ route }) => route === name).map((way) => `${way.path?.('<id>') ?? path.replace('{id}', '<id>')} ${JSON.stringify(way.body?.('<id>') ?? {})}`);
    for (const field of fieldsWithIds(path, method)) {
      const inPlace = tried.some((request) => (field === 'id' ? /^\S*\/<id>/ : new RegExp(`[?&"]${field}"?[=:]"?<id>`)).test(request));
      expect([name, field, inPlace]).toEqual([name, field, true]);
    }
  }
});

/** The parameters in the path and whatever the document says is a UUID in query and body. */
function fieldsWithIds(path: string, method: string): string[] {
  interface Field { readonly name: string; readonly in: string; readonly schema: { readonly format?: string } }
  const operation = (document.paths as unknown as Record<string, Record<string, { parameters?: Field[]; requestBody?: { content: Record<string, { schema: { $ref: string } }> } }>>)[path]?.[method.toLowerCase()];
  const schema = operation?.requestBody?.content['application/json']?.schema.$ref.replace('#/components/schemas/', '') ?? '';
  const { properties = {} } = ((document.components.schemas as Record<string, unknown>)[schema] ?? {}) as { properties?: Record<string, { format?: string }> };
  return [
    ...(operation?.parameters ?? []).filter((field) => field.in === 'path' || field.schema.format === 'uuid').map(({ name }) => name),
    ...Object.entries(properties).filter(([, { format }]) => format === 'uuid').map(([name]) => name),
  ];
}

/** Sends one request as acme, or with another key; the answer as it came, but for what no two answers share. */
async function answer({ route, path, body }: Way, id: string, key: string | undefined = runtime.keys.acme) {
  const { method, path: template } = routes[route] as Route;
  const response = await fetch(runtime.url + (path?.(id) ?? template.replace('{id}', id)), {
    method,
    headers: { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) },
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

interface Caller {
  readonly key: string;
  /** What the key may do; undefined where it is no key at all. */
  readonly scopes: readonly Scope[] | undefined;
  /** Of acme, but not this caller's: to it as good as another tenant's. */
  readonly alsoForeign?: Partial<Record<Way['kind'], string>>;
}

/** Whoever may knock: a key of each scope, of all, an agent's own, and those that are none (any more). */
async function makeCallers(): Promise<Record<string, Caller>> {
  const { call, keys, tenants } = runtime;
  const acme = tenants.find(({ name }) => name === 'acme')?.id as string;
  // It is told of nothing that happens here: a delivery would change the tables while nobody does.
  const [bound, other, webhook] = await Promise.all([registerAgent(call), certifiedAgent(call), createWebhook(call, { events: ['certificate.expired'] })]);
  const [single, ownKey, expired, revoked] = await Promise.all([
    Promise.all(scopes.map(async (scope) => [`a key with ${scope} alone`, { key: await tables.addKey({ tenantId: acme, scopes: [scope] }), scopes: [scope] }] as const)),
    tables.addKey({ tenantId: acme, agentId: bound.id }),
    tables.addKey({ tenantId: acme, expiresAt: new Date(Date.now() - 1).toISOString() }),
    tables.addKey({ tenantId: acme, revokedAt: new Date().toISOString() }),
  ]);
  return {
    'a key with every scope': { key: keys.acme, scopes },
    ...Object.fromEntries(single),
    'an agent’s own key': {
      key: ownKey, scopes: ['agents:read', 'agents:sign', 'events:read', 'events:write'],
      alsoForeign: { agent: other.agent.id, certificate: other.certificate.id, webhook: webhook.id },
    },
    'an expired key': { key: expired, scopes: undefined },
    'a revoked key': { key: revoked, scopes: undefined },
    'an unknown key': { key: 'kak_test_nobody', scopes: undefined },
    'no key': { key: '', scopes: undefined },
  };
}

describe.each(ways.map((way) => ({ ...way, request: `${routes[way.route].method} ${way.path?.('…') ?? routes[way.route].path} ${JSON.stringify(way.body?.('…')) ?? ''}` })))(
  'the $kind of $request', (way) => {
    test('is another’s or nobody’s, and no answer tells which, whoever asks', async () => {
      const { access } = routes[way.route];
      const before = await tables.contents();
      for (const [caller, { key, scopes: held, alsoForeign }] of Object.entries(callers)) {
        const unknown = await answer(way, randomUUID(), key);
        const allowed = held?.includes(access as Scope);
        if (allowed === true && unknown.status === 200) expect(JSON.parse(unknown.body).data).toEqual([]);
        else expect([caller, unknown.status]).toEqual([caller, held === undefined ? 401 : allowed === true ? 404 : 403]);
        for (const [state, id] of [...Object.entries(foreign[way.kind]), ['the same tenant’s', alsoForeign?.[way.kind]] as const]) {
          if (id === undefined) continue;
          expect([caller, state, await answer(way, id, key)]).toEqual([caller, state, unknown]);
          if (allowed === true) expect([caller, state, await answer(way, id.toUpperCase(), key)]).toEqual([caller, state, unknown]);
        }
      }
      expect(await tables.changesSince(before)).toEqual([]);
    });
  });

/** Longer than calls that are made beside one another come apart on their way. */
const overlapMilliseconds = 25;

/** The calls to DynamoDB and KMS that an answer took, the look-up of the API key aside, as turns of what was sent at once. */
async function callsFor(way: Way, id: string, key: string | undefined): Promise<string[][]> {
  await runtime.idle();
  runtime.calm();
  // Which of two calls at once arrives first is chance; each is held for a moment, so that they are seen to be at once.
  for (const proxy of [runtime.dynamodb, runtime.kms]) proxy.inject({}, delayed(overlapMilliseconds));
  await answer(way, id, key);
  const calls = [...runtime.dynamodb.calls, ...runtime.kms.calls].filter((call) => purposeOf(call) !== 'findApiKey').sort((one, other) => one.startedAt - other.startedAt);
  runtime.calm();
  const turns: WireCall[][] = [];
  for (const call of calls) {
    const last = turns.at(-1);
    if (last?.every(({ endedAt = Infinity }) => endedAt > call.startedAt) === true) last.push(call);
    else turns.push([call]);
  }
  return turns.map((turn) => turn.map(nameOf).sort());
}

describe('the calls to AWS that an answer takes', () => {
  test.each(ways.map((way, index) => ({ ...way, index })))('tell nothing either: $route, $kind ($index)', async (way) => {
    for (const caller of ['a key with every scope', 'an agent’s own key']) {
      const { key, alsoForeign } = callers[caller] as Caller;
      const unknown = await callsFor(way, randomUUID(), key);
      for (const [state, id] of [...Object.entries(foreign[way.kind]), ['the same tenant’s', alsoForeign?.[way.kind]] as const]) {
        if (id !== undefined) expect([caller, state, await callsFor(way, id, key)]).toEqual([caller, state, unknown]);
      }
    }
  });

  test('are there to be compared', async () => {
    const [getAgent] = ways as [Way];
    expect(await callsFor(getAgent, foreign.agent['active'] as string, runtime.keys.acme)).toEqual([[expect.stringMatching(/^DynamoDB GetItem AGENT/), expect.stringMatching(/^DynamoDB Query /)]]);
  });
});

/** A second opinion to the calls: what is done without any. */
describe('how long an answer takes', () => {
  const pairs = 60;
  /** Twice as long is what another round trip to the tables would make of it; noise of a busy machine moves a median by a tenth or so. */
  const mostRatio = 1.6;

  const median = (values: number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] as number;

  test.each(ways.filter(({ path, route }) => path === undefined && !['update-webhook', 'update-agent'].includes(route)))('tells nothing either: $route, $kind', async (way) => {
    const id = Object.values(foreign[way.kind])[way.kind === 'agent' ? 3 : 0] as string;
    const took: Record<'unknown' | 'foreign', number[]> = { unknown: [], foreign: [] };
    const sample = async (which: keyof typeof took) => {
      const begin = performance.now();
      await answer(way, which === 'foreign' ? id : randomUUID());
      took[which].push(performance.now() - begin);
    };
    await sample('unknown');
    await sample('foreign');
    took.unknown = [];
    took.foreign = [];
    // One after the other, and each as often the first of the two: whatever else the machine does, it does to both.
    for (let pair = 0; pair < pairs; pair++) for (const which of pair % 2 === 0 ? (['unknown', 'foreign'] as const) : (['foreign', 'unknown'] as const)) await sample(which);
    const ratio = median(took.foreign) / median(took.unknown);
    expect(ratio).toBeLessThan(mostRatio);
    expect(ratio).toBeGreaterThan(1 / mostRatio);
  });
});

test('what a tenant’s Idempotency-Key stands for is its own', async () => {
  const { call, keys } = runtime;
  const headers = { 'idempotency-key': randomUUID() };
  const body = { name: 'One', model_hash: 'x' };
  const theirs = dataOf(await call('POST', '/agents', { key: keys.globex, headers, body }), 201);
  const mine = dataOf(await call('POST', '/agents', { headers, body: { ...body, name: 'Two' } }), 201);
  expect([mine.name, mine.tenant_id === theirs.tenant_id]).toEqual(['Two', false]);
  dataOf(await call('DELETE', `/agents/${mine.id}`), 200);
});

test('one’s own lists hold nothing of others, whatever the cursor', async () => {
  const { call, keys } = runtime;
  const own = await certifiedAgent(call);
  for (const [path, id] of [['/agents', own.agent.id], ['/certificates', own.certificate.id], ['/webhooks', (await createWebhook(call, { events: ['certificate.expired'] })).id]] as const) {
    const { body: theirs } = await call('GET', `${path}?limit=1`, { key: keys.globex });
    const future = Buffer.from(`2999-01-01T00:00:00.000Z#${randomUUID()}`).toString('base64url');
    for (const query of ['limit=100', `limit=100&cursor=${future}`]) {
      const { body: { data } } = await call('GET', `${path}?${query}`);
      expect(data.map((item: { id: string }) => item.id)).toContain(id);
      for (const item of data) expect([item.tenant_id ?? own.agent.tenant_id, Object.values(foreign).flatMap(Object.values).includes(item.id)]).toEqual([own.agent.tenant_id, false]);
    }
    // Their cursor is a place in time; what is older than it is acme's, or nothing.
    const cursor = theirs.pagination.next_cursor ?? future;
    for (const item of (await call('GET', `${path}?cursor=${cursor}`)).body.data) expect(item.tenant_id ?? own.agent.tenant_id).toBe(own.agent.tenant_id);
  }
  const { body: { data, meta } } = await call('GET', '/agents?limit=100');
  expect(meta.total).toBe(data.length);
});

describe('whose it is', () => {
  const reading = ways.filter(({ kind, route }) => routes[route].method === 'GET' && routes[route].path.includes(kind));

  test.each(reading)('reads it: $route', async (way) => {
    const [id] = Object.values(foreign[way.kind]);
    expect((await answer(way, id as string, runtime.keys.globex)).status).toBe(200);
  });

  test('is the agent itself as well, with a key of its own, which shows it no other', async () => {
    const { call } = runtime;
    const [own, other] = [await certifiedAgent(call), await certifiedAgent(call)];
    const key = await tables.addKey({ tenantId: own.agent.tenant_id, agentId: own.agent.id });
    for (const { agent } of [own, other]) dataOf(await call('POST', '/events', { body: { agent_id: agent.id, action_type: 'api_call' } }), 201);
    expect((await call('GET', '/agents?limit=100', { key })).body.data.map(({ id }: { id: string }) => id)).toEqual([own.agent.id]);
    expect((await call('GET', '/events?limit=100', { key })).body.data.map(({ agent_id }: { agent_id: string }) => agent_id)).toEqual([own.agent.id]);
    for (const way of ways.filter(({ kind, route }) => kind === 'agent' && ['get-agent', 'sign-message', 'get-agent-risk', 'list-events', 'ingest-event'].includes(route))) {
      expect([way.route, (await answer(way, own.agent.id, key)).status]).toEqual([way.route, way.route === 'ingest-event' ? 201 : 200]);
    }
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
