import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { actionTypes } from '../../lambdas/authority/risk-assessment.ts';
import { dataOf, registerAgent, unknownId } from '../support/agents.ts';
import { startListingRuntime, walkPages, type ListingRuntime } from '../support/listing.ts';
import { expectProblem } from '../support/problems.ts';
import { eventRecord } from '../support/risk-events.ts';
import { caller, type Call } from '../support/runtime.ts';

/* GET /events */

process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'; // Records that are malformed fill the log, as they should.

let runtime: ListingRuntime;

beforeAll(async () => {
  runtime = await startListingRuntime();
});
afterAll(() => runtime.stop());

type Agent = { id: string; tenant_id: string };
type Event = { id: string; agent_id: string; action_type: string; risk_band: string; occurred_at: string };

const newTenant = async () => (await runtime.newTenant()).call;
const report = async (call: Call, agent: Agent, action_type: string, body: object = {}) => dataOf(await call('POST', '/events', { body: { agent_id: agent.id, action_type, ...body } }), 201);
const list = async (call: Call, query = '') => dataOf(await call('GET', `/events?${query}`), 200) as Event[];
const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id);

const walk = (call: Call, query: string, cursorName = 'before') =>
  walkPages<Event>(call, `/events?${query}`, {
    cursorName,
    onPage: ({ has_next_page, next_cursor, pagination }) => expect([has_next_page, next_cursor]).toEqual([pagination.has_next_page, pagination.next_cursor]),
  });

test('of a tenant that has none', async () => {
  const { status, body } = await (await newTenant())('GET', '/events');
  expect(status).toBe(200);
  const cursor = { has_next_page: false, next_cursor: null };
  expect(body).toStrictEqual({ data: [], meta: { limit: 20 }, pagination: { limit: 20, ...cursor }, ...cursor });
});

test('shows an event with every field, by the tenant and by the agent', async () => {
  const call = await newTenant();
  const agent = await registerAgent(call);
  const event = await report(call, agent, 'data_mutation', { payload: { table: 'trades', rows: [1, { deep: null }] }, session_id: 's', occurred_at: '2026-05-17T12:00:00+02:00' });
  const expected = [{
    id: event.id,
    agent_id: agent.id,
    action_type: 'data_mutation',
    risk_score: 0.35,
    risk_band: 'medium',
    factors: ['data_mutation'],
    occurred_at: '2026-05-17T10:00:00.000Z',
    source_ip: '127.0.0.1',
    payload: { table: 'trades', rows: [1, { deep: null }] },
  }];
  expect(await list(call)).toStrictEqual(expected);
  expect(await list(call, `agent_id=${agent.id}`)).toStrictEqual(expected);
});

