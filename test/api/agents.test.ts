import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, certify, dataOf, fullAgent, minimalAgent, readAgent, registerAgent, revoke, unknownId } from '../support/agents.ts';
import { expectProblem } from '../support/problems.ts';
import { startTestRuntime, type Call, type Reply, type TestRuntime } from '../support/runtime.ts';
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

describe('an agent’s own key', () => {
  test('reads that agent and its certificates; the tenant’s other agents are nobody’s to it', async () => {
    const { agent: own, certificate } = await certifiedAgent(call);
    const other = await registerAgent(call);
    const key = await tables.addKey({ tenantId: own.tenant_id, agentId: own.id, scopes: ['agents:read'] });
    const read = (path: string) => call('GET', path, { key });
    expect(dataOf(await read(`/agents/${own.id}`), 200)).toMatchObject({ id: own.id, certificates: [certificate] });
    const [foreign, unknown] = await Promise.all([other.id, unknownId].map((id) => read(`/agents/${id}`)));
    for (const reply of [foreign, unknown]) expectProblem(reply as Reply, 404, 'AGENT_NOT_FOUND');
    expect(foreign?.body.error).toBe(unknown?.body.error);
  });

  test('lists that agent alone', async () => {
    const { agent: own } = await certifiedAgent(call);
    await registerAgent(call);
    const key = await tables.addKey({ tenantId: own.tenant_id, agentId: own.id, scopes: ['agents:read'] });
    const list = async (query: string) => {
      const { status, body: { data, meta: { total }, pagination } } = await call('GET', `/agents?${query}`, { key });
      expect([status, pagination]).toEqual([200, { limit: 20, has_next_page: false, next_cursor: null }]);
      return [data.map(({ id }: { id: string }) => id), total];
    };
    for (const query of ['', 'status=active', 'offset=0']) expect(await list(query)).toEqual([[own.id], 1]);
    for (const query of ['offset=1', 'before=2999-01-01T00:00:00Z']) expect(await list(query)).toEqual([[], 1]);
    expect(await list('status=suspended')).toEqual([[], 0]);
    // Of a key that was written for an agent of another tenant.
    const stray = await tables.addKey({ tenantId: runtime.tenants[1]?.id ?? '', agentId: own.id, scopes: ['agents:read'] });
    expect((await call('GET', '/agents', { key: stray })).body).toMatchObject({ data: [], meta: { total: 0 } });
    expectProblem(await call('GET', `/agents/${own.id}`, { key: stray }), 404, 'AGENT_NOT_FOUND');
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
