import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { actorTypes, auditEventTypes } from '../../lambdas/authority/audit.ts';
import { actionTypes } from '../../lambdas/authority/risk-assessment.ts';
import { routes } from '../../lambdas/routes.ts';
import { certifiedAgent, dataOf, minimalAgent, registerAgent, revoke } from '../support/agents.ts';
import { expectProblem } from '../support/problems.ts';
import { change, nested, requestFieldRows, stringify, type RequestName } from '../support/request-fields.ts';
import { startTestRuntime, type Reply, type TestRuntime } from '../support/runtime.ts';
import { createWebhook, minimalWebhook } from '../support/webhooks.ts';

/* What requests may hold, over HTTP. Every value of test/support/request-fields.ts is tried in test/http/requests.test.ts; here, some of each field's. */

let runtime: TestRuntime;
let agentId: string;
let changedAgentId: string;
let haltedAgentId: string;
let retiredAgentId: string;
let revokedCertificateId: string;
let webhookId: string;
/** An agent that can sign, and its certificate's serial number. */
let signer: { id: string; serial: string };

beforeAll(async () => {
  runtime = await startTestRuntime();
  const { call } = runtime;
  const [agent, changed, halted, retired, revoked, signing] = await Promise.all([
    registerAgent(call), registerAgent(call), registerAgent(call), registerAgent(call), certifiedAgent(call), certifiedAgent(call),
  ]);
  agentId = agent.id;
  changedAgentId = changed.id;
  haltedAgentId = halted.id;
  retiredAgentId = retired.id;
  revokedCertificateId = revoked.certificate.id;
  signer = { id: signing.agent.id, serial: signing.certificate.serial_number };
  webhookId = (await createWebhook(call)).id;
  await revoke(call, revokedCertificateId);
  dataOf(await call('DELETE', `/agents/${retiredAgentId}`), 200);
});

afterAll(() => runtime.stop());

interface Request {
  readonly path: () => string;
  /** A body that passes. */
  readonly body: () => Record<string, unknown>;
  /** What a request is answered that passes. */
  readonly passed: number;
}

const requests: Readonly<Record<RequestName, Request>> = {
  'create-agent': { path: () => '/agents', body: () => minimalAgent, passed: 201 },
  'update-agent': { path: () => `/agents/${changedAgentId}`, body: () => ({}), passed: 200 },
  'halt-agent': { path: () => `/agents/${haltedAgentId}/halt`, body: () => ({}), passed: 200 },
  // Of a retired agent, where no grantee is allowed: a request that is well-formed gets as far as 422.
  'certify-agent': { path: () => `/agents/${retiredAgentId}/certify`, body: () => ({}), passed: 422 },
  // Of a certificate that is revoked already: a request that is well-formed gets as far as 409, and one certificate serves them all.
  'revoke-certificate': { path: () => `/certificates/${revokedCertificateId}/revoke`, body: () => ({ reason: 'Key lost' }), passed: 409 },
  'ingest-event': { path: () => '/events', body: () => ({ agent_id: agentId, action_type: 'api_call' }), passed: 201 },
  'record-risk-score': { path: () => '/risk-scores', body: () => ({ agent_id: agentId, score: 0.1 }), passed: 202 },
  'create-webhook': { path: () => '/webhooks', body: () => minimalWebhook, passed: 201 },
  'update-webhook': { path: () => `/webhooks/${webhookId}`, body: () => ({}), passed: 200 },
  'sign-message': { path: () => `/agents/${signer.id}/sign`, body: () => ({ payload: {} }), passed: 200 },
  'verify-message': { path: () => '/verify/message', body: () => ({ payload: {}, signature: '', certificate_serial: signer.serial }), passed: 200 },
};

function send(route: RequestName, change: object): Promise<Reply> {
  const { path, body } = requests[route];
  return runtime.call(routes[route].method, path(), { body: stringify({ ...body(), ...change }) });
}

const reading = (path: string, from: unknown) => path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], from);
const show = (value: unknown) => stringify(value).slice(0, 60);

/** The last one and every seventh. */
const some = <Value>(values: readonly Value[]) => values.filter((_, index) => index % 7 === 0 || index === values.length - 1);

