import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, certify, dataOf, fullAgent, minimalAgent, readAgent, registerAgent, revoke } from '../support/agents.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

let runtime: TestRuntime;
let tables: Tables;
let call: Call;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  ({ call } = runtime);
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;

/** A client of a tenant that nobody else writes to. */
async function newTenant(): Promise<Call> {
  return caller(runtime.url, await tables.addKey({ tenantId: randomUUID() }));
}

/** What an agent is shown as that was registered with nothing but what is required. */
const pendingAgent = {
  id: expect.stringMatching(uuid),
  tenant_id: expect.any(String),
  ...minimalAgent,
  model: null,
  version: null,
  description: null,
  operator_org: null,
  permitted_actions: [],
  financial_scope: null,
  metadata: {},
  status: 'pending',
  risk_score: null,
  inbox_address: null,
  created_at: expect.stringMatching(time),
  updated_at: expect.stringMatching(time),
};

describe('POST /agents', () => {
  test('answers the agent, every field of it, with nothing where nothing was said', async () => {
    const started = Date.now();
    const { status, body, headers } = await call('POST', '/agents', { body: minimalAgent });
    expect(status).toBe(201);
    expect(body).toStrictEqual({ data: pendingAgent });
    expect(body.data.tenant_id).toBe(runtime.tenants.find(({ name }) => name === 'acme')?.id);
    expect(body.data.updated_at).toBe(body.data.created_at);
    expect(Date.parse(body.data.created_at)).toBeGreaterThanOrEqual(started);
    expect(Date.parse(body.data.created_at)).toBeLessThanOrEqual(Date.now());
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('keeps every field as it was sent', async () => {
    const agent = await registerAgent(call, fullAgent);
    expect(agent).toStrictEqual({ ...pendingAgent, ...fullAgent });
    expect(await readAgent(call, agent.id)).toStrictEqual({ ...agent, certificates: [] });
  });

  test('makes another agent each time, whatever its name', async () => {
    const [one, other] = await Promise.all([registerAgent(call), registerAgent(call)]);
    expect(one.id).not.toBe(other.id);
  });

  test('is in the audit trail', async () => {
    const agent = await registerAgent(call);
    expect(await tables.auditOf(agent.id)).toMatchObject([{ eventType: 'agent.created', tenantId: agent.tenant_id, actor: { type: 'api_key' }, createdAt: agent.created_at }]);
  });
});

describe('GET /agents/{id}', () => {
  test('answers the agent and its certificates, newest first', async () => {
    const { agent, certificate: first } = await certifiedAgent(call);
    await revoke(call, first.id);
    const second = await certify(call, agent.id);
    const { certificates, ...read } = await readAgent(call, agent.id);
    expect(read).toStrictEqual({ ...agent, status: 'active', updated_at: expect.stringMatching(time) });
    expect(certificates).toStrictEqual([second, { ...first, status: 'revoked', revoked_at: expect.stringMatching(time), revocation_reason: 'Anomalous trading' }]);
  });

  test('takes the id in upper case too', async () => {
    const { id } = await registerAgent(call);
    expect((await readAgent(call, id.toUpperCase())).id).toBe(id);
  });
});

describe('PATCH /agents/{id}', () => {
  test.each(Object.entries({ ...fullAgent, name: 'Renamed', model_hash: 'sha256:other' }))('changes %s and nothing else', async (field, value) => {
    const agent = await registerAgent(call);
    const changed = dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { [field]: value } }), 200);
    expect(changed).toStrictEqual({ ...agent, [field]: value, updated_at: expect.stringMatching(time) });
    expect(changed.updated_at >= agent.updated_at).toBe(true);
    expect(await readAgent(call, agent.id)).toStrictEqual({ ...changed, certificates: [] });
  });

  test.each(Object.keys(fullAgent).filter((field) => field !== 'name' && field !== 'model_hash') as (keyof typeof pendingAgent)[])('clears %s with null, and nothing else', async (field) => {
    const agent = await registerAgent(call, fullAgent);
    const changed = dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { [field]: null } }), 200);
    expect(changed).toStrictEqual({ ...agent, [field]: pendingAgent[field], updated_at: expect.stringMatching(time) });
    expect(await readAgent(call, agent.id)).toStrictEqual({ ...changed, certificates: [] });
  });

  test('changes and clears several at once', async () => {
    const agent = await registerAgent(call, fullAgent);
    const body = { name: 'Renamed', model: null, metadata: { b: 1 }, financial_scope: { daily_limit_usd: 1, permitted_venues: null } };
    expect(dataOf(await call('PATCH', `/agents/${agent.id}`, { body }), 200)).toStrictEqual({
      ...agent, name: 'Renamed', model: null, metadata: { b: 1 }, financial_scope: { daily_limit_usd: 1 }, updated_at: expect.stringMatching(time),
    });
  });

  test('replaces metadata and scope whole, without merging', async () => {
    const agent = await registerAgent(call, fullAgent);
    const changed = dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { metadata: {}, financial_scope: {} } }), 200);
    expect(changed).toMatchObject({ metadata: {}, financial_scope: {} });
    expect([changed.metadata, changed.financial_scope]).toStrictEqual([{}, {}]);
  });

  test('leaves the certificate alone where it does not touch the status', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const changed = dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { name: 'Renamed' } }), 200);
    expect([changed.name, changed.status]).toEqual(['Renamed', 'active']);
    expect((await readAgent(call, agent.id)).certificates).toStrictEqual([certificate]);
    expectProblem(await call('POST', `/agents/${agent.id}/certify`), 409, 'ACTIVE_CERTIFICATE_EXISTS', { data: { certificate_id: certificate.id } });
  });

  test('is in the audit trail, with the fields that were changed', async () => {
    const agent = await registerAgent(call);
    const { updated_at } = dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { name: 'Renamed', model: 'm' } }), 200);
    const [, entry] = await tables.auditOf(agent.id);
    expect(entry).toMatchObject({ eventType: 'agent.updated', createdAt: updated_at, actor: { type: 'api_key' } });
    expect(entry?.['description']).toMatch(/name.*model/);
  });

  test('two that change different fields at the same moment both count', async () => {
    const agent = await registerAgent(call);
    const bodies = [{ name: 'Renamed' }, { model: 'm' }, { version: '2' }, { description: 'd' }];
    for (const reply of await Promise.all(bodies.map((body) => call('PATCH', `/agents/${agent.id}`, { body })))) expect(reply.status).toBe(200);
    expect(await readAgent(call, agent.id)).toMatchObject(Object.assign({}, ...bodies));
  });
});

