import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { requestRecords } from '../../lambdas/aws/request-records.ts';
import { created, ok, type Answer } from '../../lambdas/http/answer.ts';
import { runOnce } from '../../lambdas/http/idempotency.ts';
import { isMutation, routes, type MutationName } from '../../lambdas/routes.ts';
import { minimalAgent, unknownId } from '../support/agents.ts';
import { isOfConsumers } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { answerLost, awsError, notPerformed, type WireCall } from '../support/faults.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import type { CallOptions } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { createWebhook, minimalWebhook } from '../support/webhooks.ts';

let runtime: FaultyRuntime;
let tables: Tables;
let registry: RegistryView;

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  registry = openRegistry(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  for (const view of [tables, registry]) view.close();
  await runtime.stop();
});

const isRecord = (input: WireCall['input']) => String(input['Item']?.pk?.S ?? input['Key']?.pk?.S).startsWith('IDEMPOTENCY#');
const admits = { operation: 'PutItem', where: isRecord };
const settles = { operation: 'UpdateItem', where: isRecord };

/** Sends a request with an Idempotency-Key, a new one by default. */
const send = (method: string, path: string, body?: unknown, key: string = randomUUID(), options: CallOptions = {}) =>
  runtime.call(method, path, { ...(body !== undefined && { body }), ...options, headers: { 'idempotency-key': key } });
const register = (key: string, body: unknown = minimalAgent, options?: CallOptions) => send('POST', '/agents', body, key, options);

async function countAgents(options?: CallOptions): Promise<number> {
  return (await runtime.call('GET', '/agents', options)).body.meta.total;
}

async function certified() {
  const agentId = await runtime.newAgent();
  const { body } = await runtime.certify(agentId);
  return { agentId, certificateId: body.data.id as string };
}

/** The key of the record that the latest request with a key has left. */
function latestRecord(): string {
  const call = runtime.dynamodb.calls.filter(({ operation, input }) => operation === 'PutItem' && isRecord(input)).at(-1);
  return call?.input['Item'].pk.S;
}

/** Puts an attribute of the latest record into the past. */
const isOver = (attribute: 'expiresAt' | 'leaseExpiresAt') => registry.set(latestRecord(), 'IDEMPOTENCY', attribute, new Date(Date.now() - 1).toISOString());

interface Arranged {
  readonly path: string;
  readonly body?: object;
  readonly otherBody?: object;
  readonly status: number;
}

/** A request for each route that changes something; sent again without a key, each would do something or be refused. */
const mutations: Record<MutationName, () => Promise<Arranged>> = {
  'create-agent': async () => ({ path: '/agents', body: minimalAgent, otherBody: { ...minimalAgent, name: 'Another' }, status: 201 }),
  'update-agent': async () => ({ path: `/agents/${await runtime.newAgent()}`, body: { name: 'New' }, otherBody: { name: 'Newer' }, status: 200 }),
  'retire-agent': async () => ({ path: `/agents/${await runtime.newAgent()}`, status: 200 }),
  'halt-agent': async () => ({ path: `/agents/${(await certified()).agentId}/halt`, body: { reason: 'test' }, otherBody: { reason: 'other' }, status: 200 }),
  'certify-agent': async () => ({ path: `/agents/${await runtime.newAgent()}/certify`, status: 201 }),
  'renew-certificate': async () => ({ path: `/certificates/${(await certified()).certificateId}/renew`, status: 201 }),
  'sign-message': async () => ({ path: `/agents/${(await certified()).agentId}/sign`, body: { payload: { a: 1 } }, otherBody: { payload: { a: 2 } }, status: 200 }),
  'revoke-certificate': async () => ({ path: `/certificates/${(await certified()).certificateId}/revoke`, body: { reason: 'test' }, otherBody: { reason: 'other' }, status: 200 }),
  'ingest-event': async () => {
    const { agentId } = await certified();
    const event = (details: object) => ({ agent_id: agentId, action_type: 'api_call', details });
    return { path: '/events', body: event({ amount: 1 }), otherBody: event({ amount: 2 }), status: 201 };
  },
  'record-risk-score': async () => {
    const agent_id = await runtime.newAgent();
    return { path: '/risk-scores', body: { agent_id, score: 0.1 }, otherBody: { agent_id, score: 0.2 }, status: 202 };
  },
  'create-webhook': async () => ({ path: '/webhooks', body: minimalWebhook, otherBody: { ...minimalWebhook, description: 'Another' }, status: 201 }),
  'update-webhook': async () => ({ path: `/webhooks/${(await createWebhook(runtime.call)).id}`, body: { rotate_secret: true }, otherBody: { active: false }, status: 200 }),
  'delete-webhook': async () => ({ path: `/webhooks/${(await createWebhook(runtime.call)).id}`, status: 200 }),
};