// Statuses are no values to try out one by one: test/api/agents.test.ts has each transition.
describe.each(requestFieldRows.filter(({ field }) => field !== 'status'))('$route $field', ({ route, field, definition }) => {
  const { refused, refusedWithin = [], passed, nullable, required } = definition;

  test('refuses what it cannot be, and says which field it was', async () => {
    const cases = [
      ...[...some(refused), ...(nullable ? [] : [null])].map((value) => ({ value, path: field })),
      ...some(refusedWithin).map((value) => ({ value, path: `${field}.0` })),
    ];
    const replies = await Promise.all(cases.map(({ value }) => send(route, change(field, definition, value))));
    for (const [index, { path }] of cases.entries()) expectProblem(replies[index] as Reply, 400, 'VALIDATION_FAILED', { issues: [path] });
  });

  test('takes what it can be', async () => {
    for (const value of [...some(passed), ...(nullable ? [null] : [])]) {
      const { status, body } = await send(route, change(field, definition, value));
      expect([show(value), status]).toEqual([show(value), requests[route].passed]);
      // Agents are answered as they were described.
      if (['create-agent', 'update-agent'].includes(route) && value !== null) expect(JSON.stringify(reading(field, body.data))).toBe(JSON.stringify(JSON.parse(stringify(value))));
    }
  });

  test(required ? 'is required' : 'may be missing', async () => {
    const reply = await send(route, change(field, definition, undefined));
    if (required) expectProblem(reply, 400, 'VALIDATION_FAILED', { issues: [field] });
    else expect(reply.status).toBe(requests[route].passed);
  });
});

test('several faults are all named, in the order of the fields', async () => {
  const reply = await send('create-agent', { name: '', model_hash: 1, permitted_actions: ['ok', ''], financial_scope: { daily_limit_usd: -1 }, metadata: 'x' });
  expectProblem(reply, 400, 'VALIDATION_FAILED', { issues: ['name', 'model_hash', 'permitted_actions.1', 'financial_scope.daily_limit_usd', 'metadata'] });
});

describe('spellings', () => {
  const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const spelt = requestFieldRows.filter(({ field }) => field.includes('_'));

  test.each(spelt)('$route reads $field in camelCase, and refuses it under its snake_case name', async ({ route, field, definition: { refused } }) => {
    const { [field]: _, ...others } = requests[route].body();
    const body = { ...others, ...nested(camelCase(field), refused[1]) };
    expectProblem(await runtime.call(routes[route].method, requests[route].path(), { body }), 400, 'VALIDATION_FAILED', { issues: [field] });
  });

  test('an agent in camelCase is the same agent', async () => {
    const { body: { data } } = await runtime.call('POST', '/agents', {
      body: {
        name: 'x', modelHash: 'h', operatorOrg: 'Org', permittedActions: ['a'],
        financialScope: { maxSingleTradeUsd: 1, dailyLimitUsd: 2, permittedInstruments: ['i'], permittedVenues: ['v'], leveragePermitted: false, maxLeverageRatio: 3 },
      },
    });
    expect(data).toMatchObject({
      model_hash: 'h', operator_org: 'Org', permitted_actions: ['a'],
      financial_scope: { max_single_trade_usd: 1, daily_limit_usd: 2, permitted_instruments: ['i'], permitted_venues: ['v'], leverage_permitted: false, max_leverage_ratio: 3 },
    });
  });

  test.each([
    ['snake_case wins where both are there', { operator_org: 'snake', operatorOrg: 'camel' }, 'snake'],
    ['in whichever order', { operatorOrg: 'camel', operator_org: 'snake' }, 'snake'],
    ['even as null', { operator_org: null, operatorOrg: 'camel' }, null],
    ['and other spellings are unknown fields', { OperatorOrg: 'pascal', 'operator-org': 'kebab', operatororg: 'x', OPERATOR_ORG: 'y' }, null],
  ])('%s', async (_, body, expected) => {
    expect((await send('create-agent', body)).body.data.operator_org).toBe(expected);
  });

  test('in a query too', async () => {
    for (const name of ['agent_id', 'agentId']) {
      const { status, body } = await runtime.call('GET', `/certificates?${name}=${agentId}`);
      expect([status, body.data]).toEqual([200, []]);
    }
  });
});

