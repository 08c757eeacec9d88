import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RiskRecord } from '../../lambdas/authority/ports.ts';
import { riskBand, type ActionType, type RiskBand } from '../../lambdas/authority/risk-assessment.ts';
import { dataOf, unknownId } from '../support/agents.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { awsError } from '../support/faults.ts';
import { expectProblem } from '../support/problems.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { eventRecord, openSeeding, type Seeding } from '../support/risk-events.ts';
import { openTables, type Tables } from '../support/tables.ts';

/* GET /agents/{id}/risk. When a day is over, and what is read for it, is for test/aws/risk-profile.test.ts. */

let runtime: FaultyRuntime;
let tables: Tables;
let registry: RegistryView;
let seeding: Seeding;
let today: string;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  [tables, registry, seeding] = [openTables(runtime), openRegistry(runtime), openSeeding(runtime.dynamodbEndpoint)];
});

// Not within the minutes in which one day becomes another, or what is expected of a date depends on when it is looked at.
beforeEach(async () => {
  const untilMidnight = 86_400_000 - (Date.now() % 86_400_000);
  if (untilMidnight < 60_000) await new Promise((resolve) => setTimeout(resolve, untilMidnight));
  today = dateOf(0);
});

afterAll(async () => {
  for (const part of [tables, registry, seeding]) part.close();
  await runtime.stop();
});

const dayMilliseconds = 86_400_000;
const dateOf = (daysAgo: number) => new Date(Date.now() - daysAgo * dayMilliseconds).toISOString().slice(0, 10);
/** A moment of that day, of which the day's first milliseconds and its last will do. */
const on = (daysAgo: number, time = '12:00:00.000') => `${dateOf(daysAgo)}T${time}Z`;

/** An agent that was registered 40 days ago, without a certificate, so that what it does has no consequences. */
async function oldAgent() {
  const id = await runtime.newAgent({ name: 'Veteran' });
  await registry.set(`AGENT#${id}`, 'AGENT', 'createdAt', on(40));
  return { id, tenant_id: runtime.tenants[0]?.id as string };
}

const seed = (records: readonly RiskRecord[]) => seeding.putRecords(runtime.tableNames.risk, records);
const profile = async (id: string, query = '') => dataOf(await runtime.call('GET', `/agents/${id}/risk${query}`), 200);
const rollUps = async (agentId: string) =>
  (await tables.riskRecords()).filter(({ agent_id, record_id }) => agent_id === agentId && record_id.startsWith('rollup#')).sort((a, b) => (a['record_id'] < b['record_id'] ? -1 : 1));

const average = (records: readonly RiskRecord[]) => (records.length === 0 ? 0 : Number((records.reduce((sum, { score }) => sum + Math.round(score * 1e6), 0) / 1e6 / records.length).toFixed(4)));

function dominant(records: readonly RiskRecord[]): RiskBand {
  const bands = ['high', 'medium', 'low'] as const;
  const counts = bands.map((band) => records.filter(({ score }) => riskBand(score) === band).length);
  return records.length === 0 ? 'low' : (bands[counts.indexOf(Math.max(...counts))] as RiskBand);
}