test('the table above names every route that changes something', () => {
  expect(Object.keys(routes).filter(isMutation).sort()).toEqual(Object.keys(mutations).sort());
});

describe.each(Object.entries(mutations) as [MutationName, () => Promise<Arranged>][])('%s', (name, arrange) => {
  const { method } = routes[name];

  test('answers a repetition as the first time and does nothing twice; another body under the key is 422', async () => {
    const { path, body, otherBody = { other: true }, status } = await arrange();
    const key = randomUUID();
    const first = await send(method, path, body, key);
    expect([first.status, first.body.error]).toEqual([status, undefined]);
    await runtime.idle();

    const before = await tables.contents();
    const again = await send(method, path, body, key);
    expect([again.status, again.body]).toEqual([status, first.body]);
    for (const header of ['content-type', 'cache-control', 'retry-after']) expect(again.headers.get(header)).toBe(first.headers.get(header));

    const other = await send(method, path, otherBody, key);
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    await runtime.idle();
    expect(await tables.changesSince(before)).toEqual([]);
  });
});

describe('what is the same request', () => {
  test('is not a matter of spacing, of the order of keys, or of escapes', async () => {
    const key = randomUUID();
    const first = await register(key, '{"name":"Trader","model_hash":"sha256:0123"}');
    const again = await register(key, '{ "model_hash": "sha256:0123",\n  "name": "\\u0054rader" }');
    expect([first.status, again.status, again.body]).toEqual([201, 201, first.body]);
  });

  test('an empty body is the same as {}', async () => {
    const path = `/agents/${await runtime.newAgent()}/certify`;
    const key = randomUUID();
    const first = await send('POST', path, undefined, key);
    expect((await send('POST', path, {}, key)).body).toEqual(first.body);
  });

  test('takes bodies that have no canonical form by their bytes', async () => {
    const body = (unknownField: string) => `{"name":"Trader","model_hash":"h","unknown":${unknownField}}`;
    const deep = (text: string) => `${'['.repeat(1_000)}"${text}"${']'.repeat(1_000)}`;
    for (const [one, other] of [['1e400', '2e400'], ['"\\ud800"', '"\\ud801"'], [deep('a'), deep('b')]] as const) {
      const key = randomUUID();
      const first = await register(key, body(one));
      expect([first.status, (await register(key, body(one))).body]).toEqual([201, first.body]);
      expect((await register(key, body(other))).status).toBe(422);
    }
  });

  test('another tenant, another agent, another path, another route and another key are other requests', async () => {
    const key = randomUUID();
    const [one, two] = [await runtime.newAgent(), await runtime.newAgent()];
    const ours = await register(key);
    const theirs = await register(key, minimalAgent, { key: runtime.keys.globex });
    expect(theirs.status).toBe(201);
    expect(theirs.body.data.id).not.toBe(ours.body.data.id);
    expect((await register(`${key}.`)).body.data.id).not.toBe(ours.body.data.id);

    const certificates = [await send('POST', `/agents/${one}/certify`, {}, key), await send('POST', `/agents/${two}/certify`, {}, key)];
    expect(certificates.map(({ status, body }) => [status, body.data.agent_id])).toEqual([[201, one], [201, two]]);
    expect((await send('DELETE', `/agents/${one}`, {}, key)).body.data.status).toBe('retired');
  });

  test('a key that is bound to an agent does not see the answers of its tenant', async () => {
    const { agentId } = await certified();
    const { agentId: other } = await certified();
    const { body: { data: { tenant_id: tenantId } } } = await runtime.call('GET', `/agents/${agentId}`);
    const bound = await tables.addKey({ tenantId, agentId: other, scopes: ['events:write'] });
    const key = randomUUID();
    const event = { agent_id: agentId, action_type: 'api_call' };
    expect((await send('POST', '/events', event, key)).status).toBe(201);
    expect((await send('POST', '/events', event, key, { key: bound })).status).toBeGreaterThanOrEqual(403);
  });
});

