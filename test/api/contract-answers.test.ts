import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes, type RouteName } from '../../lambdas/routes.ts';
import { certifiedAgent, dataOf, fullAgent, registerAgent, unknownId } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { caller, startTestRuntime, type Call, type Reply, type TestRuntime } from '../support/runtime.ts';
import { fields, reading, shapeOf, type Shape } from '../support/shape.ts';
import { openTables, type Tables } from '../support/tables.ts';

/*
 * Every field of every answer in JSON, which clients in use read by these names. The tables are written by hand, and not
 * made of what the service describes itself with, so that a field that vanishes from both is missed here.
 */

/** An address where nobody listens. */
const receiver = '127.0.0.1:9';

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
/** Every field of it has a value, and so has its certificate. It has done one thing that was noticed. */
let agent: { id: string };
let certificate: { id: string; serial_number: string };

beforeAll(async () => {
  process.env['WEBHOOK_ALLOWED_NETWORKS'] = '127.0.0.1/32';
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  // A tenant whose lists hold nothing else.
  call = caller(runtime.url, await tables.addKey({ tenantId: randomUUID() }));
  ({ agent, certificate } = await certifiedAgent(call, fullAgent));
  await call('POST', '/events', { body: { agent_id: agent.id, action_type: 'transaction_anomaly', details: { amount_usd: 1 } } });
  await runtime.idle();
  certificate = (await call('POST', `/agents/${agent.id}/certify`)).body.data;
});

afterAll(async () => {
  Reflect.deleteProperty(process.env, 'WEBHOOK_ALLOWED_NETWORKS');
  tables.close();
  await runtime.stop();
});

const financialScope = fields('max_single_trade_usd daily_limit_usd permitted_instruments permitted_venues leverage_permitted max_leverage_ratio');
const scope = { financial_scope: financialScope };
const agentFields = fields(`id tenant_id name model model_hash version description operator_org permitted_actions financial_scope metadata status
  risk_score inbox_address created_at updated_at`);
const certificateFields = fields(`id agent_id tenant_id serial_number certificate_pem pem kms_key_arn grantee_principal_arn permitted_actions financial_scope
  status issued_at expires_at revoked_at revocation_reason`);
const haltReceipt = fields('agent_id certificate_serial halted_at halt_event_id reason receipt_signature signed_by_ca audit_logged');
const signature = fields('signature algorithm certificate_serial payload_hash signed_at');
const signedAs = fields('model_hash operator_org permitted_actions financial_scope');
const verification = {
  ...fields(`serial_number serial status certificate_status valid issued_at expires_at valid_from valid_until revoked_at revocation_reason issuer agent_id agent_name halt_receipt`),
  ...signedAs,
};
const verifiedAgent = { ...fields('id name model version'), ...signedAs };
const verifiedMessage = fields('valid certificate_status agent_id agent_name model_hash certificate_serial expires_at reason');
const webhook = fields('id url events description active created_at updated_at');
const cursor = fields('has_next_page next_cursor');
const list = (element: Shape, more: Record<string, Shape> = {}): Record<string, Shape> => ({ data: [element], meta: fields('limit'), pagination: { ...fields('limit'), ...cursor }, ...more });

interface Row {
  readonly route: RouteName;
  /** Where the same route has several answers. */
  readonly when?: string;
  readonly ask: () => Promise<Reply>;
  readonly status: 200 | 201 | 202;
  readonly answer: Shape;
}

const get = (path: () => string, headers: Record<string, string> = {}) => () => call('GET', path(), { headers });
const post = (path: () => string, body: () => object = () => ({})) => () => call('POST', path(), { body: body() });
const newAgent = () => registerAgent(call, fullAgent);
const newCertificate = async () => (await certifiedAgent(call, fullAgent)).certificate;
const newWebhook = async () => dataOf(await call('POST', '/webhooks', { body: { url: `https://${receiver}/in`, events: ['agent.created'] } }), 201) as { id: string };
const sign = async (body: object) => call('POST', `/agents/${agent.id}/sign`, { body });