/** What is to be answered of these events, in the plainest way there is. */
function expected(agent: { id: string }, records: readonly RiskRecord[], days = 30) {
  const inWindow = records.filter(({ observedAt }) => observedAt >= dateOf(days - 1));
  const types = [...new Set(inWindow.map(({ actionType }) => actionType as ActionType))];
  const high = inWindow.filter(({ score }) => score >= 0.85).sort((a, b) => (`${a.observedAt}#${a.id}` < `${b.observedAt}#${b.id}` ? 1 : -1));
  return {
    agent_id: agent.id,
    agent_name: 'Veteran',
    agent_status: 'pending',
    window_days: days,
    window_start: `${dateOf(days - 1)}T00:00:00.000Z`,
    total_events: inWindow.length,
    avg_score: average(inWindow),
    dominant_band: dominant(inWindow),
    high_risk_event_count: high.length,
    event_counts_by_type: Object.fromEntries(types.map((type) => {
      const ofType = inWindow.filter(({ actionType }) => actionType === type);
      return [type, { count: ofType.length, avg_score: average(ofType) }];
    })),
    recent_high_risk_events: high.slice(0, 10).map(({ id, actionType, score, occurredAt, sourceIp }) => ({ id, event_id: id, action_type: actionType, risk_score: score, occurred_at: occurredAt, source_ip: sourceIp ?? null })),
    trend: Array.from({ length: days }, (_, index) => {
      const date = dateOf(days - 1 - index);
      const ofDay = inWindow.filter(({ observedAt }) => observedAt.startsWith(date));
      return { date, avg_score: average(ofDay), event_count: ofDay.length, dominant_band: dominant(ofDay) };
    }),
    drift: { drift_score: null, drift_band: null, contributing_factors: null, computed_at: null, drift_trend: null, baseline_established_at: null, baseline_events_analyzed: null },
    risk_score: expect.any(Number),
    risk_band: expect.any(String),
    event_count: inWindow.length,
    high_risk_count: high.length,
    medium_risk_count: inWindow.filter(({ score }) => riskBand(score) === 'medium').length,
    avg_risk_score: average(inWindow),
    computed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  };
}

/** Events of every kind on many days, at the ends of the window and beyond them. */
function variedEvents(agent: { id: string; tenant_id: string }): RiskRecord[] {
  const types: readonly ActionType[] = ['api_call', 'data_access', 'transaction_initiated', 'authentication_failure', 'unauthorized_access_attempt', 'api_call', 'transaction_anomaly'];
  const days = [35, 31, 30, 29, 29, 28, 15, 15, 15, 7, 6, 3, 2, 1, 1, 1, 1, 5, 5, 5, 4];
  return [
    ...days.flatMap((daysAgo, row) => types.slice(0, 1 + (row % types.length)).map((type, index) => eventRecord(agent, type, on(daysAgo, `0${index}:${String(row + 10)}:00.000`)))),
    eventRecord(agent, 'data_mutation', on(30, '23:59:59.999')),
    eventRecord(agent, 'data_mutation', on(29, '00:00:00.000')),
    eventRecord(agent, 'message_signed', on(1, '23:59:59.999')),
    eventRecord(agent, 'message_verification_failed', `${today}T00:00:00.000Z`, { sourceIp: '2001:db8::1', occurredAt: on(9) }),
  ];
}

test('of an agent that has done nothing', async () => {
  const agent = await oldAgent();
  expect(await profile(agent.id)).toStrictEqual({ ...expected(agent, []), risk_score: 0, risk_band: 'low' });
});

test('of an agent that was registered today, and nothing is kept of the days before', async () => {
  const id = await runtime.newAgent({ name: 'Veteran' });
  expect(await profile(id)).toStrictEqual(expected({ id }, []));
  expect(await rollUps(id)).toEqual([]);
});