describe('a key', () => {
  test.each(['', 'a b', 'ü', 'a\tb', 'x'.repeat(256)])('%j is 400 and nothing happens', async (key) => {
    const before = await countAgents();
    const { status, body } = await register(key);
    expect([status, body.code]).toEqual([400, 'INVALID_IDEMPOTENCY_KEY']);
    expect(await countAgents()).toBe(before);
  });

  test.each(['!', '~'.repeat(255), '"8e03978e-40d5-43dd-bc93-6894a57f9324"', '#/&?%00'])('%j will do', async (key) => {
    const first = await register(key);
    expect((await register(key)).body).toEqual(first.body);
    expect(first.status).toBe(201);
  });

  test('is nowhere in the tables, and neither is the body', async () => {
    const key = randomUUID();
    const { certificateId } = await certified();
    await send('POST', `/certificates/${unknownId}/revoke`, { reason: 'A very private reason' }, key);
    await send('POST', `/certificates/${certificateId}/revoke`, { reason: 'test' }, key);
    const contents = [...(await tables.contents())].join('\n');
    expect(contents).not.toContain(key);
    expect(contents).not.toContain('A very private reason');
  });

  test('does not count before the request is allowed and well-formed', async () => {
    const key = randomUUID();
    expect((await register(key, {})).status).toBe(400);
    expect((await register(key, minimalAgent, { key: null })).status).toBe(401);
    expect((await register(key)).status).toBe(201);
  });

  test('is forgotten after 24 hours, even while its record is still there', async () => {
    const key = randomUUID();
    const first = await register(key);
    const { expiresAt, timeToLive } = (await registry.get(latestRecord(), 'IDEMPOTENCY')) ?? {};
    expect(Math.abs(Date.parse(expiresAt) - Date.now() - 24 * 3_600_000)).toBeLessThan(60_000);
    expect(timeToLive).toBe(Math.ceil(Date.parse(expiresAt) / 1000));
    await isOver('expiresAt');

    const next = await register(key, { ...minimalAgent, name: 'The next day' });
    expect(next.status).toBe(201);
    expect(next.body.data.id).not.toBe(first.body.data.id);
    expect((await register(key, { ...minimalAgent, name: 'The next day' })).body).toEqual(next.body);
  });

  test('means nothing where nothing is changed', async () => {
    runtime.calm();
    await send('GET', '/agents', undefined, 'a b');
    await send('POST', '/verify/message', {}, 'a b');
    expect(runtime.dynamodb.calls.filter(({ input }) => isRecord(input))).toEqual([]);
  });
});

describe('what is kept of an answer', () => {
  const secret = 'whsec_shown_once';
  const run = (key: string, answer: Answer) =>
    runOnce(
      { records: requestRecords({ client: dynamodb(), tableName: runtime.tableNames.registry }), clock: () => new Date(), newId: randomUUID, warn: () => undefined },
      { route: 'a-route', pathParameters: {}, principal: { keyId: 'k', tenantId: 't', scopes: [] }, key, body: new Uint8Array(), requestId: 'r', remainingMilliseconds: 1_000 },
      async () => answer,
    );

  test('can be less than what is answered', async () => {
    const key = randomUUID();
    const answer = { ...created({ id: 1, secret }), kept: { data: { id: 1, secret: null } } };
    expect(await run(key, answer)).toBe(answer);
    expect(await run(key, answer)).toEqual({ status: 201, headers: {}, body: { data: { id: 1, secret: null } } });
    expect([...(await tables.contents())].join('\n')).not.toContain(secret);
  });

  test('can be nothing, and then the request runs again', async () => {
    const key = randomUUID();
    expect(await run(key, { ...created({ attempt: 1 }), kept: false })).toMatchObject({ body: { data: { attempt: 1 } } });
    expect(await run(key, created({ attempt: 2 }))).toMatchObject({ body: { data: { attempt: 2 } } });
    expect(await run(key, created({ attempt: 3 }))).toMatchObject({ body: { data: { attempt: 2 } } });
  });

  test('has the header fields that the handler gave it', async () => {
    const key = randomUUID();
    await run(key, ok({}, { etag: '"1"' }));
    expect(await run(key, ok({}))).toMatchObject({ headers: { etag: '"1"' } });
  });
});