describe('what an agent is permitted may stand in its metadata', () => {
  const scope = { daily_limit_usd: 5 };
  test.each<[string, object, object]>([
    ['permitted_actions', { metadata: { permitted_actions: ['a'] } }, { permitted_actions: ['a'] }],
    ['permittedActions', { metadata: { permittedActions: ['a'] } }, { permitted_actions: ['a'] }],
    ['financial_scope', { metadata: { financial_scope: scope } }, { financial_scope: scope }],
    ['financialScope, camelCase throughout', { metadata: { financialScope: { dailyLimitUsd: 5 } } }, { financial_scope: scope }],
    ['both spellings: snake_case wins', { metadata: { permitted_actions: ['a'], permittedActions: ['b'] } }, { permitted_actions: ['a'] }],
    ['the field of its own wins', { permitted_actions: ['own'], metadata: { permitted_actions: ['a'] } }, { permitted_actions: ['own'] }],
    ['so does its camelCase spelling', { permittedActions: ['own'], metadata: { permitted_actions: ['a'] } }, { permitted_actions: ['own'] }],
    ['and an empty one', { permitted_actions: [], metadata: { permitted_actions: ['a'] } }, { permitted_actions: [] }],
    ['and null', { permitted_actions: null, financial_scope: null, metadata: { permitted_actions: ['a'], financial_scope: scope } }, { permitted_actions: [], financial_scope: null }],
    ['nothing deeper is looked at', { metadata: { agent: { permitted_actions: ['a'] } } }, { permitted_actions: [], financial_scope: null }],
  ])('%s', async (_, body, expected) => {
    const metadata = (body as { metadata: object }).metadata;
    const { body: { data } } = await send('create-agent', body);
    expect(data).toMatchObject({ ...expected, metadata });
    // A PATCH means the same, on an agent that was permitted something else before.
    const agent = await registerAgent(runtime.call);
    expect((await runtime.call('PATCH', `/agents/${agent.id}`, { body })).body.data).toMatchObject({ ...expected, metadata });
  });

  test('with the same limits', async () => {
    expectProblem(await send('create-agent', { metadata: { permitted_actions: 'trade' } }), 400, 'VALIDATION_FAILED', { issues: ['permitted_actions'] });
    expectProblem(await send('create-agent', { metadata: { financialScope: { dailyLimitUsd: -1 } } }), 400, 'VALIDATION_FAILED', { issues: ['financial_scope.daily_limit_usd'] });
  });

  test('a PATCH of other metadata leaves it as it was', async () => {
    const agent = await registerAgent(runtime.call, { permitted_actions: ['a'], financial_scope: scope });
    const { body: { data } } = await runtime.call('PATCH', `/agents/${agent.id}`, { body: { metadata: { team: 'x' } } });
    expect(data).toMatchObject({ permitted_actions: ['a'], financial_scope: scope, metadata: { team: 'x' } });
  });
});

test('unknown fields are ignored, above all those that are not the caller’s to set', async () => {
  const forged = { id: 'x', tenant_id: 'y', status: 'active', risk_score: 1, inbox_address: 'a@b', created_at: 1, updated_at: null, certificates: [], active_certificate: { id: 'z' }, lease: {}, pk: 'AGENT#1', unknown: [{}] };
  const { status, body: { data } } = await send('create-agent', forged);
  expect(status).toBe(201);
  expect(data).toMatchObject({ tenant_id: runtime.tenants[0]?.id, status: 'pending', risk_score: null, inbox_address: null });
  expect(data.id).toMatch(/^[0-9a-f-]{36}$/);
  const { status: _, ...rest } = forged;
  expect((await runtime.call('PATCH', `/agents/${data.id}`, { body: rest })).body.data).toEqual({ ...data, updated_at: expect.any(String) });
  const { body: { data: { financial_scope } } } = await send('create-agent', { financial_scope: { daily_limit_usd: 1, dailyLimit: 2, currency: 'USD' } });
  expect(financial_scope).toEqual({ daily_limit_usd: 1 });
});

test('an empty body is an empty object where nothing is required', async () => {
  expect((await runtime.call('PATCH', `/agents/${agentId}`)).status).toBe(200);
  expect((await runtime.call('PATCH', `/agents/${agentId}`, { body: '' })).status).toBe(200);
  const agent = await registerAgent(runtime.call);
  expect((await runtime.call('POST', `/agents/${agent.id}/certify`, { body: '' })).status).toBe(201);
  expect((await runtime.call('DELETE', `/agents/${agent.id}`)).status).toBe(200);
});

test('an agent id in a body is taken in upper case too', async () => {
  const agent = await registerAgent(runtime.call);
  const { status, body: { data } } = await send('ingest-event', { agent_id: agent.id.toUpperCase() });
  expect([status, data.agent_id]).toEqual([201, agent.id]);
});

