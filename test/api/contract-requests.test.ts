import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes, type Route, type RouteName } from '../../lambdas/routes.ts';
import { openApiDocument } from '../../openapi/document.ts';
import { certifiedAgent, dataOf, minimalAgent, registerAgent } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { nested } from '../support/request-fields.ts';
import { caller, startTestRuntime, type Call, type Reply, type TestRuntime } from '../support/runtime.ts';
import { reading } from '../support/shape.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { createWebhook, minimalWebhook } from '../support/webhooks.ts';

/*
 * Every field of every request, under every name that clients in use send it by, and what comes of it. What values a field
 * takes and refuses is for test/api/validation.test.ts.
 */

const role = 'arn:aws:iam::123456789012:role/agents/trader';

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
/** Certified, and its certificate. */
let agent: { id: string };
let certificate: { id: string; serial_number: string };
let webhook: { id: string };

beforeAll(async () => {
  // Read by the handlers when they first need it.
  process.env['GRANTEE_ACCOUNTS'] = '123456789012';
  process.env['WEBHOOK_ALLOWED_NETWORKS'] = '127.0.0.1/32';
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  call = caller(runtime.url, await tables.addKey({ tenantId: randomUUID() }));
  ({ agent, certificate } = await certifiedAgent(call));
});

afterAll(async () => {
  for (const name of ['GRANTEE_ACCOUNTS', 'WEBHOOK_ALLOWED_NETWORKS']) Reflect.deleteProperty(process.env, name);
  tables.close();
  await runtime.stop();
});

interface Field {
  readonly name: string;
  /** Paths in the body. */
  readonly sentAs: readonly string[];
  readonly value: unknown;
  /** What becomes visible of it; without this, the answer has the value under the field's name. */
  readonly shown?: (reply: Reply) => unknown;
  /** As which it becomes visible. */
  readonly as?: unknown;
}

interface Request {
  readonly send: (body: object) => Promise<Reply>;
  /** What has to be said beside the field. */
  readonly beside?: (field: string) => object;
  readonly fields: readonly Field[];
}

const shownAs = (path: string) => ({ body }: Reply) => reading(`data.${path}`, body);

const scope = (names: readonly [string, string], value: unknown): Field => ({
  name: `financial_scope.${names[0]}`, value,
  sentAs: ['financial_scope', 'financialScope', 'metadata.financial_scope', 'metadata.financialScope'].flatMap((parent) => names.map((name) => `${parent}.${name}`)),
});

const agentFields: readonly Field[] = [
  { name: 'name', sentAs: ['name'], value: 'Another name' },
  { name: 'model_hash', sentAs: ['model_hash', 'modelHash'], value: 'sha256:ab' },
  { name: 'model', sentAs: ['model'], value: 'gpt-4o' },
  { name: 'version', sentAs: ['version'], value: '2026-11' },
  { name: 'description', sentAs: ['description'], value: 'Settles.' },
  { name: 'operator_org', sentAs: ['operator_org', 'operatorOrg'], value: 'Acme' },
  { name: 'permitted_actions', sentAs: ['permitted_actions', 'permittedActions', 'metadata.permitted_actions', 'metadata.permittedActions'], value: ['trade:execute'] },
  {
    name: 'financial_scope', sentAs: ['financial_scope', 'financialScope', 'metadata.financial_scope', 'metadata.financialScope'],
    value: { max_single_trade_usd: 1, dailyLimitUsd: 2 }, as: { max_single_trade_usd: 1, daily_limit_usd: 2 },
  },
  scope(['max_single_trade_usd', 'maxSingleTradeUsd'], 10.5),
  scope(['daily_limit_usd', 'dailyLimitUsd'], 100),
  scope(['permitted_instruments', 'permittedInstruments'], ['BTC-USD']),
  scope(['permitted_venues', 'permittedVenues'], ['XNAS']),
  scope(['leverage_permitted', 'leveragePermitted'], true),
  scope(['max_leverage_ratio', 'maxLeverageRatio'], 2.5),
  { name: 'metadata', sentAs: ['metadata'], value: { desk: 'emea' } },
];