describe('of an agent with a past', () => {
  let agent: { id: string; tenant_id: string };
  let records: RiskRecord[];

  beforeAll(async () => {
    today = dateOf(0);
    agent = await oldAgent();
    records = variedEvents(agent);
    await seed(records);
  });

  test('every field, the same from events as from roll-ups', async () => {
    const first = await profile(agent.id);
    expect(first).toStrictEqual(expected(agent, records));
    expect(first.total_events).toBeGreaterThan(40);
    expect(first.recent_high_risk_events).toHaveLength(10);
    expect(await rollUps(agent.id)).toHaveLength(29);
    const second = await profile(agent.id);
    expect(second).toStrictEqual({ ...first, computed_at: expect.any(String), risk_score: expect.any(Number), risk_band: expect.any(String) });
  });

  test.each([
    ['', 30], ['?window_days=30', 30], ['?window_days=7', 7], ['?windowDays=7', 7], ['?window_days=1', 1], ['?window_days=2&windowDays=9', 2], ['?windowDays=29', 29],
  ])('%s covers %i days', async (query, days) => {
    expect(await profile(agent.id, query)).toStrictEqual(expected(agent, records, days));
  });

  test.each(['0', '31', '-1', '7.5', '', 'week', '1e1'])('window_days=%s is refused', async (value) => {
    expectProblem(await runtime.call('GET', `/agents/${agent.id}/risk?window_days=${value}`), 400, 'VALIDATION_FAILED', { issues: ['window_days'] });
  });

  test('what it does now counts at once', async () => {
    const { id, risk_score } = dataOf(await runtime.call('POST', '/events', { body: { agent_id: agent.id, action_type: 'transaction_anomaly' } }), 201);
    const after = await profile(agent.id);
    expect(after.total_events).toBe(expected(agent, records).total_events + 1);
    expect(after.recent_high_risk_events[0]).toEqual({ id, event_id: id, action_type: 'transaction_anomaly', risk_score, occurred_at: expect.any(String), source_ip: '127.0.0.1' });
    expect(after.trend.at(-1)).toMatchObject({ date: today, event_count: 2, dominant_band: 'high' });
  });

  test('its score is the one observed last', async () => {
    dataOf(await runtime.call('POST', '/risk-scores', { body: { agent_id: agent.id, score: 0.4321 } }), 202);
    await runtime.idle();
    expect(await profile(agent.id)).toMatchObject({ risk_score: 0.4321, risk_band: 'medium' });
  });

  test('a verdict of the pipeline is no event', async () => {
    const { total_events } = await profile(agent.id);
    dataOf(await runtime.call('POST', '/risk-scores', { body: { agent_id: agent.id, score: 0.9 } }), 202);
    expect((await profile(agent.id)).total_events).toBe(total_events);
  });
});

test('many who ask at once for the first time are all answered right, and one roll-up of each day stays', async () => {
  const agent = await oldAgent();
  const records = variedEvents(agent);
  await seed(records);
  const answers = await Promise.all(Array.from({ length: 12 }, () => profile(agent.id)));
  for (const answer of answers) expect(answer).toStrictEqual(expected(agent, records));
  expect((await rollUps(agent.id)).map(({ record_id }) => record_id)).toEqual(Array.from({ length: 29 }, (_, index) => `rollup#${dateOf(29 - index)}`));
  expect(await profile(agent.id)).toStrictEqual(expected(agent, records));
});

test('what was counted stays counted when its records are gone, and a roll-up goes when no window reaches it', async () => {
  const agent = await oldAgent();
  const records = variedEvents(agent);
  await seed(records);
  const before = await profile(agent.id);
  for (const { observedAt, id } of records.filter(({ observedAt: at }) => at < today)) await seeding.remove(runtime.tableNames.risk, { agent_id: agent.id, record_id: `${observedAt}#${id}` });
  expect(await profile(agent.id)).toStrictEqual({ ...before, computed_at: expect.any(String), risk_score: expect.any(Number), risk_band: expect.any(String) });
  for (const { record_id, time_to_live, kind } of await rollUps(agent.id)) {
    const lastWindow = Date.parse(record_id.slice('rollup#'.length)) / 1000 + 30 * 86_400;
    expect([kind, time_to_live > lastWindow, time_to_live < lastWindow + 4 * 86_400]).toEqual(['rollup', true, true]);
  }
});

test('the stream passes roll-ups over', async () => {
  const agent = await oldAgent();
  await seed(variedEvents(agent));
  await runtime.idle();
  const { riskScore } = await runtime.aftermath.agent(agent.id);
  await profile(agent.id);
  await runtime.idle();
  expect((await runtime.aftermath.agent(agent.id))['riskScore']).toBe(riskScore);
  expect(runtime.deadLetters).toEqual([]);
});