describe('of 60 events of three agents', () => {
  let call: Call;
  let agents: [Agent, Agent, Agent];
  let newestFirst: Event[];

  beforeAll(async () => {
    call = await newTenant();
    agents = await Promise.all([registerAgent(call), registerAgent(call), registerAgent(call)]);
    const events: Event[] = [];
    // Without a certificate, so that what they do has no consequences.
    for (let round = 0; round < 6; round++) {
      events.push(...await Promise.all(actionTypes.map((actionType, index) => report(call, agents[(round + index) % 3] as Agent, actionType))));
    }
    newestFirst = events.sort((a, b) => (`${a.occurred_at}${a.id}` < `${b.occurred_at}${b.id}` ? 1 : -1));
  });

  test.each([1, 7, 20, 30, 59, 60, 61, 100])('the cursor leads through all of them, %i at a time', async (limit) => {
    const pages = await walk(call, `limit=${limit}`);
    expect(pages.map(({ length }) => length)).toEqual([...Array(Math.ceil(60 / limit) - 1).fill(limit), (60 - 1) % limit + 1]);
    expect(ids(pages.flat())).toEqual(ids(newestFirst));
  });

  test.each([0, 1, 2])('those of agent %i are its own, through as many pages as it takes', async (index) => {
    const agent = agents[index] as Agent;
    const expected = ids(newestFirst.filter(({ agent_id }) => agent_id === agent.id));
    for (const limit of [1, 6, 20, 100]) expect(ids((await walk(call, `agent_id=${agent.id}&limit=${limit}`)).flat())).toEqual(expected);
  });

  const first = () => agents[0].id;
  test.each<[string, () => string, (event: Event) => boolean]>([
    ['band=low', () => 'band=low', ({ risk_band }) => risk_band === 'low'],
    ['band=medium', () => 'band=medium', ({ risk_band }) => risk_band === 'medium'],
    ['band=high', () => 'band=high', ({ risk_band }) => risk_band === 'high'],
    ...actionTypes.map((type): [string, () => string, (event: Event) => boolean] => [`action_type=${type}`, () => `action_type=${type}`, ({ action_type }) => action_type === type]),
    ['actionType', () => 'actionType=api_call', ({ action_type }) => action_type === 'api_call'],
    ['agent_id', () => `agent_id=${first()}`, ({ agent_id }) => agent_id === first()],
    ['agentId', () => `agentId=${first()}`, ({ agent_id }) => agent_id === first()],
    ['agent_id in upper case', () => `agent_id=${first().toUpperCase()}`, ({ agent_id }) => agent_id === first()],
    ['agent_id before agentId', () => `agentId=${unknownId}&agent_id=${first()}`, ({ agent_id }) => agent_id === first()],
    ['an agent and a band', () => `agent_id=${first()}&band=high`, ({ agent_id, risk_band }) => agent_id === first() && risk_band === 'high'],
    ['an agent and a type', () => `agentId=${first()}&actionType=data_access`, ({ agent_id, action_type }) => agent_id === first() && action_type === 'data_access'],
    ['a band and a type', () => 'band=high&action_type=transaction_anomaly', ({ action_type }) => action_type === 'transaction_anomaly'],
    ['a band and a type that exclude each other', () => 'band=low&action_type=transaction_anomaly', () => false],
  ])('by %s', async (_, query, isWanted) => {
    const expected = ids(newestFirst.filter(isWanted));
    for (const limit of [5, 100]) expect(ids((await walk(call, `${query()}&limit=${limit}`)).flat())).toEqual(expected);
  });

  test.each(['before', 'cursor'])('the cursor is taken as %s', async (name) => {
    expect(ids((await walk(call, 'limit=17', name)).flat())).toEqual(ids(newestFirst));
    expect(ids((await walk(call, `agent_id=${first()}&limit=7`, name)).flat())).toEqual(ids(newestFirst.filter(({ agent_id }) => agent_id === first())));
  });

  test('and so is an RFC 3339 time, in any zone, which is itself not meant', async () => {
    const { occurred_at } = newestFirst[29] as Event;
    const older = ids(newestFirst.filter((event) => event.occurred_at < occurred_at));
    const inIndia = new Date(Date.parse(occurred_at) + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30');
    for (const time of [occurred_at, inIndia]) expect(ids(await list(call, new URLSearchParams({ before: time, limit: '100' }).toString()))).toEqual(older);
    expect(ids(await list(call, `agent_id=${first()}&limit=100&before=${occurred_at}`))).toEqual(older.filter((id) => newestFirst.find((event) => event.id === id)?.agent_id === first()));
    expect(await list(call, 'before=2000-01-01T00:00:00Z')).toEqual([]);
    expect(ids(await list(call, 'before=9999-12-31T23:59:59Z&limit=100'))).toEqual(ids(newestFirst));
  });

  test('20 come without a limit', async () => {
    const { body } = await call('GET', '/events');
    expect([body.data.length, body.meta, body.pagination.limit]).toEqual([20, { limit: 20 }, 20]);
  });

  test('an event that arrives between two pages does not show on the second, and moves nothing', async () => {
    const { body: { data, next_cursor } } = await call('GET', `/events?limit=10&agent_id=${agents[1].id}`);
    const late = await report(call, agents[1], 'api_call');
    const second = await list(call, `limit=10&agent_id=${agents[1].id}&before=${next_cursor}`);
    expect(ids([...data, ...second])).toEqual(ids(newestFirst.filter(({ agent_id }) => agent_id === agents[1].id)).slice(0, 20));
    expect(ids(await list(call, `agent_id=${agents[1].id}`))[0]).toBe(late.id);
    newestFirst.unshift(late);
  });

  test('another tenant’s cursor is a place in time, and shows one’s own', async () => {
    const other = await newTenant();
    const theirs = await registerAgent(other);
    const event = await report(other, theirs, 'api_call');
    const { body: { next_cursor } } = await call('GET', '/events?limit=1');
    expect(ids(await list(other, `before=${next_cursor}`))).toEqual(event.occurred_at < (newestFirst[0] as Event).occurred_at ? [event.id] : []);
    expect(await list(other, `agent_id=${first()}`)).toEqual([]);
    expect(await list(other, `agent_id=${first()}&before=${next_cursor}`)).toEqual([]);
  });

  describe('an agent’s own key', () => {
    let own: Call;
    beforeAll(async () => { own = caller(runtime.url, await runtime.tables.addKey({ tenantId: agents[0].tenant_id, agentId: agents[0].id, scopes: ['events:read'] })); });

    test('shows that agent’s events, whether it is named or not', async () => {
      const expected = ids(newestFirst.filter(({ agent_id }) => agent_id === first()));
      for (const query of ['', `agent_id=${first()}`]) expect(ids((await walk(own, `limit=9&${query}`)).flat())).toEqual(expected);
    });

    test('and no other’s', async () => {
      for (const id of [agents[1].id, unknownId]) expect((await own('GET', `/events?agent_id=${id}`)).body).toMatchObject({ data: [], has_next_page: false });
    });
  });
});

describe('a cursor that is not ours', () => {
  const encoded = (text: string) => Buffer.from(text).toString('base64url');
  const position = `2026-05-17T10:00:00.000Z#${unknownId}`;
  const forged = [
    '', 'x', '%00', '!!!', 'null', '2026-05-17', '2026-05-17T10:00:00', 'yesterday', '9999-12-31T23:59:59-00:01', encoded('{}'), encoded('volume#2026-05-17'), encoded('rollup#2026-05-17'), encoded(`:${position}`),
    encoded(`${position}\n`), encoded(`${position} `), `${encoded(position)}=`, ` ${encoded(position)}`, encoded(`1${'x'.repeat(301)}`), encoded('1é'),
  ];

  test.each(forged.map((cursor) => [cursor]))('%j', async (cursor) => {
    for (const name of ['before', 'cursor']) {
      for (const query of ['', `agent_id=${(await registerAgent(runtime.call)).id}&`]) expectProblem(await runtime.call('GET', `/events?${query}${new URLSearchParams({ [name]: cursor })}`), 400, 'INVALID_CURSOR');
    }
  });
});

describe('what the risk pipeline writes itself', () => {
  let agent: Agent;
  let call: Call;
  const at = (second: number) => `2026-05-17T10:00:${String(second).padStart(2, '0')}.000Z`;
  const put = (second: number, attributes: object, id: string = randomUUID()) =>
    runtime.seeding.put(runtime.tableNames.risk, { agent_id: { S: agent.id }, record_id: { S: `${at(second)}#${id}` }, ...attributes }).then(() => id);

  beforeAll(async () => {
    call = await newTenant();
    agent = await registerAgent(call);
  });

  test('is an event where it names an action, of the agent at least, and as well of the tenant where it says so', async () => {
    const least = await put(1, { score: { N: '0.4' }, action_type: { S: 'data_access' } });
    const told = await put(2, {
      score: { N: '0.849' }, action_type: { S: 'api_call' }, tenant_id: { S: agent.tenant_id }, tenant_collection: { S: `${agent.tenant_id}#a` },
      occurred_at: { S: '2026-05-17T11:59:00+02:00' }, source_ip: { S: '192.0.2.7' }, details_json: { S: JSON.stringify({ factors: ['unusual_hour', 7], payload: { a: 1 } }) },
    }, `${randomUUID().slice(0, -1)}a`);
    const base = { agent_id: agent.id };
    const first = { ...base, id: least, action_type: 'data_access', risk_score: 0.4, risk_band: 'medium', factors: [], occurred_at: at(1), source_ip: null, payload: {} };
    const second = { ...base, id: told, action_type: 'api_call', risk_score: 0.849, risk_band: 'medium', factors: ['unusual_hour'], occurred_at: '2026-05-17T09:59:00.000Z', source_ip: '192.0.2.7', payload: { a: 1 } };
    expect(await list(call, `agent_id=${agent.id}`)).toStrictEqual([second, first]);
    expect(await list(call)).toStrictEqual([second]);
  });

  test('is none where it does not, nor where it is not as documented, and hides nothing behind it', async () => {
    const before = await list(call, `agent_id=${agent.id}`);
    const attributes = { score: { N: '0.1' }, action_type: { S: 'api_call' }, tenant_collection: { S: `${agent.tenant_id}#0` } };
    await put(10, { ...attributes, action_type: { S: 'tea_break' } });
    await put(11, { ...attributes, action_type: { NULL: true } });
    await put(12, { ...attributes, score: { S: '0.1' } });
    await put(13, { action_type: attributes.action_type, tenant_collection: attributes.tenant_collection });
    await put(14, { ...attributes, tenant_id: { S: randomUUID() } });
    await put(15, { score: { N: '0.1' }, kind: { S: 'score' } });
    const events = ids(before);
    for (const limit of [1, 100]) expect(ids((await walk(call, `agent_id=${agent.id}&limit=${limit}`)).flat())).toEqual(events);
    expect((await walk(call, 'limit=1')).flat()).toHaveLength(1);
    expect(await list(call, 'band=high')).toEqual([]);
  });

  test('is shown as far as it can be', async () => {
    const odd = await put(20, { score: { N: '0.2' }, action_type: { S: 'api_call' }, details_json: { S: 'not json' }, run: { N: '12345678901234567890123456789012345678' } });
    const list_ = await put(21, { score: { N: '0.2' }, action_type: { S: 'api_call' }, details_json: { S: '[{"payload":1}]' }, observed_at: { S: '2026-05-17T09:00:00+01:00' } });
    const high = await put(22, { score: { N: '12345678901234567890' }, action_type: { S: 'api_call' }, occurred_at: { S: 'noon' }, source_ip: { N: '7' }, details_json: { S: '{"payload":[],"factors":"x"}' } });
    const [third, second, first] = await list(call, `agent_id=${agent.id}&limit=3`);
    const bare = { agent_id: agent.id, action_type: 'api_call', factors: [], source_ip: null, payload: {} };
    expect(first).toEqual({ ...bare, id: odd, risk_score: 0.2, risk_band: 'low', occurred_at: at(20) });
    expect(second).toEqual({ ...bare, id: list_, risk_score: 0.2, risk_band: 'low', occurred_at: '2026-05-17T08:00:00.000Z' });
    expect(third).toEqual({ ...bare, id: high, risk_score: Number('12345678901234567890'), risk_band: 'high', occurred_at: at(22) });
    expect(ids(await list(call, `agent_id=${agent.id}&band=high`))).toEqual([high]);
  });

  test('under an id of its own is shown, and a cursor leads past it', async () => {
    const recordId = '2026-05-17T10:00:30Z#run-7/3';
    await runtime.seeding.put(runtime.tableNames.risk, { agent_id: { S: agent.id }, record_id: { S: recordId }, score: { N: '0.1' }, action_type: { S: 'message_signed' } });
    const pages = await walk(call, `agent_id=${agent.id}&limit=1`);
    expect(pages[0]?.[0]).toMatchObject({ id: 'run-7/3', action_type: 'message_signed', occurred_at: '2026-05-17T10:00:30.000Z' });
    expect(pages.flat().length).toBe(pages.length);
    expect(pages.length).toBeGreaterThan(3);
  });
});

test('verdicts of the pipeline are scores, and no events', async () => {
  const call = await newTenant();
  const agent = await registerAgent(call);
  dataOf(await call('POST', '/risk-scores', { body: { agent_id: agent.id, score: 0.2 } }), 202);
  const event = await report(call, agent, 'api_call');
  for (const query of ['', `agent_id=${agent.id}`]) expect(ids(await list(call, query))).toEqual([event.id]);
});

test('events outlive what they were about: a suspended and a retired agent’s are listed', async () => {
  const call = await newTenant();
  const agent = await registerAgent(call);
  const event = await report(call, agent, 'api_call');
  dataOf(await call('DELETE', `/agents/${agent.id}`), 200);
  for (const query of ['', `agent_id=${agent.id}`]) expect(ids(await list(call, query))).toEqual([event.id]);
});

test('a rare kind of event is looked for among 1,000 of an agent’s, and the next page goes on from there', async () => {
  const call = await newTenant();
  const agent = await registerAgent(call);
  const time = (index: number) => new Date(Date.parse('2026-05-17T00:00:00Z') + index * 1000).toISOString();
  const rare = eventRecord(agent, 'data_mutation', time(0));
  await runtime.seeding.putRecords(runtime.tableNames.risk, [rare, ...Array.from({ length: 1010 }, (_, index) => eventRecord(agent, 'api_call', time(index + 1)))]);
  const { body } = await call('GET', `/events?agent_id=${agent.id}&band=medium`);
  expect(body).toMatchObject({ data: [], has_next_page: true, next_cursor: expect.any(String) });
  expect((await call('GET', `/events?agent_id=${agent.id}&band=medium&before=${body.next_cursor}`)).body).toMatchObject({ data: [{ id: rare.id }], has_next_page: false });
});