const webhookFields: readonly Field[] = [
  { name: 'url', sentAs: ['url'], value: 'https://example.com/another' },
  { name: 'events', sentAs: ['events'], value: ['certificate.revoked', 'risk.alert'] },
  { name: 'description', sentAs: ['description'], value: 'For the risk desk' },
];

/** What the risk table keeps of a report beside what is answered. */
const kept = (name: string) => async ({ body }: Reply) => {
  const record = (await tables.riskRecords()).find(({ record_id }) => record_id.endsWith(`#${body.data.id}`));
  return (JSON.parse(record?.['details_json'] ?? '{}') as Record<string, unknown>)[name];
};
const listed = async ({ body }: Reply) => ((await call('GET', `/events?agent_id=${agent.id}`)).body.data as { id: string; payload: object }[]).find(({ id }) => id === body.data.id)?.payload;
const auditedNote = async ({ body }: Reply) => ((await call('GET', `/audit-log?affected_id=${body.data.agent_id}&event_type=agent.halted`)).body.data as { metadata: object }[])[0]?.metadata;

const message = { order: 7 };
const digestOf = (text: string) => createHash('sha256').update(text).digest();
const sign = (body: object) => call('POST', `/agents/${agent.id}/sign`, { body });
/** Each spelling of the serial is tried where a serial is sent. */
const spellings = (serial: string): Record<string, string> => ({
  'as answered': serial, 'in lower case': serial.toLowerCase(), 'with colons': serial.replace(/..(?=.)/g, '$&:'), 'without leading zeros': serial.replace(/^0+/, ''),
});