describe('queries', () => {
  const wholeNumber = (minimum: number, maximum: number) => ({
    refused: [String(minimum - 1), String(maximum + 1), '', ' 1', '1 ', '1.0', '1e1', '0x10', '+1', '-0', '٣', 'NaN', 'Infinity', '1e400', '9'.repeat(400), 'ten', 'true', '[]'],
    passed: [String(minimum), String(maximum), '007'],
  });
  const limit = wholeNumber(1, 100);
  const uuid = { refused: ['', 'agent-1', '*', '00000000-0000-4000-8000-00000000000'], passed: ['00000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-00000000000A'] };
  const queries: [string, string, { refused: string[]; passed: string[] }][] = [
    ['/agents', 'limit', limit],
    ['/agents', 'offset', wholeNumber(0, 10_000)],
    ['/agents', 'status', { refused: ['', 'Active', 'expired', 'active,pending', ' active', '*'], passed: ['pending', 'active', 'suspended', 'retired'] }],
    ['/certificates', 'limit', limit],
    ['/certificates', 'status', { refused: ['', 'Active', 'pending', 'valid', '*'], passed: ['active', 'revoked', 'expired'] }],
    ['/certificates', 'agent_id', uuid],
    ['/events', 'limit', limit],
    ['/events', 'agent_id', uuid],
    ['/events', 'band', { refused: ['', 'High', 'critical', 'low,high', '*'], passed: ['low', 'medium', 'high'] }],
    ['/events', 'action_type', { refused: ['', 'API_CALL', 'api-call', 'tea_break', '*'], passed: [...actionTypes] }],
    ['/audit-log', 'limit', limit],
    ['/audit-log', 'event_type', { refused: ['', 'Agent.created', 'agent', 'agent.*', '*'], passed: [...auditEventTypes] }],
    ['/audit-log', 'actor_type', { refused: ['', 'API_KEY', 'user', '*'], passed: [...actorTypes] }],
    ['/audit-log', 'affected_id', uuid],
  ];

  test.each(queries)('GET %s?%s', async (path, name, { refused, passed }) => {
    const query = (value: string) => runtime.call('GET', `${path}?${new URLSearchParams({ [name]: value })}`);
    for (const value of refused) expectProblem(await query(value), 400, 'VALIDATION_FAILED', { issues: [name] });
    for (const value of passed) expect([value, (await query(value)).status]).toEqual([value, 200]);
  });

  test.each(['/agents?cursor', '/certificates?cursor', '/agents?before', '/certificates?before'])('GET %s', async (path) => {
    const [, name = ''] = path.split('?');
    const encoded = (text: string) => Buffer.from(text).toString('base64url');
    const forged = [
      '', 'x', '%00', '!!!', encoded('{}'), encoded('{"pk":"AGENT#1","sk":"AGENT"}'), encoded('2026-01-01T00:00:00.000Z'), encoded('2026-01-01T00:00:00.000Z#'),
      encoded("2026-01-01T00:00:00.000Z#' OR '1'='1"), encoded(`2026-01-01T00:00:00.000Z#${'g'.repeat(36)}`), encoded(`x2026-01-01T00:00:00.000Z#${agentId}`), encoded(`2026-01-01T00:00:00.000Z#${agentId}#x`),
    ];
    for (const cursor of forged) expectProblem(await runtime.call('GET', `${path}=${encodeURIComponent(cursor)}`), 400, 'INVALID_CURSOR');
    expectProblem(await runtime.call('GET', `${path}=${'x'.repeat(513)}`), 400, 'VALIDATION_FAILED', { issues: [name] });
    expect((await runtime.call('GET', `${path}=${encoded(`2026-01-01T00:00:00.000Z#${agentId}`)}`)).status).toBe(200);
    // Or the time that it is to begin before.
    for (const [time, some] of [['2000-01-01T00:00:00Z', false], ['2999-01-01T00:00:00Z', true]]) expect([time, (await runtime.call('GET', `${path}=${time}`)).body.data.length > 0]).toEqual([time, some]);
  });

  test('unknown parameters are ignored', async () => {
    const { status, body } = await runtime.call('GET', '/agents?page=2&tenant_id=x&sort=name&limit=1&__proto__=1');
    expect([status, body.data.length]).toEqual([200, 1]);
  });
});
