import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { riskBand } from '../../lambdas/authority/risk-assessment.ts';
import { dataOf } from '../support/agents.ts';
import { seedBusyTenant, type BusyTenant } from '../support/busy-tenant.ts';
import { countReadUnits, type ReadUnits } from '../support/read-units.ts';
import { caller, startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';

/* Lists and profile of a tenant with 100,000 events and 10,000 audit entries: right, and what is read for them, in DynamoDB's read units. */

let runtime: TestRuntime;
let tenant: BusyTenant;
let call: Call;

beforeAll(async () => {
  runtime = await startTestRuntime({
    interpose: {
      async dynamodb(endpoint) {
        tenant = await seedBusyTenant(endpoint, { eventCount: 100_000, auditEntryCount: 10_000 });
        return endpoint;
      },
    },
  });
  call = caller(runtime.url, tenant.key);
}, 600_000);

afterAll(() => runtime.stop());

/** The profile, for which a machine that is slow has to be asked more than once, and what was read for it in all. */
async function profile() {
  const path = `/agents/${tenant.agent.id}/risk`;
  const stop = countReadUnits();
  let reply = await call('GET', path);
  for (let attempt = 1; attempt < 10 && reply.status === 503; attempt++) {
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    reply = await call('GET', path);
  }
  const spent = stop();
  show(path, spent);
  return { body: { data: dataOf(reply, 200) }, ...spent };
}

function show(path: string, { units, requests, elapsedMilliseconds }: ReadUnits) {
  if (process.env['SHOW_READ_UNITS'] !== undefined) process.stderr.write(`${path}: ${units} read units, ${requests} requests, ${elapsedMilliseconds} ms\n`);
}

/** The answer's body, and what was read for it beside the authorizer's look at the API key. */
async function measured(path: string): Promise<{ body: Awaited<ReturnType<Call>>['body'] } & ReadUnits> {
  const stop = countReadUnits();
  const reply = await call('GET', path);
  const { units, requests, elapsedMilliseconds } = stop();
  const spent = { units: units - 1, requests: requests - 1, elapsedMilliseconds };
  show(path, spent);
  dataOf(reply, 200);
  return { body: reply.body, ...spent };
}

const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);
const newestFirst = () => tenant.records.toReversed();

describe('the risk profile', () => {
  const expectRight = (profile: { total_events: number; trend: { date: string; event_count: number }[]; high_risk_event_count: number; recent_high_risk_events: { id: string }[]; event_counts_by_type: Record<string, { count: number }>; window_start: string }) => {
    const inWindow = tenant.records.filter(({ observedAt }) => observedAt >= profile.window_start);
    expect(profile.total_events).toBe(inWindow.length);
    for (const { date, event_count } of profile.trend) expect([date, event_count]).toEqual([date, inWindow.filter(({ observedAt }) => observedAt.startsWith(date)).length]);
    const high = inWindow.filter(({ score }) => score >= 0.85);
    expect([profile.high_risk_event_count, ids(profile.recent_high_risk_events)]).toEqual([high.length, ids(high.slice(-10).toReversed())]);
    expect(profile.event_counts_by_type['data_access']?.count).toBe(inWindow.filter(({ actionType }) => actionType === 'data_access').length);
  };

  test('is counted from the events once', async () => {
    const { body, units } = await profile();
    expectRight(body.data);
    expect(body.data.total_events).toBeGreaterThan(96_000);
    expect(units).toBeLessThan(12_500);
  }, 120_000);

  test('and then costs what the roll-ups cost, and the events of the last minutes', async () => {
    const { body, units, requests } = await profile();
    expectRight(body.data);
    // Late in the day, today’s events that are in no roll-up yet are some 30 units of it.
    expect(units).toBeLessThan(45);
    expect(requests).toBeLessThan(6);
  });
});

describe('the tenant’s events', () => {
  test.each<[string, () => string, number]>([
    ['the newest', () => '', 0],
    ['from the middle on', () => `&before=${tenant.records[50_000]?.observedAt}`, 50_000],
    ['from near the end on', () => `&before=${tenant.records[60]?.observedAt}`, 99_940],
  ])('%s: a page costs half a unit for each partition and one for each event', async (_, query, offset) => {
    for (const limit of [20, 50]) {
      const { body, units } = await measured(`/events?limit=${limit}${query()}`);
      expect(ids(body.data)).toEqual(ids(newestFirst().slice(offset, offset + limit)));
      // Some partitions may have more of the page than is read of each at first.
      expect(units).toBeLessThanOrEqual(16 * 0.5 + limit + 4);
    }
  });

  test('a band of which there is one in a thousand: a page looks at 4,000 entries and no more, and all are found', async () => {
    const found: string[] = [];
    const expected = ids(newestFirst().filter(({ score }) => riskBand(score) === 'high').slice(0, 20));
    for (let query = '', page = 0; found.length < expected.length && page < 10; page++) {
      const { body, units } = await measured(`/events?band=high${query}`);
      expect(body.has_next_page).toBe(true);
      expect(units).toBeLessThan(160);
      found.push(...ids(body.data));
      query = `&before=${body.next_cursor}`;
    }
    expect(found.slice(0, 20)).toEqual(expected);
  }, 60_000);
});

describe('the agent’s events', () => {
  test.each<[string, () => string, number]>([['the newest', () => '', 0], ['from the middle on', () => `&before=${tenant.records[50_000]?.observedAt}`, 50_000]])('%s: a page costs what it holds', async (_, query, offset) => {
    const { body, units } = await measured(`/events?agent_id=${tenant.agent.id}&limit=50${query()}`);
    expect(ids(body.data)).toEqual(ids(newestFirst().slice(offset, offset + 50)));
    expect(units).toBeLessThan(10);
  });

  test('of a band of which there is one in a thousand: a page looks at 1,000 and no more', async () => {
    const { body, units } = await measured(`/events?agent_id=${tenant.agent.id}&band=high`);
    expect(body.data.length).toBe(1);
    expect(body.has_next_page).toBe(true);
    expect(units).toBeLessThan(150);
  });
});

describe('the audit log', () => {
  const newestEntries = () => tenant.auditEntries.toReversed();

  test.each<[string, () => string, number]>([['the newest', () => '', 0], ['from the middle on', () => `&before=${tenant.auditEntries[5000]?.createdAt}`, 5000]])('%s: a page costs some unit for each partition', async (_, query, offset) => {
    const { body, units } = await measured(`/audit-log?limit=20${query()}`);
    expect(ids(body.data)).toEqual(ids(newestEntries().slice(offset, offset + 20)));
    expect(units).toBeLessThanOrEqual(28);
  });

  test('what happened to one agent comes from where it stands together', async () => {
    const { body, units } = await measured(`/audit-log?affected_id=${tenant.agent.id}&limit=50`);
    expect(ids(body.data)).toEqual(ids(newestEntries().filter(({ affectedId }) => affectedId === tenant.agent.id).slice(0, 50)));
    expect(units).toBeLessThan(60);
  });

  test('what happened once, long ago, is found after as many pages as 4,000 entries make each', async () => {
    const pages: { id: string }[][] = [];
    for (let query = ''; ;) {
      const { body, units } = await measured(`/audit-log?event_type=agent.created${query}`);
      expect(units).toBeLessThan(900);
      pages.push(body.data);
      if (!body.pagination.has_next_page) break;
      query = `&before=${body.pagination.next_cursor}`;
    }
    expect(pages.length).toBeLessThanOrEqual(4);
    expect(ids(pages.flat())).toEqual([tenant.auditEntries[0]?.id]);
  });
});
