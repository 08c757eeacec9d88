import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { randomUUID } from 'node:crypto';
import type { Agent } from '../../lambdas/authority/agent.ts';
import type { RiskRecord } from '../../lambdas/authority/ports.ts';
import { riskProfile } from '../../lambdas/authority/risk-profile.ts';
import { counted, nothingCounted } from '../../lambdas/authority/risk-roll-up.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { riskHistory } from '../../lambdas/aws/risk-history.ts';
import { riskRecords } from '../../lambdas/aws/risk-records.ts';
import { startDynamodb, type Dynamodb } from '../../local/dynamodb.ts';
import { applyEnvironment } from '../../local/environment.ts';
import { countReadUnits } from '../support/read-units.ts';
import { eventRecord, openSeeding, type Seeding } from '../support/risk-events.ts';

/* When a day is over, what is kept of it, and what is read: the use case with a clock of its own, on the real table. */

const tableNames = { registry: 'test-registry', risk: 'test-risk' };
const table = { client: dynamodb(), tableName: tableNames.risk };
const history = riskHistory(table);

let engine: Dynamodb;
let seeding: Seeding;
let restoreEnvironment: () => void;

beforeAll(async () => {
  engine = await startDynamodb({ tableNames });
  restoreEnvironment = applyEnvironment({ AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  seeding = openSeeding(engine.endpoint);
});
afterAll(async () => {
  seeding.close();
  dynamodb().destroy();
  restoreEnvironment();
  await engine.close();
});

function newAgent(createdAt = '2026-01-01T00:00:00.000Z') {
  const id = randomUUID();
  const agent: Agent = { id, tenantId: 'acme', name: 'Trader', modelHash: 'h', permittedActions: [], metadata: {}, status: 'active', createdAt, updatedAt: createdAt };
  return {
    id,
    event: (at: string, fields: Parameters<typeof eventRecord>[3] = {}) => eventRecord({ id, tenant_id: 'acme' }, 'api_call', at, fields),
    report: (record: RiskRecord) => riskRecords(dynamodb(), tableNames.risk).put(record),
    /** The event counts of the days that have any, as they are told at `now`. */
    async counts(now: string, windowDays = 30, clock = () => new Date(now)) {
      const registry = { getAgent: () => Promise.resolve(agent) };
      const { days, eventCount } = await riskProfile({ registry, history, clock }, { keyId: 'k', tenantId: 'acme', scopes: [] }, id, windowDays);
      const busy = Object.fromEntries(days.filter((day) => day.eventCount > 0).map((day) => [day.date, day.eventCount]));
      expect(Object.values(busy).reduce((sum, count) => sum + count, 0)).toBe(eventCount);
      return busy;
    },
    /** How far each kept roll-up reaches, by date. */
    async kept() {
      const { Items = [] } = await dynamodb().send(new QueryCommand({
        TableName: tableNames.risk, ConsistentRead: true, KeyConditionExpression: 'agent_id = :agent AND begins_with(record_id, :rollup)', ExpressionAttributeValues: { ':agent': { S: id }, ':rollup': { S: 'rollup#' } },
      }));
      return Object.fromEntries(Items.map(({ record_id, counted_through }) => [record_id?.S?.slice('rollup#'.length), counted_through?.S]));
    },
  };
}

const second = (index: number, date = '2026-05-17') => new Date(Date.parse(`${date}T00:00:00Z`) + index * 1000).toISOString();

describe('a day that has just ended', () => {
  test('is not over for five minutes: what was written late is counted', async () => {
    const { counts, kept, report, event } = newAgent();
    await report(event('2026-05-17T23:57:00.000Z'));
    expect(await counts('2026-05-18T00:00:00.000Z', 2)).toEqual({ '2026-05-17': 1 });
    // Dated before midnight by the clock of its function, which then took its time to write it.
    await report(event('2026-05-17T23:59:59.999Z'));
    expect(await counts('2026-05-18T00:04:59.999Z', 2)).toEqual({ '2026-05-17': 2 });
    expect(await kept()).not.toHaveProperty('2026-05-17');
    await report(event('2026-05-17T23:59:59.998Z'));
    expect(await counts('2026-05-18T00:05:00.000Z', 2)).toEqual({ '2026-05-17': 3 });
    expect(await kept()).toMatchObject({ '2026-05-17': '2026-05-18' });
  });

  test('its first instant belongs to the next', async () => {
    const { counts, report, event } = newAgent();
    for (const at of ['2026-05-17T23:59:59.999Z', '2026-05-18T00:00:00.000Z']) await report(event(at));
    for (let time = 0; time < 2; time++) expect(await counts('2026-05-18T09:00:00.000Z', 2)).toEqual({ '2026-05-17': 1, '2026-05-18': 1 });
  });

  test('an event dated tomorrow, by a clock that is ahead, is counted tomorrow', async () => {
    const { counts, report, event } = newAgent();
    await report(event('2026-05-18T00:00:00.100Z'));
    expect(await counts('2026-05-17T23:59:59.900Z')).toEqual({});
    expect(await counts('2026-05-18T00:00:00.000Z')).toEqual({ '2026-05-18': 1 });
  });
});

describe('a day that is not over', () => {
  test('is counted once it is worth it, as far as it is settled, and on from there', async () => {
    const { id, counts, kept, report, event } = newAgent();
    await seeding.putRecords(tableNames.risk, Array.from({ length: 249 }, (_, index) => event(second(index))));
    expect(await counts('2026-05-17T01:00:00.000Z', 1)).toEqual({ '2026-05-17': 249 });
    expect(await kept()).toEqual({});
    await report(event('2026-05-17T00:30:00.000Z'));
    await report(event('2026-05-17T00:58:00.000Z'));
    expect(await counts('2026-05-17T01:00:00.000Z', 1)).toEqual({ '2026-05-17': 251 });
    expect(await kept()).toEqual({ '2026-05-17': '2026-05-17T00:55:00.000Z' });
    // Whoever counted less far does not undo it.
    await history.putRollUp(id, counted(nothingCounted('2026-05-17'), [], '2026-05-17T00:54:59.999Z'));
    await history.putRollUp(id, counted(nothingCounted('2026-05-17'), [], '2026-05-17T00:55:00.000Z'));
    await report(event('2026-05-17T00:55:00.000Z'));
    expect(await counts('2026-05-17T02:00:00.000Z', 1)).toEqual({ '2026-05-17': 252 });
    expect(await counts('2026-05-18T01:00:00.000Z', 2)).toEqual({ '2026-05-17': 252 });
    expect(await kept()).toEqual({ '2026-05-17': '2026-05-18' });
  });

  test('costs no more for what was counted', async () => {
    const { counts, event } = newAgent();
    await seeding.putRecords(tableNames.risk, Array.from({ length: 1000 }, (_, index) => event(second(index))));
    const cost = async (now: string) => {
      const stop = countReadUnits();
      await counts(now, 1);
      return stop();
    };
    expect((await cost('2026-05-17T12:00:00.000Z')).units).toBeGreaterThan(90);
    expect((await cost('2026-05-17T12:00:01.000Z')).units).toBeLessThanOrEqual(3);
  });
});

describe('a day of more than one page', () => {
  // 300 events of some 4 KB: 1.2 MB.
  const large = (event: ReturnType<typeof newAgent>['event']) => Array.from({ length: 300 }, (_, index) => event(second(index), { payload: { note: 'x'.repeat(4000) } }));

  test('is counted whole', async () => {
    const { counts, kept, event } = newAgent();
    await seeding.putRecords(tableNames.risk, large(event));
    for (let time = 0; time < 2; time++) expect(await counts('2026-05-18T12:00:00.000Z', 2)).toEqual({ '2026-05-17': 300 });
    expect(await kept()).toMatchObject({ '2026-05-17': '2026-05-18' });
  });

  test('is counted on from the page that somebody came as far as', async () => {
    const { id, counts, event } = newAgent();
    await seeding.putRecords(tableNames.risk, large(event));
    const first = await history.readEvents({ id, tenantId: 'acme' }, '2026-05-17', '2026-05-18')[Symbol.asyncIterator]().next();
    expect(first.done).toBe(false);
    const { events, through } = first.value as { events: Parameters<typeof counted>[1]; through: string };
    expect(events.length).toBeGreaterThan(200);
    expect(events.length).toBeLessThan(300);
    await history.putRollUp(id, counted(nothingCounted('2026-05-17'), events, through));
    const stop = countReadUnits();
    expect(await counts('2026-05-18T12:00:00.000Z', 2)).toEqual({ '2026-05-17': 300 });
    expect(stop().units).toBeLessThan(100);
  });
});

test('a request that has counted for 15 seconds gives way to the next, which goes on from there', async () => {
  const { counts, kept, event } = newAgent();
  await seeding.putRecords(tableNames.risk, Array.from({ length: 300 }, (_, index) => event(second(index), { payload: { note: 'x'.repeat(12_000) } })));
  // 3.6 MB, a page of them every ten seconds.
  const slowly = (startedAt: string) => {
    let looks = 0;
    return () => new Date(Date.parse(startedAt) + 10_000 * looks++);
  };
  const now = '2026-05-18T00:05:00.000Z';
  await expect(counts(now, 2, slowly(now))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', message: expect.stringMatching(/being counted/) });
  const { '2026-05-17': reached } = await kept();
  expect(reached).toMatch(/^2026-05-17T00:0\d/);
  await expect(counts(now, 2, slowly(now))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  expect((await kept())['2026-05-17'] ?? '').not.toBe(reached);
  expect(await counts(now, 2)).toEqual({ '2026-05-17': 300 });
  expect(await kept()).toMatchObject({ '2026-05-17': '2026-05-18' });
});

describe('the days before an agent was registered', () => {
  test('are not read, and that day is', async () => {
    const { counts, kept, report, event } = newAgent('2026-05-15T23:59:59.999Z');
    await report(event('2026-05-16T00:00:00.000Z'));
    await report(event('2026-05-15T23:59:59.999Z'));
    const stop = countReadUnits();
    expect(await counts('2026-05-17T12:00:00.000Z')).toEqual({ '2026-05-15': 1, '2026-05-16': 1 });
    expect(stop().requests).toBe(1 + 2 + 2); // The roll-ups, two days, and today's settled and unsettled part.
    expect(await kept()).toEqual({ '2026-05-15': '2026-05-16', '2026-05-16': '2026-05-17' });
  });
});

test('however many count the same day at once, it comes to the same', async () => {
  const { counts, kept, event } = newAgent();
  await seeding.putRecords(tableNames.risk, Array.from({ length: 600 }, (_, index) => event(second(index))));
  const instants = Array.from({ length: 16 }, (_, index) => new Date(Date.parse('2026-05-17T00:07:00Z') + index * 10_000).toISOString());
  for (const answer of await Promise.all(instants.map((now) => counts(now, 1)))) expect(answer).toEqual({ '2026-05-17': 600 });
  expect(await counts('2026-05-17T01:00:00.000Z', 1)).toEqual({ '2026-05-17': 600 });
  expect(await counts('2026-05-18T01:00:00.000Z', 2)).toEqual({ '2026-05-17': 600 });
  expect(await kept()).toEqual({ '2026-05-17': '2026-05-18' });
});