const requests: Partial<Record<RouteName, Request>> = {
  'create-agent': { send: (body) => call('POST', '/agents', { body }), beside: () => minimalAgent, fields: agentFields },
  'update-agent': {
    send: async (body) => call('PATCH', `/agents/${(await registerAgent(call)).id}`, { body }),
    fields: [...agentFields, { name: 'status', sentAs: ['status'], value: 'suspended' }],
  },
  'halt-agent': {
    send: async (body) => call('POST', `/agents/${(await registerAgent(call)).id}/halt`, { body }),
    fields: [
      { name: 'reason', sentAs: ['reason'], value: 'operator_initiated', shown: shownAs('halt_receipt.reason') },
      { name: 'operator_note', sentAs: ['operator_note', 'operatorNote'], value: 'By telephone', shown: auditedNote, as: expect.objectContaining({ operator_note: 'By telephone' }) },
    ],
  },
  'certify-agent': {
    send: async (body) => call('POST', `/agents/${(await registerAgent(call)).id}/certify`, { body }),
    fields: [{ name: 'grantee_principal_arn', sentAs: ['grantee_principal_arn', 'granteePrincipalArn'], value: role }],
  },
  'revoke-certificate': {
    send: async (body) => call('POST', `/certificates/${(await certifiedAgent(call)).certificate.id}/revoke`, { body }),
    beside: (field) => (field === 'reason' ? {} : { reason: 'x' }),
    fields: [
      { name: 'reason', sentAs: ['reason'], value: 'Key lost' },
      { name: 'reason_code', sentAs: ['reason_code', 'reasonCode'], value: 'keyCompromise' },
    ],
  },
  'ingest-event': {
    send: (body) => call('POST', '/events', { body }),
    beside: () => ({ agent_id: agent.id, action_type: 'api_call' }),
    fields: [
      { name: 'agent_id', sentAs: ['agent_id', 'agentId'], get value() { return agent.id; } },
      { name: 'action_type', sentAs: ['action_type', 'actionType'], value: 'data_access' },
      { name: 'payload', sentAs: ['payload'], value: { rows: 1 }, shown: listed },
      { name: 'details', sentAs: ['details'], value: { rows: 2 }, shown: listed },
      { name: 'session_id', sentAs: ['session_id', 'sessionId'], value: 's-1', shown: kept('session_id') },
      { name: 'chain_id', sentAs: ['chain_id', 'chainId'], value: 'c-1', shown: kept('chain_id') },
      { name: 'occurred_at', sentAs: ['occurred_at', 'occurredAt'], value: '2026-05-17T12:00:00+02:00', as: '2026-05-17T10:00:00.000Z' },
    ],
  },
  'record-risk-score': {
    send: (body) => call('POST', '/risk-scores', { body }),
    beside: () => ({ agent_id: agent.id, score: 0.1 }),
    fields: [
      { name: 'agent_id', sentAs: ['agent_id', 'agentId'], get value() { return agent.id; } },
      { name: 'score', sentAs: ['score'], value: 0.2 },
      { name: 'source', sentAs: ['source'], value: 'drift-monitor', shown: kept('source') },
      { name: 'model_version', sentAs: ['model_version', 'modelVersion'], value: 'v3', shown: kept('model_version') },
      { name: 'explanation', sentAs: ['explanation'], value: 'Unusual sizes', shown: kept('explanation') },
      { name: 'observed_at', sentAs: ['observed_at', 'observedAt'], value: '2026-05-17T12:00:00+02:00', as: '2026-05-17T10:00:00.000Z' },
    ],
  },
  'sign-message': {
    send: sign,
    fields: [
      { name: 'payload', sentAs: ['payload'], value: message, shown: shownAs('payload_hash'), as: digestOf('{"order":7}').toString('hex') },
      { name: 'digest', sentAs: ['digest'], value: digestOf('x').toString('base64'), shown: shownAs('payload_hash'), as: digestOf('x').toString('hex') },
      { name: 'jwt', sentAs: ['jwt'], value: { aud: 'globex' }, shown: ({ body }) => JSON.parse(Buffer.from(body.data.token.split('.')[1], 'base64url').toString()), as: expect.objectContaining({ aud: 'globex' }) },
    ],
  },
  'verify-message': {
    async send(body) {
      const { signature } = dataOf(await sign({ payload: message }), 200);
      return call('POST', '/verify/message', { key: null, body: { signature, ...body } });
    },
    beside: (field) => ({ ...(field !== 'digest' && { payload: message }), certificate_serial: certificate.serial_number }),
    fields: [
      { name: 'payload', sentAs: ['payload'], value: message, shown: shownAs('valid'), as: true },
      { name: 'digest', sentAs: ['digest'], value: digestOf('{"order":7}').toString('base64'), shown: shownAs('valid'), as: true },
      { name: 'signature', sentAs: ['signature'], value: Buffer.alloc(256).toString('base64'), shown: shownAs('reason'), as: 'signature_mismatch' },
      { name: 'certificate_serial', sentAs: ['certificate_serial', 'certificateSerial'], get value() { return certificate.serial_number; } },
      { name: 'agent_id', sentAs: ['agent_id', 'agentId'], value: randomUUID(), shown: shownAs('reason'), as: 'agent_mismatch' },
    ],
  },
  'create-webhook': { send: (body) => call('POST', '/webhooks', { body }), beside: () => minimalWebhook, fields: webhookFields },
  'update-webhook': {
    send: async (body) => call('PATCH', `/webhooks/${(await createWebhook(call)).id}`, { body }),
    fields: [
      ...webhookFields,
      { name: 'active', sentAs: ['active'], value: false },
      { name: 'rotate_secret', sentAs: ['rotate_secret', 'rotateSecret'], value: true, shown: shownAs('secret'), as: expect.stringMatching(/^whsec_/) },
    ],
  },
};

const sent = Object.entries(requests).flatMap(([route, request]) => request.fields.flatMap((field) => field.sentAs.map((sentAs) => ({ route, request, field, sentAs }))));