const rows: readonly Row[] = [
  { route: 'list-agents', ask: get(() => '/agents'), status: 200, answer: { ...list({ ...agentFields, ...scope }), meta: fields('total limit offset') } },
  { route: 'get-agent', ask: get(() => `/agents/${agent.id}`), status: 200, answer: { data: { ...agentFields, ...scope, certificates: [{ ...certificateFields, ...scope }] } } },
  { route: 'list-certificates', ask: get(() => '/certificates'), status: 200, answer: list({ ...certificateFields, ...scope }) },
  { route: 'get-certificate', ask: get(() => `/certificates/${certificate.id}`), status: 200, answer: { data: { ...certificateFields, ...scope } } },
  { route: 'list-events', ask: get(() => '/events'), status: 200, answer: list(fields('id agent_id action_type risk_score risk_band factors occurred_at source_ip payload'), cursor) },
  { route: 'list-audit-entries', ask: get(() => '/audit-log'), status: 200, answer: list(fields('id event_type actor_type actor_id description affected_id metadata created_at')) },
  {
    route: 'get-agent-risk', ask: get(() => `/agents/${agent.id}/risk`), status: 200,
    answer: {
      data: {
        ...fields('agent_id agent_name agent_status window_days window_start total_events avg_score dominant_band high_risk_event_count'),
        event_counts_by_type: { transaction_anomaly: fields('count avg_score') },
        recent_high_risk_events: [fields('id event_id action_type risk_score occurred_at source_ip')],
        trend: [fields('date avg_score event_count dominant_band')],
        drift: fields('drift_score drift_band contributing_factors computed_at drift_trend baseline_established_at baseline_events_analyzed'),
        ...fields('risk_score risk_band event_count high_risk_count medium_risk_count avg_risk_score computed_at'),
      },
    },
  },
  { route: 'create-agent', ask: post(() => '/agents', () => fullAgent), status: 201, answer: { data: { ...agentFields, ...scope } } },
  { route: 'create-agent', when: 'nothing more is said than has to be', ask: post(() => '/agents', () => ({ name: 'x', model_hash: 'x' })), status: 201, answer: { data: agentFields } },
  { route: 'update-agent', ask: async () => call('PATCH', `/agents/${(await newAgent()).id}`, { body: { name: 'y' } }), status: 200, answer: { data: { ...agentFields, ...scope } } },
  { route: 'retire-agent', ask: async () => call('DELETE', `/agents/${(await newAgent()).id}`), status: 200, answer: { data: { ...agentFields, ...scope } } },
  {
    route: 'halt-agent', ask: async () => call('POST', `/agents/${(await newAgent()).id}/halt`), status: 200,
    answer: { data: { ...fields('agent_id halt_event_id certificate_serial halted_at signature algorithm'), halt_receipt: haltReceipt } },
  },
  { route: 'certify-agent', ask: async () => call('POST', `/agents/${(await newAgent()).id}/certify`), status: 201, answer: { data: { ...certificateFields, ...scope } } },
  { route: 'certify-agent', when: 'nothing was said of the agent', ask: async () => call('POST', `/agents/${(await registerAgent(call)).id}/certify`), status: 201, answer: { data: certificateFields } },
  { route: 'renew-certificate', ask: async () => call('POST', `/certificates/${(await newCertificate()).id}/renew`), status: 201, answer: { data: { ...certificateFields, ...scope } } },
  {
    route: 'revoke-certificate', ask: async () => call('POST', `/certificates/${(await newCertificate()).id}/revoke`, { body: { reason: 'x' } }), status: 200,
    answer: { data: fields('id certificate_id agent_id serial_number status revoked_at revocation_reason reason reason_code') },
  },
  { route: 'sign-message', when: 'of a payload', ask: () => sign({ payload: {} }), status: 200, answer: { data: signature } },
  { route: 'sign-message', when: 'of a digest', ask: () => sign({ digest: Buffer.alloc(32).toString('base64') }), status: 200, answer: { data: signature } },
  { route: 'sign-message', when: 'of a token', ask: () => sign({ jwt: {} }), status: 200, answer: { data: { ...signature, ...fields('token') } } },
  {
    route: 'verify-message', when: 'it is valid', status: 200, answer: { data: verifiedMessage },
    ask: async () => call('POST', '/verify/message', { body: { payload: {}, certificate_serial: certificate.serial_number, signature: (await sign({ payload: {} })).body.data.signature } }),
  },
  { route: 'verify-message', when: 'it is not', ask: post(() => '/verify/message', () => ({ payload: {}, certificate_serial: certificate.serial_number, signature: '' })), status: 200, answer: { data: verifiedMessage } },
  { route: 'verify-certificate', ask: get(() => `/verify/${certificate.serial_number}`), status: 200, answer: { data: { ...verification, ...scope, agent: { ...verifiedAgent, ...scope } } } },
  {
    route: 'verify-certificate', when: 'nothing was said of the agent', status: 200, answer: { data: { ...verification, agent: verifiedAgent } },
    ask: async () => call('GET', `/verify/${(await certifiedAgent(call)).certificate.serial_number}`),
  },
  {
    route: 'verify-certificate', when: 'the agent was halted', status: 200, answer: { data: { ...verification, ...scope, halt_receipt: haltReceipt, agent: { ...verifiedAgent, ...scope } } },
    ask: async () => {
      const { agent_id, serial_number } = await newCertificate();
      await call('POST', `/agents/${agent_id}/halt`);
      return call('GET', `/verify/${serial_number}`);
    },
  },
  {
    route: 'get-authority', ask: get(() => '/ca', { accept: 'application/json' }), status: 200,
    answer: { data: { certificates: [fields('role subject issuer serial_number not_before not_after fingerprint_sha256 certificate_pem')], ...fields('chain_pem') } },
  },
  { route: 'get-health', ask: get(() => '/health'), status: 200, answer: { data: { ...fields('status time'), checks: fields('registry certificate_authority') } } },
  {
    route: 'ingest-event', ask: post(() => '/events', () => ({ agent_id: agent.id, action_type: 'api_call' })), status: 201,
    answer: { data: fields('id event_id agent_id action_type risk_score risk_band factors occurred_at revocation_check_queued') },
  },
  {
    route: 'record-risk-score', ask: post(() => '/risk-scores', () => ({ agent_id: agent.id, score: 0.1 })), status: 202,
    answer: { data: fields('id agent_id score risk_score risk_band revocation_check_queued observed_at') },
  },
  {
    route: 'create-webhook', ask: post(() => '/webhooks', () => ({ url: `https://${receiver}/in`, events: ['agent.created'] })), status: 201,
    answer: { data: { ...webhook, ...fields('secret') } },
  },
  { route: 'list-webhooks', ask: get(() => '/webhooks'), status: 200, answer: list(webhook) },
  { route: 'get-webhook', ask: async () => call('GET', `/webhooks/${(await newWebhook()).id}`), status: 200, answer: { data: webhook } },
  { route: 'update-webhook', ask: async () => call('PATCH', `/webhooks/${(await newWebhook()).id}`, { body: { active: false } }), status: 200, answer: { data: webhook } },
  {
    route: 'update-webhook', when: 'a new secret is wanted', ask: async () => call('PATCH', `/webhooks/${(await newWebhook()).id}`, { body: { rotate_secret: true } }), status: 200,
    answer: { data: { ...webhook, ...fields('secret') } },
  },
  { route: 'delete-webhook', ask: async () => call('DELETE', `/webhooks/${(await newWebhook()).id}`), status: 200, answer: { data: webhook } },
  {
    route: 'list-webhook-deliveries', status: 200,
    answer: list({ ...fields('id event_id event status next_attempt_at created_at payload'), attempts: [fields('attempted_at status_code error duration_ms')] }, cursor),
    async ask() {
      const { id } = await newWebhook();
      await registerAgent(call);
      for (;;) {
        const reply = await call('GET', `/webhooks/${id}/deliveries`);
        if (reply.body.data[0]?.attempts.length > 0) return reply;
        await delay(50);
      }
    },
  },
];