/** Makes an agent of each status. */
const agentOf: Readonly<Record<string, () => Promise<{ id: string }>>> = {
  pending: () => registerAgent(call),
  active: async () => (await certifiedAgent(call)).agent,
  suspended: async () => {
    const agent = await registerAgent(call);
    dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { status: 'suspended' } }), 200);
    return agent;
  },
  retired: async () => {
    const agent = await registerAgent(call);
    dataOf(await call('DELETE', `/agents/${agent.id}`), 200);
    return agent;
  },
};

describe('PATCH of the status', () => {
  test.each<[string, Record<string, string>]>([
    ['pending', { pending: 'STATUS_NOT_ALLOWED', active: 'STATUS_NOT_ALLOWED', suspended: 'ok', retired: 'ok' }],
    ['active', { pending: 'STATUS_NOT_ALLOWED', active: 'STATUS_NOT_ALLOWED', suspended: 'ok', retired: 'ok' }],
    ['suspended', { pending: 'ok', active: 'STATUS_NOT_ALLOWED', suspended: 'ok', retired: 'ok' }],
    ['retired', { pending: 'AGENT_RETIRED', active: 'AGENT_RETIRED', suspended: 'AGENT_RETIRED', retired: 'AGENT_RETIRED' }],
  ])('from %s', async (from, outcomes) => {
    for (const [to, expected] of Object.entries(outcomes)) {
      const { id } = await (agentOf[from] as () => Promise<{ id: string }>)();
      const reply = await call('PATCH', `/agents/${id}`, { body: { status: to, description: 'changed along' } });
      const { status, description } = await readAgent(call, id);
      if (expected === 'ok') {
        expect([to, reply.status, reply.body.data.status, status, description]).toEqual([to, 200, to, to, 'changed along']);
      } else {
        expectProblem(reply, 422, expected);
        expect([to, status, description]).toEqual([to, from, null]);
      }
    }
  });
});