test.each(sent)('$route reads $field.name from $sentAs', async ({ request: { send, beside = () => ({}) }, field, sentAs }) => {
  const { [field.name]: _, ...others } = beside(field.name) as Record<string, unknown>;
  const reply = await send({ ...others, ...nested(sentAs, field.value) });
  expect([reply.status, reply.status < 300]).toEqual([reply.status, true]);
  expect(await (field.shown ?? shownAs(field.name))(reply)).toEqual('as' in field ? field.as : field.value);
});

/** Which of three agents, certificates, events or entries a list still shows, by the value of one parameter. */
interface Query {
  readonly prepare?: () => Promise<void>;
  readonly path: () => string;
  readonly parameters: readonly { readonly name: string; readonly sentAs: readonly string[]; readonly value: () => unknown; readonly shown: (reply: Reply) => unknown; readonly as: () => unknown }[];
}

const all = (path: string) => ({ body }: Reply) => [...new Set((body.data as object[]).map((element) => reading(path, element)))];
const limit = { name: 'limit', sentAs: ['limit'], value: () => 1, shown: ({ body }: Reply) => [body.data.length, body.pagination.limit], as: () => [1, 1] };
let second: { path: string; id: string; cursor: string };
/** From the first page of one, the second is the cursor's. */
const cursors = { name: 'cursor', sentAs: ['cursor', 'before'], value: () => second.cursor, shown: ({ body }: Reply) => body.data[0].id as string, as: () => second.id };

const queries: Partial<Record<RouteName, Query>> = {
  'list-agents': {
    path: () => '/agents',
    parameters: [
      { name: 'status', sentAs: ['status'], value: () => 'retired', shown: all('status'), as: () => ['retired'] },
      limit,
      { name: 'offset', sentAs: ['offset'], value: () => 1, shown: ({ body }) => [body.data[0].id, body.meta.offset], as: () => [second.id, 1] },
      cursors,
    ],
  },
  'list-certificates': {
    path: () => '/certificates',
    parameters: [
      { name: 'agent_id', sentAs: ['agent_id', 'agentId'], value: () => agent.id, shown: all('agent_id'), as: () => [agent.id] },
      { name: 'status', sentAs: ['status'], value: () => 'revoked', shown: all('status'), as: () => ['revoked'] },
      limit,
      cursors,
    ],
  },
  'list-events': {
    path: () => '/events',
    parameters: [
      { name: 'agent_id', sentAs: ['agent_id', 'agentId'], value: () => agent.id, shown: all('agent_id'), as: () => [agent.id] },
      { name: 'band', sentAs: ['band'], value: () => 'medium', shown: all('risk_band'), as: () => ['medium'] },
      { name: 'action_type', sentAs: ['action_type', 'actionType'], value: () => 'data_mutation', shown: all('action_type'), as: () => ['data_mutation'] },
      limit,
      cursors,
    ],
  },
  'get-agent-risk': {
    path: () => `/agents/${agent.id}/risk`,
    parameters: [{ name: 'window_days', sentAs: ['window_days', 'windowDays'], value: () => 7, shown: ({ body }) => [body.data.window_days, body.data.trend.length], as: () => [7, 7] }],
  },
  'get-crl': {
    path: () => '/crl',
    parameters: [{ name: 'generation', sentAs: ['generation'], value: () => 1, shown: ({ body }) => String(body).split('\n')[0], as: () => '-----BEGIN X509 CRL-----' }],
  },
  'list-audit-entries': {
    path: () => '/audit-log',
    parameters: [
      { name: 'event_type', sentAs: ['event_type', 'eventType'], value: () => 'certificate.revoked', shown: all('event_type'), as: () => ['certificate.revoked'] },
      { name: 'actor_type', sentAs: ['actor_type', 'actorType'], value: () => 'system', shown: all('actor_type'), as: () => ['system'] },
      { name: 'affected_id', sentAs: ['affected_id', 'affectedId'], value: () => certificate.id, shown: all('affected_id'), as: () => [certificate.id] },
      limit,
      cursors,
    ],
  },
  'list-webhook-deliveries': {
    // The last one, for what is sent to where nobody listens is sent again and again.
    async prepare() {
      webhook = await createWebhook(call, { url: 'https://127.0.0.1:9/in' });
      await Promise.all([registerAgent(call), registerAgent(call)]);
    },
    path: () => `/webhooks/${webhook.id}/deliveries`,
    parameters: [
      { name: 'status', sentAs: ['status'], value: () => 'cancelled', shown: all('status'), as: () => [] },
      limit,
      cursors,
    ],
  },
};