describe('in calls to DynamoDB', () => {
  const callsOf = async (key?: string) => {
    await runtime.idle();
    runtime.calm();
    await (key === undefined ? runtime.call('POST', '/agents', { body: minimalAgent }) : register(key));
    return runtime.dynamodb.calls.filter((call) => !isOfConsumers(call)).map(({ operation }) => operation).filter((operation) => operation !== 'GetItem'); // The authorizer's.
  };

  test('a request without a key takes none more, one with a key two, and a repetition one in all', async () => {
    const key = randomUUID();
    expect(await callsOf()).toEqual(['TransactWriteItems']);
    expect(await callsOf(key)).toEqual(['PutItem', 'TransactWriteItems', 'UpdateItem']);
    expect(await callsOf(key)).toEqual(['PutItem']);
  });
});

describe('at the same time', () => {
  test('of twenty requests one does it, and the others get its answer or are told to wait', async () => {
    const path = `/agents/${await runtime.newAgent()}/certify`;
    const key = randomUUID();
    const replies = await Promise.all(Array.from({ length: 20 }, () => send('POST', path, {}, key)));
    const done = replies.filter(({ status }) => status === 201);
    expect(new Set(done.map(({ body }) => body.data.id)).size).toBe(1);
    for (const { status, body, headers } of replies.filter((reply) => !done.includes(reply))) {
      expect([status, body.code, headers.get('retry-after')]).toEqual([409, 'REQUEST_IN_PROGRESS', '1']);
    }
    expect((await send('POST', path, {}, key)).body).toEqual(done[0]?.body);
  });

  test('a repetition waits for the first, and another body is refused at once', async () => {
    const key = randomUUID();
    const hold = runtime.dynamodb.hold({ operation: 'TransactWriteItems' });
    const first = register(key);
    await hold.reached;
    expect((await register(key)).body.code).toBe('REQUEST_IN_PROGRESS');
    expect((await register(key, { ...minimalAgent, name: 'Another' })).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    hold.release();
    const { status, body } = await first;
    expect([status, (await register(key)).body]).toEqual([201, body]);
  });
});

describe('what is refused', () => {
  test('stays refused, with the same words', async () => {
    const agentId = await runtime.newAgent();
    const key = randomUUID();
    await runtime.call('DELETE', `/agents/${agentId}`);
    const first = await send('POST', `/agents/${agentId}/certify`, {}, key);
    expect([first.status, first.body.code]).toEqual([422, 'AGENT_RETIRED']);
    expect((await send('POST', `/agents/${agentId}/certify`, {}, key)).body).toEqual(first.body);
  });

  test('runs again where it says to try again', async () => {
    const agentId = await runtime.newAgent();
    const key = randomUUID();
    await runtime.aftermath.setLease(agentId, { id: 'someone', acquiredAt: new Date().toISOString(), expiresAt: '2999-01-01T00:00:00.000Z' });
    const first = await send('POST', `/agents/${agentId}/certify`, {}, key);
    expect([first.status, first.body.code]).toEqual([409, 'ISSUANCE_IN_PROGRESS']);
    await runtime.aftermath.setLease(agentId, { id: 'someone', acquiredAt: new Date().toISOString(), expiresAt: new Date().toISOString() });
    expect((await send('POST', `/agents/${agentId}/certify`, {}, key)).status).toBe(201);
  });

  test('runs again after a 5xx, with the same body only', async () => {
    const key = randomUUID();
    const before = await countAgents();
    const fault = runtime.dynamodb.inject({ operation: 'TransactWriteItems' }, awsError('AccessDeniedException'));
    expect((await register(key)).status).toBe(503);
    fault.remove();
    expect((await register(key, { ...minimalAgent, name: 'Another' })).status).toBe(422);
    const second = await register(key);
    expect([second.status, (await register(key)).body]).toEqual([201, second.body]);
    expect(await countAgents()).toBe(before + 1);
  });
});

test('a halt whose receipt could not be signed is asked for again with the same key, and signed', async () => {
  const { agentId } = await certified();
  const key = randomUUID();
  const halt = () => send('POST', `/agents/${agentId}/halt`, { reason: 'test' }, key);
  const fault = runtime.kms.inject({ operation: 'Sign' }, awsError('AccessDeniedException'));
  const first = await halt();
  expect([first.status, first.body.data.halt_receipt.signed_by_ca]).toEqual([200, false]);
  fault.remove();
  const second = await halt();
  expect([second.status, second.body.data.halt_receipt.signed_by_ca]).toEqual([200, true]);
  expect((await halt()).body).toEqual(second.body);
});

describe('where DynamoDB fails', () => {
  test('before the work, nothing is done', async () => {
    const before = await countAgents();
    const fault = runtime.dynamodb.inject(admits, awsError('AccessDeniedException'));
    const { status, body } = await register(randomUUID());
    expect([status, body.code]).toEqual([503, 'REGISTRY_UNAVAILABLE']);
    fault.remove();
    expect(await countAgents()).toBe(before);
  });

  test('a lost answer to the reservation does not make the request its own rival', async () => {
    const fault = runtime.dynamodb.inject(admits, answerLost, { times: 1 });
    expect((await register(randomUUID())).status).toBe(201);
    expect(fault.hits).toBe(1);
  });

  test.each([['is lost', notPerformed], ['is refused', awsError('AccessDeniedException')]])('after the work, it is answered all the same; when the record %s, its lease ends and the request runs again', async (_, fault) => {
    const agentId = await runtime.newAgent();
    const key = randomUUID();
    const injection = runtime.dynamodb.inject(settles, fault);
    expect((await send('POST', `/agents/${agentId}/certify`, {}, key)).status).toBe(201);
    injection.remove();

    const waiting = await send('POST', `/agents/${agentId}/certify`, {}, key);
    expect([waiting.status, waiting.body.code]).toEqual([409, 'REQUEST_IN_PROGRESS']);
    const { leaseExpiresAt } = (await registry.get(latestRecord(), 'IDEMPOTENCY')) ?? {};
    const leaseSeconds = (Date.parse(leaseExpiresAt) - Date.now()) / 1000;
    expect(leaseSeconds).toBeGreaterThan(20); // A function runs 28 s at most, and these tests are slow at times.
    expect(leaseSeconds).toBeLessThan(31);
    await isOver('leaseExpiresAt');
    expect((await send('POST', `/agents/${agentId}/certify`, { another: true }, key)).status).toBe(422);

    const again = await send('POST', `/agents/${agentId}/certify`, {}, key);
    expect([again.status, again.body.code]).toEqual([409, 'ACTIVE_CERTIFICATE_EXISTS']);
    expect((await send('POST', `/agents/${agentId}/certify`, {}, key)).body).toEqual(again.body);
  });

  test('a record that hangs holds up the answer for three seconds and no longer', async () => {
    const hold = runtime.dynamodb.hold(settles);
    const startedAt = performance.now();
    expect((await register(randomUUID())).status).toBe(201);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    hold.release();
  }, 15_000);

  test('what an attempt records after its lease is over does not replace what its successor did', async () => {
    const agentId = await runtime.newAgent();
    const key = randomUUID();
    const hold = runtime.dynamodb.hold({ operation: 'TransactWriteItems', concerning: agentId }, { times: 1 });
    const first = send('PATCH', `/agents/${agentId}`, { name: 'New' }, key);
    await hold.reached;
    await isOver('leaseExpiresAt');
    const second = await send('PATCH', `/agents/${agentId}`, { name: 'New' }, key);
    expect(second.status).toBe(200);
    hold.release();
    await first;
    expect((await send('PATCH', `/agents/${agentId}`, { name: 'New' }, key)).body).toEqual(second.body);
  });
});