describe('the band of most events', () => {
  test.each<[string, ActionType[], RiskBand]>([
    ['of one each: the highest', ['api_call', 'data_mutation', 'transaction_anomaly'], 'high'],
    ['of two and two: the higher', ['api_call', 'api_call', 'data_mutation', 'data_mutation'], 'medium'],
    ['of most', ['api_call', 'api_call', 'data_mutation', 'transaction_anomaly'], 'low'],
  ])('%s', async (_, types, band) => {
    const agent = await oldAgent();
    await seed(types.map((type, index) => eventRecord(agent, type, on(1, `10:00:0${index}.000`))));
    const { dominant_band, trend } = await profile(agent.id);
    expect([dominant_band, trend.at(-2).dominant_band, trend.at(-1).dominant_band]).toEqual([band, band, 'low']);
  });
});

test('averages have four digits', async () => {
  const agent = await oldAgent();
  await seed(['api_call', 'api_call', 'authentication_attempt'].map((type, index) => eventRecord(agent, type as ActionType, on(2, `10:00:0${index}.000`))));
  expect(await profile(agent.id)).toMatchObject({ avg_score: 0.0833, event_counts_by_type: { api_call: { count: 2, avg_score: 0.05 }, authentication_attempt: { count: 1, avg_score: 0.15 } } });
});

describe('whose', () => {
  test('another tenant’s agent is not there', async () => {
    const agent = await oldAgent();
    expectProblem(await runtime.call('GET', `/agents/${agent.id}/risk`, { key: runtime.keys.globex }), 404, 'AGENT_NOT_FOUND');
    for (const id of [unknownId, 'agent-1']) expectProblem(await runtime.call('GET', `/agents/${id}/risk`), 404, 'AGENT_NOT_FOUND');
    expect(await rollUps(agent.id)).toEqual([]);
  });

  test('an agent’s own key tells of that agent alone', async () => {
    const [own, other] = [await oldAgent(), await oldAgent()];
    const key = await tables.addKey({ tenantId: own.tenant_id, agentId: own.id, scopes: ['events:read'] });
    expect((await runtime.call('GET', `/agents/${own.id}/risk`, { key })).status).toBe(200);
    expectProblem(await runtime.call('GET', `/agents/${other.id}/risk`, { key }), 404, 'AGENT_NOT_FOUND');
  });

  test('a retired agent’s is still there', async () => {
    const agent = await oldAgent();
    await seed([eventRecord(agent, 'data_access', on(3))]);
    dataOf(await runtime.call('DELETE', `/agents/${agent.id}`), 200);
    expect(await profile(agent.id)).toMatchObject({ agent_status: 'retired', total_events: 1 });
  });
});

describe('where DynamoDB fails', () => {
  const concerning = (agentId: string, operation: string, prefix: string) => ({ operation, concerning: agentId, where: (input: object) => JSON.stringify(input).includes(prefix) });

  test('a roll-up that cannot be kept costs nobody the profile, and the next who asks counts again', async () => {
    const agent = await oldAgent();
    const records = variedEvents(agent);
    await seed(records);
    const injection = runtime.dynamodb.inject(concerning(agent.id, 'PutItem', 'rollup#'), awsError('ProvisionedThroughputExceededException'));
    expect(await profile(agent.id)).toStrictEqual(expected(agent, records));
    // Not once for each of 29 days, each with the SDK's repetitions: those who wait would wait in vain.
    expect(injection.hits).toBeGreaterThan(0);
    expect(injection.hits).toBeLessThan(29);
    expect(await rollUps(agent.id)).toEqual([]);
    injection.remove();
    expect(await profile(agent.id)).toStrictEqual(expected(agent, records));
    expect(await rollUps(agent.id)).toHaveLength(29);
  }, 120_000);

  test('events that cannot be read do, and leave no roll-up that lacks them', async () => {
    const agent = await oldAgent();
    const records = variedEvents(agent);
    await seed(records);
    const injection = runtime.dynamodb.inject(concerning(agent.id, 'Query', dateOf(15)), awsError('InternalServerError'));
    expectProblem(await runtime.call('GET', `/agents/${agent.id}/risk`), 503, 'REGISTRY_UNAVAILABLE');
    expect(injection.hits).toBeGreaterThan(0);
    injection.remove();
    expect(await profile(agent.id)).toStrictEqual(expected(agent, records));
  }, 120_000);
});