describe.each(Object.entries(queries))('%s', (_, { path, parameters, prepare }) => {
  beforeAll(async () => {
    // Of every kind that is asked for, and of others.
    const other = await certifiedAgent(call);
    for (const [agentId, action_type] of [[agent.id, 'api_call'], [agent.id, 'data_mutation'], [other.agent.id, 'transaction_anomaly']]) {
      dataOf(await call('POST', '/events', { body: { agent_id: agentId, action_type } }), 201);
    }
    await runtime.idle();
    await call('DELETE', `/agents/${other.agent.id}`);
    await prepare?.();
    if (!parameters.includes(cursors)) return;
    const firstOf = async (count: number) => (await call('GET', `${path()}?limit=${count}`)).body;
    // Announcements are on their way for a moment.
    while ((await firstOf(2)).data.length < 2) await delay(50);
    const [page, two] = await Promise.all([firstOf(1), firstOf(2)]);
    second = { path: path(), id: two.data[1].id, cursor: page.pagination.next_cursor };
  });

  test.each(parameters.flatMap((parameter) => parameter.sentAs.map((sentAs) => ({ ...parameter, sentAs }))))('reads $name from $sentAs', async ({ sentAs, value, shown, as }) => {
    const reply = await call('GET', `${path()}?${new URLSearchParams({ [sentAs]: String(value()) })}`);
    expect([reply.status, shown(reply)]).toEqual([200, as()]);
  });
});

describe('a serial number is read', () => {
  test.each(Object.keys(spellings('00')))('%s, wherever one is sent', async (spelling) => {
    // One that begins with a zero: chance draws it seldom.
    const id = `0${randomUUID().slice(1)}`;
    await tables.copyCertificate(certificate.id, id);
    const serial = id.replaceAll('-', '').toUpperCase();
    const spelt = spellings(serial)[spelling] ?? '';
    expect(dataOf(await call('GET', `/verify/${encodeURIComponent(spelt)}`, { key: null }), 200).serial_number).toBe(serial);
    expect(dataOf(await call('POST', '/verify/message', { key: null, body: { payload: {}, signature: '', certificate_serial: spelt } }), 200).certificate_serial).toBe(serial);
  });
});

test('the tables name every field of every body and query', () => {
  const { paths, components } = openApiDocument();
  const described = Object.entries(routes as Record<string, Route>).flatMap(([route, { method, path }]) => {
    const { parameters = [], requestBody } = paths[path.replace('+}', '}')]?.[method.toLowerCase()] ?? {};
    const schema = components.schemas[requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1) ?? ''];
    const query = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
    return [...Object.keys(schema?.properties ?? {}), ...query].map((name) => `${route} ${name}`);
  });
  const named = [
    ...sent.map(({ route, field }) => `${route} ${field.name.split('.')[0]}`),
    ...Object.entries(queries).flatMap(([route, { parameters }]) => parameters.flatMap(({ name, sentAs }) => (name === 'cursor' ? sentAs : [name]).map((parameter) => `${route} ${parameter}`))),
  ];
  expect([...new Set(named)].sort()).toEqual(described.sort());
});
