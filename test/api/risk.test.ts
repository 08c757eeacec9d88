import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, dataOf, registerAgent } from '../support/agents.ts';
import { startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

/* What POST /events and POST /risk-scores answer and write down. What follows from it is for test/api/auto-revocation.test.ts. */

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
/** Without a certificate, so that nothing that is reported of it has consequences. */
let agent: { id: string; tenant_id: string };

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  ({ call } = runtime);
  agent = await registerAgent(call);
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const uuid = /^[0-9a-f-]{36}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What the risk table holds under the id that an answer gave. */
async function recordOf(id: string) {
  const record = (await tables.riskRecords()).find(({ record_id }) => record_id.endsWith(`#${id}`));
  if (record === undefined) throw new Error(`There is no risk record ${id}.`);
  return Object.assign(record, { details: JSON.parse(record['details_json']) });
}

const report = async (body: object) => dataOf(await call('POST', '/events', { body: { agent_id: agent.id, ...body } }), 201);

describe('POST /events', () => {
  test('answers the event, every field of it, and writes it down', async () => {
    const event = await report({ action_type: 'data_access', payload: { table: 'trades' }, session_id: 's-1', chain_id: 'c-1', occurred_at: '2026-05-17T12:00:00+02:00' });
    expect(event).toStrictEqual({
      id: expect.stringMatching(uuid),
      event_id: event.id,
      agent_id: agent.id,
      action_type: 'data_access',
      risk_score: 0.2,
      risk_band: 'low',
      revocation_check_queued: false,
      factors: ['data_access'],
      occurred_at: '2026-05-17T10:00:00.000Z',
    });
    expect(await recordOf(event.id)).toMatchObject({
      agent_id: agent.id, tenant_id: agent.tenant_id, tenant_collection: `${agent.tenant_id}#${event.id.slice(-1)}`, kind: 'event', score: 0.2,
      action_type: 'data_access', occurred_at: '2026-05-17T10:00:00.000Z', source_ip: '127.0.0.1',
      details: { payload: { table: 'trades' }, factors: ['data_access'], session_id: 's-1', chain_id: 'c-1' },
    });
  });

  test('happened now where it does not say when, and was observed now in any case', async () => {
    const { id, occurred_at } = await report({ action_type: 'api_call' });
    expect(Math.abs(Date.parse(occurred_at) - Date.now())).toBeLessThan(10_000);
    const dated = await report({ action_type: 'api_call', occurred_at: '2020-01-01T00:00:00Z' });
    for (const record of [await recordOf(id), await recordOf(dated.id)]) {
      expect(record['observed_at']).toMatch(time);
      expect(Math.abs(Date.parse(record['observed_at']) - Date.now())).toBeLessThan(10_000);
    }
  });

  test.each([
    ['api_call', 0.05, 'low', false],
    ['message_signed', 0.05, 'low', false],
    ['authentication_attempt', 0.15, 'low', false],
    ['data_access', 0.2, 'low', false],
    ['transaction_initiated', 0.3, 'medium', false],
    ['data_mutation', 0.35, 'medium', false],
    ['authentication_failure', 0.55, 'medium', false],
    ['transaction_anomaly', 0.85, 'high', true],
    ['unauthorized_access_attempt', 0.95, 'high', true],
    ['message_verification_failed', 0.95, 'high', true],
  ])('%s scores %d, which is %s', async (action_type, risk_score, risk_band, revocation_check_queued) => {
    expect(await report({ action_type })).toMatchObject({ action_type, risk_score, risk_band, revocation_check_queued, factors: [action_type] });
  });

  test.each([
    ['payload', { payload: { a: 1 } }, { a: 1 }],
    ['details', { details: { b: 2 } }, { b: 2 }],
    ['payload before details', { payload: { a: 1 }, details: { b: 2 } }, { a: 1 }],
    ['details where payload is null', { payload: null, details: { b: 2 } }, { b: 2 }],
    ['neither', {}, {}],
  ])('takes %s', async (_, body, payload) => {
    const { id } = await report({ action_type: 'api_call', ...body });
    expect((await recordOf(id)).details.payload).toEqual(payload);
  });

  test('accepts an agent that has no certificate yet, and changes nothing about it', async () => {
    await report({ action_type: 'unauthorized_access_attempt' });
    await runtime.idle();
    expect(dataOf(await call('GET', `/agents/${agent.id}`), 200).status).toBe('pending');
  });
});

test('a transaction within what was certified scores as any, and what was edited since does not count', async () => {
  const { agent: trader } = await certifiedAgent(call, { financial_scope: { max_single_trade_usd: 100, permitted_venues: ['XNAS'] } });
  dataOf(await call('PATCH', `/agents/${trader.id}`, { body: { financial_scope: { max_single_trade_usd: 1 } } }), 200);
  const transaction = { agent_id: trader.id, action_type: 'transaction_initiated', payload: { amount_usd: 100, venue: 'XNAS' } };
  expect(dataOf(await call('POST', '/events', { body: transaction }), 201)).toMatchObject({ risk_score: 0.3, factors: ['transaction_initiated'] });
});

test('a transaction beyond what was certified scores at least 0.95, and says why', async () => {
  const { agent: trader } = await certifiedAgent(call, { financial_scope: { max_single_trade_usd: 100, permitted_venues: ['XNAS'] } });
  dataOf(await call('PATCH', `/agents/${trader.id}`, { body: { financial_scope: null } }), 200);
  const transaction = { agent_id: trader.id, action_type: 'transaction_initiated', payload: { amount_usd: 100.01, venue: 'XOFF' } };
  expect(dataOf(await call('POST', '/events', { body: transaction }), 201)).toMatchObject({
    risk_score: 0.95, risk_band: 'high', revocation_check_queued: true, factors: ['transaction_initiated', 'scope_violation', 'max_single_trade_usd', 'permitted_venues'],
  });
});

describe('the amount of a transaction, of an agent with a daily limit of 1,000', () => {
  const transaction = (amount_usd: unknown) => ({ action_type: 'transaction_initiated', payload: { amount_usd } });
  const trader = async () => (await certifiedAgent(call, { financial_scope: { daily_limit_usd: 1000 } })).agent.id as string;

  test.each<[unknown]>([[1000.01], [1e16], [-1e16], [1e300], ['1e300'], ['1e400'], ['Infinity']])('%j is beyond it', async (amount) => {
    const agent_id = await trader();
    expect(await report({ agent_id, ...transaction(amount) })).toMatchObject({ risk_score: 0.95, factors: ['transaction_initiated', 'scope_violation', 'daily_limit_usd'] });
  });

  test('is within it up to the last cent, in as many transactions as it takes', async () => {
    const agent_id = await trader();
    for (const amount of [0, 1e-200, 0.1, 0.2, '499.7', -500]) expect([amount, (await report({ agent_id, ...transaction(amount) })).risk_score]).toEqual([amount, 0.3]);
    expect(await report({ agent_id, ...transaction(0.01) })).toMatchObject({ risk_score: 0.95, factors: expect.arrayContaining(['daily_limit_usd']) });
  });
});

describe('POST /risk-scores', () => {
  const judge = async (body: object) => dataOf(await call('POST', '/risk-scores', { body: { agent_id: agent.id, ...body } }), 202);

  test('answers the verdict, every field of it, and writes it down', async () => {
    const verdict = await judge({ score: 0.42, source: 'pipeline', model_version: 'v3', explanation: 'Unusual\nhours.', observed_at: '2026-05-17T12:00:00.5+02:00' });
    const observed_at = '2026-05-17T10:00:00.500Z';
    expect(verdict).toStrictEqual({
      id: expect.stringMatching(uuid), agent_id: agent.id, score: 0.42, risk_score: 0.42, risk_band: 'medium', revocation_check_queued: false, observed_at,
    });
    expect(await recordOf(verdict.id)).toMatchObject({
      agent_id: agent.id, tenant_id: agent.tenant_id, kind: 'score', score: 0.42, observed_at, record_id: `${observed_at}#${verdict.id}`,
      details: { source: 'pipeline', model_version: 'v3', explanation: 'Unusual\nhours.' },
    });
  });

  test.each([
    [0, 'low', false], [0.29999, 'low', false], [0.3, 'medium', false], [0.84, 'medium', false], [0.849999999999, 'medium', false], [0.85, 'high', true], [1, 'high', true],
  ])('%d is %s', async (score, risk_band, revocation_check_queued) => {
    expect(await judge({ score })).toMatchObject({ score, risk_score: score, risk_band, revocation_check_queued });
  });

  test.each([undefined, '2999-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])('is never observed later than now: %s', async (observed_at) => {
    const verdict = await judge({ score: 0.1, observed_at });
    expect(verdict.observed_at).toMatch(time);
    expect(Math.abs(Date.parse(verdict.observed_at) - Date.now())).toBeLessThan(10_000);
  });

  test('is accepted of an agent of any status', async () => {
    const retired = await registerAgent(call);
    dataOf(await call('DELETE', `/agents/${retired.id}`), 200);
    expect(await judge({ agent_id: retired.id, score: 0.9 })).toMatchObject({ agent_id: retired.id, revocation_check_queued: true });
  });

  test('leaves nothing behind that the stream could not read', async () => {
    await runtime.idle();
    expect(runtime.deadLetters).toEqual([]);
  });
});