// In this order: the lists come before what adds to them.
test.each(rows.map((row) => ({ ...row, heading: row.when === undefined ? row.route : `${row.route}, ${row.when}` })))('$heading', async ({ ask, status, answer }) => {
  const reply = await ask();
  expect({ status: reply.status, ...(shapeOf(reply.body) as object) }).toStrictEqual({ status, ...(answer as object) });
});

test('the table names every route, but for those that answer no JSON of ours', () => {
  const others: readonly string[] = ['get-crl', 'post-ocsp', 'get-ocsp', 'get-openapi'];
  expect([...new Set([...rows.map(({ route }) => route), ...others])].sort()).toEqual(Object.keys(routes).sort());
});

describe('what clients know under several names is the same under each', () => {
  const certified = get(() => `/certificates/${certificate.id}`);
  const verified = get(() => `/verify/${certificate.serial_number}`);
  const event = post(() => '/events', () => ({ agent_id: agent.id, action_type: 'data_mutation' }));
  const profile = get(() => `/agents/${agent.id}/risk`);
  const revocation = async () => call('POST', `/certificates/${(await newCertificate()).id}/revoke`, { body: { reason: 'x' } });
  const halt = async () => call('POST', `/agents/${(await newCertificate()).agent_id}/halt`);
  test.each<[string, string, () => Promise<Reply>]>([
    ['certificate_pem', 'pem', certified],
    ['serial_number', 'serial', verified],
    ['status', 'certificate_status', verified],
    ['issued_at', 'valid_from', verified],
    ['expires_at', 'valid_until', verified],
    ...Object.keys(verifiedAgent).flatMap((name): [string, string, () => Promise<Reply>][] => (name in signedAs ? [[name, `agent.${name}`, verified]] : [])),
    ['agent_id', 'agent.id', verified],
    ['agent_name', 'agent.name', verified],
    ['id', 'event_id', event],
    ['total_events', 'event_count', profile],
    ['high_risk_event_count', 'high_risk_count', profile],
    ['avg_score', 'avg_risk_score', profile],
    ['recent_high_risk_events.0.id', 'recent_high_risk_events.0.event_id', profile],
    ['id', 'certificate_id', revocation],
    ['revocation_reason', 'reason', revocation],
    ...['agent_id', 'halt_event_id', 'certificate_serial', 'halted_at'].map((name): [string, string, () => Promise<Reply>] => [name, `halt_receipt.${name}`, halt]),
    ['signature', 'halt_receipt.receipt_signature', halt],
  ])('%s and %s', async (one, other, ask) => {
    const { body: { data } } = await ask();
    expect([reading(one, data), reading(one, data)]).toEqual([expect.anything(), reading(other, data)]);
  });
});

describe('a failure', () => {
  const problem = fields('error code request_id');
  test.each<[string, () => Promise<Reply>, number, Shape]>([
    ['of any kind', get(() => `/agents/${unknownId}`), 404, problem],
    ['that fields are to blame for', post(() => '/agents'), 400, { ...problem, issues: [fields('path message')] }],
    ['that names what stands in the way', post(() => `/agents/${agent.id}/certify`), 409, { ...problem, data: fields('certificate_id') }],
    ['of the gateway', () => call('PUT', '/agents'), 405, problem],
  ])('%s', async (_, ask, status, answer) => {
    const reply = await ask();
    expect({ status: reply.status, ...(shapeOf(reply.body) as object) }).toStrictEqual({ status, ...(answer as object) });
    expect([typeof reply.body.error, reply.headers.get('x-request-id')]).toEqual(['string', reply.body.request_id]);
  });
});