describe.each([
  { end: 'PATCH to suspended', status: 'suspended', reasonCode: 'privilegeWithdrawn', send: (id: string) => call('PATCH', `/agents/${id}`, { body: { status: 'suspended' } }) },
  { end: 'PATCH to retired', status: 'retired', reasonCode: 'cessationOfOperation', send: (id: string) => call('PATCH', `/agents/${id}`, { body: { status: 'retired' } }) },
  { end: 'DELETE', status: 'retired', reasonCode: 'cessationOfOperation', send: (id: string) => call('DELETE', `/agents/${id}`) },
])('$end', ({ status, reasonCode, send }) => {
  test('revokes the active certificate at the same instant, and says so in the audit trail', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const changed = dataOf(await send(agent.id), 200);
    expect(changed).toStrictEqual({ ...agent, status, updated_at: expect.stringMatching(time) });

    const shown = { ...certificate, status: 'revoked', revoked_at: `${changed.updated_at.slice(0, 19)}Z`, revocation_reason: status };
    expect(await readAgent(call, agent.id)).toStrictEqual({ ...changed, certificates: [shown] });
    expect(dataOf(await call('GET', `/verify/${certificate.serial_number}`), 200)).toMatchObject({ status: 'revoked', valid: false, revocation_reason: status });
    expect(await tables.certificate(certificate.id)).toMatchObject({ revokedAt: changed.updated_at, reasonCode });

    const at = { createdAt: changed.updated_at, actor: { type: 'api_key' } };
    expect((await tables.auditOf(agent.id)).at(-1)).toMatchObject({ ...at, eventType: `agent.${status}` });
    expect((await tables.auditOf(certificate.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
    expect((await tables.auditOf(certificate.id)).at(-1)).toMatchObject({ ...at, metadata: { agent_id: agent.id, reason: status, reason_code: reasonCode } });
  });

  test('leaves an expired certificate expired', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    await tables.expireCertificate(certificate.id);
    expect(dataOf(await send(agent.id), 200).status).toBe(status);
    expect((await readAgent(call, agent.id)).certificates).toMatchObject([{ id: certificate.id, status: 'expired', revoked_at: null, revocation_reason: null }]);
  });

  test('needs no certificate', async () => {
    const agent = await registerAgent(call);
    expect(dataOf(await send(agent.id), 200)).toStrictEqual({ ...agent, status, updated_at: expect.stringMatching(time) });
  });
});

test('an agent’s life', async () => {
  const { id } = await registerAgent(call);
  const statuses: string[] = [];
  const look = async () => statuses.push((await readAgent(call, id)).status);
  await look();
  const first = await certify(call, id);
  await look();
  await revoke(call, first.id);
  await look();
  const second = await certify(call, id);
  await look();
  dataOf(await call('PATCH', `/agents/${id}`, { body: { status: 'suspended' } }), 200);
  await look();
  dataOf(await call('PATCH', `/agents/${id}`, { body: { status: 'pending' } }), 200);
  await look();
  const third = await certify(call, id);
  await look();
  dataOf(await call('DELETE', `/agents/${id}`), 200);
  await look();
  expect(statuses).toEqual(['pending', 'active', 'suspended', 'active', 'suspended', 'pending', 'active', 'retired']);

  // From which nothing returns.
  expectProblem(await call('DELETE', `/agents/${id}`), 409, 'AGENT_ALREADY_RETIRED');
  expectProblem(await call('PATCH', `/agents/${id}`, { body: { name: 'x' } }), 422, 'AGENT_RETIRED');
  expectProblem(await call('POST', `/agents/${id}/certify`), 422, 'AGENT_RETIRED');
  expectProblem(await call('POST', `/certificates/${third.id}/revoke`, { body: { reason: 'x' } }), 409, 'CERTIFICATE_ALREADY_REVOKED');

  // Each certificate had a key of its own, and a status that stayed.
  const { certificates } = await readAgent(call, id);
  expect(certificates.map(({ id: certificateId, status }: { id: string; status: string }) => [certificateId, status])).toEqual([third, second, first].map((certificate) => [certificate.id, 'revoked']));
  expect(new Set(certificates.map(({ kms_key_arn }: { kms_key_arn: string }) => kms_key_arn)).size).toBe(3);
  expect((await tables.auditOf(id)).map(({ eventType }) => eventType)).toEqual(['agent.created', 'agent.suspended', 'agent.suspended', 'agent.updated', 'agent.retired']);
});

test('an agent is shown with the score observed last', async () => {
  const { id } = await registerAgent(call);
  for (const score of [0.4, 0.2]) dataOf(await call('POST', '/risk-scores', { body: { agent_id: id, score } }), 202);
  await runtime.idle();
  expect((await readAgent(call, id)).risk_score).toBe(0.2);
});

describe('GET /agents', () => {
  const ids = (data: readonly { id: string }[]) => data.map(({ id }) => id);

  test('of a tenant that has none', async () => {
    const { status, body, headers } = await (await newTenant())('GET', '/agents');
    expect(status).toBe(200);
    expect(body).toStrictEqual({ data: [], meta: { total: 0, limit: 20, offset: 0 }, pagination: { limit: 20, has_next_page: false, next_cursor: null } });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  test('shows agents as they are read one by one, newest first', async () => {
    const tenant = await newTenant();
    const agents = [];
    for (const fields of [{}, fullAgent, { name: 'Third' }]) agents.unshift(await registerAgent(tenant, fields));
    const { body } = await tenant('GET', '/agents');
    expect(body).toStrictEqual({ data: agents, meta: { total: 3, limit: 20, offset: 0 }, pagination: { limit: 20, has_next_page: false, next_cursor: null } });
  });

  test('by status, with the total of that status', async () => {
    const tenant = await newTenant();
    const [pending, suspended, retired] = await Promise.all([registerAgent(tenant), registerAgent(tenant), registerAgent(tenant)]);
    const { agent: active } = await certifiedAgent(tenant);
    await tenant('PATCH', `/agents/${suspended.id}`, { body: { status: 'suspended' } });
    await tenant('DELETE', `/agents/${retired.id}`);
    for (const [status, { id }] of Object.entries({ pending, active, suspended, retired })) {
      const { body } = await tenant('GET', `/agents?status=${status}`);
      expect([status, ids(body.data), body.data[0].status, body.meta.total]).toEqual([status, [id], status, 1]);
    }
    expect((await tenant('GET', '/agents')).body.meta.total).toBe(4);
  });

  describe('of 45 agents', () => {
    let tenant: Call;
    let newestFirst: { id: string; created_at: string }[];

    beforeAll(async () => {
      tenant = await newTenant();
      const agents = [];
      for (let row = 0; row < 9; row++) agents.push(...(await Promise.all(Array.from({ length: 5 }, (_, column) => registerAgent(tenant, { name: `Agent ${row}.${column}` })))));
      newestFirst = agents.sort((a, b) => (`${a.created_at}${a.id}` < `${b.created_at}${b.id}` ? 1 : -1));
      for (const { id } of newestFirst.filter((_, index) => index % 3 === 0)) dataOf(await tenant('PATCH', `/agents/${id}`, { body: { status: 'suspended' } }), 200);
    });

    /** Follows the cursors from the first page to the last. */
    async function walk(query: string, onPage: (page: number) => unknown = () => undefined) {
      const pages: string[][] = [];
      let cursor: string | null = null;
      do {
        const { status, body } = await tenant('GET', `/agents?${query}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
        expect(status).toBe(200);
        expect(body.pagination.has_next_page).toBe(body.pagination.next_cursor !== null);
        pages.push(ids(body.data));
        cursor = body.pagination.next_cursor;
        await onPage(pages.length);
      } while (cursor !== null && pages.length < 100);
      return pages;
    }

    test.each([
      [5, 9, 5], [7, 7, 3], [15, 3, 15], [20, 3, 5], [44, 2, 1], [45, 1, 45], [46, 1, 45], [100, 1, 45],
    ])('with a limit of %i, the cursor leads through %i pages, the last of %i', async (limit, pageCount, lastLength) => {
      const pages = await walk(`limit=${limit}`);
      expect([pages.length, pages.at(-1)?.length]).toEqual([pageCount, lastLength]);
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
      expect(pages.flat()).toEqual(ids(newestFirst));
    });

    test.each([[4, 4], [5, 3], [15, 1]])('with a status and a limit of %i, through %i pages', async (limit, pageCount) => {
      const pages = await walk(`status=suspended&limit=${limit}`);
      expect(pages).toHaveLength(pageCount);
      expect(pages.flat()).toEqual(ids(newestFirst.filter((_, index) => index % 3 === 0)));
    });

    test.each([[20, 0], [20, 20], [20, 40], [20, 45], [20, 10_000], [1, 44], [100, 1]])('limit %i and offset %i show their part', async (limit, offset) => {
      const { body } = await tenant('GET', `/agents?limit=${limit}&offset=${offset}`);
      expect(ids(body.data)).toEqual(ids(newestFirst).slice(offset, offset + limit));
      expect(body.meta).toStrictEqual({ total: 45, limit, offset });
      expect(body.pagination).toStrictEqual({ limit, has_next_page: offset + limit < 45, next_cursor: offset + limit < 45 ? expect.any(String) : null });
    });

    test('an offset counts within the status', async () => {
      const { body } = await tenant('GET', '/agents?status=suspended&limit=4&offset=13');
      expect(ids(body.data)).toEqual(ids(newestFirst.filter((_, index) => index % 3 === 0)).slice(13));
      expect(body.meta.total).toBe(15);
    });

    test('the total is that of all pages on every page', async () => {
      const { body: first } = await tenant('GET', '/agents?limit=40');
      const { body: last } = await tenant('GET', `/agents?limit=40&cursor=${first.pagination.next_cursor}`);
      expect([first.meta.total, last.meta.total, last.data.length]).toEqual([45, 45, 5]);
    });

    test('a cursor says nothing of the tenant', async () => {
      const { body } = await tenant('GET', '/agents?limit=1');
      const cursor = body.pagination.next_cursor as string;
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      for (const encoding of ['base64url', 'latin1'] as const) expect(Buffer.from(cursor, encoding).toString()).not.toContain(body.data[0].tenant_id);
    });

    test('another tenant’s cursor, or a forged one, leads to nothing but one’s own agents', async () => {
      const other = await newTenant();
      const own = await registerAgent(other);
      const { body: { pagination } } = await tenant('GET', '/agents?limit=1');
      const future = Buffer.from(`2999-01-01T00:00:00.000Z#${randomUUID()}`).toString('base64url');
      for (const cursor of [pagination.next_cursor, future]) {
        const { body } = await other('GET', `/agents?cursor=${cursor}`);
        expect([[], [own]]).toContainEqual(body.data);
        expect(body.meta.total).toBe(1);
      }
      expect(ids((await other('GET', `/agents?cursor=${future}`)).body.data)).toEqual([own.id]);
    });

    // The last of these tests: it adds agents.
    test('agents that are added on the way neither appear nor displace any', async () => {
      const added: string[] = [];
      const pages = await walk('limit=10', async (page) => {
        if (page < 4) added.push((await registerAgent(tenant)).id);
      });
      expect(pages.flat()).toEqual(ids(newestFirst));
      expect(ids((await tenant('GET', '/agents?limit=3')).body.data)).toEqual(added.reverse());
      expect((await tenant('GET', '/agents?limit=1')).body.meta.total).toBe(48);
    });
  });
});
