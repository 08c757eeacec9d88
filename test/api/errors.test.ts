import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { basePath, maximumBodyBytes, routes, type Route } from '../../lambdas/routes.ts';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { certifiedAgent, dataOf, minimalAgent, registerAgent, revoke, unknownId } from '../support/agents.ts';
import { expectProblem, type ExpectedProblem } from '../support/problems.ts';
import { startTestRuntime, type CallOptions, type Reply, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

let runtime: TestRuntime;
let tables: Tables;
let acmeId: string;

/** Agents and certificates of acme in every state that something is refused for, and two of globex. */
let agents: Record<'pending' | 'active' | 'retired' | 'foreign', { id: string }>;
let certificates: Record<'active' | 'revoked' | 'expired' | 'foreign', { id: string }>;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  const { call, keys } = runtime;
  const [pending, active, revoked, expired, foreign, retired] = await Promise.all([
    registerAgent(call),
    certifiedAgent(call),
    certifiedAgent(call),
    certifiedAgent(call),
    certifiedAgent(call, {}, { key: keys.globex }),
    registerAgent(call),
  ]);
  await revoke(call, revoked.certificate.id);
  await tables.expireCertificate(expired.certificate.id);
  dataOf(await call('DELETE', `/agents/${retired.id}`), 200);
  acmeId = pending.tenant_id;
  agents = { pending, retired, active: active.agent, foreign: foreign.agent };
  certificates = { active: active.certificate, revoked: revoked.certificate, expired: expired.certificate, foreign: foreign.certificate };
  // What the revocations entail is written by then, and is not taken for what a refusal has changed.
  await runtime.idle();
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

/** Sends a request and expects it to be refused like this, and to have changed nothing. */
async function refused(status: number, code: string, [method, path, options]: [string, string, CallOptions?], expected: ExpectedProblem = {}): Promise<Reply> {
  const before = await tables.contents();
  const reply = await runtime.call(method, path, options);
  expectProblem(reply, status, code, expected);
  expect(await tables.changesSince(before)).toEqual([]);
  return reply;
}

describe('POST /agents/{id}/certify', () => {
  const certify = (id: string): [string, string] => ['POST', `/agents/${id}/certify`];

  test('404 for an agent that does not exist', () => refused(404, 'AGENT_NOT_FOUND', certify(unknownId)));
  test("404 for another tenant's agent", () => refused(404, 'AGENT_NOT_FOUND', certify(agents.foreign.id)));
  test('404 for what is not a UUID', () => refused(404, 'AGENT_NOT_FOUND', certify('agent-1')));
  test('409 for an agent with an active certificate, which it names', () =>
    refused(409, 'ACTIVE_CERTIFICATE_EXISTS', certify(agents.active.id), { data: { certificate_id: certificates.active.id } }));
  test('422 for a retired agent', () => refused(422, 'AGENT_RETIRED', certify(agents.retired.id)));
});

describe('POST /certificates/{id}/revoke', () => {
  const revocation = (id: string, body: object = { reason: 'Key lost' }): [string, string, CallOptions] => ['POST', `/certificates/${id}/revoke`, { body }];

  test('400 without a reason', () => refused(400, 'VALIDATION_FAILED', revocation(certificates.active.id, {}), { issues: ['reason'] }));
  test('400 without a body', () => refused(400, 'VALIDATION_FAILED', ['POST', `/certificates/${certificates.active.id}/revoke`], { issues: ['reason'] }));
  test('400 for a reason code that RFC 5280 does not name', () =>
    refused(400, 'VALIDATION_FAILED', revocation(certificates.active.id, { reason: 'x', reason_code: 'becauseISaySo' }), { issues: ['reason_code'] }));
  test('404 for a certificate that does not exist', () => refused(404, 'CERTIFICATE_NOT_FOUND', revocation(unknownId)));
  test("404 for another tenant's certificate", () => refused(404, 'CERTIFICATE_NOT_FOUND', revocation(certificates.foreign.id)));
  test('404 for what is not a UUID', () => refused(404, 'CERTIFICATE_NOT_FOUND', revocation('certificate-1')));
  test('409 for a certificate that is revoked already', () => refused(409, 'CERTIFICATE_ALREADY_REVOKED', revocation(certificates.revoked.id)));
  test('422 for a certificate that has expired', () => refused(422, 'CERTIFICATE_EXPIRED', revocation(certificates.expired.id)));
});

describe('agents, certificates and what is reported of them', () => {
  test.each<[number, string, string, () => [string, string, CallOptions?]]>([
    [404, 'AGENT_NOT_FOUND', 'reading an unknown agent', () => ['GET', `/agents/${unknownId}`]],
    [404, 'AGENT_NOT_FOUND', 'reading what is not a UUID', () => ['GET', '/agents/%2e%2e%2fcertificates']],
    [404, 'AGENT_NOT_FOUND', 'changing an unknown agent', () => ['PATCH', `/agents/${unknownId}`, { body: { name: 'x' } }]],
    [404, 'AGENT_NOT_FOUND', 'retiring an unknown agent', () => ['DELETE', `/agents/${unknownId}`]],
    [422, 'AGENT_RETIRED', 'changing a retired agent', () => ['PATCH', `/agents/${agents.retired.id}`, { body: { name: 'x' } }]],
    [409, 'AGENT_ALREADY_RETIRED', 'retiring a retired agent', () => ['DELETE', `/agents/${agents.retired.id}`]],
    [422, 'STATUS_NOT_ALLOWED', 'making an agent active by hand', () => ['PATCH', `/agents/${agents.pending.id}`, { body: { status: 'active', name: 'x' } }]],
    [409, 'AGENT_ALREADY_RETIRED', 'halting a retired agent', () => ['POST', `/agents/${agents.retired.id}/halt`]],
    [404, 'AGENT_NOT_FOUND', "halting another tenant's agent", () => ['POST', `/agents/${agents.foreign.id}/halt`]],
    [422, 'GRANTEE_NOT_ALLOWED', 'a grantee where none is allowed', () => ['POST', `/agents/${agents.pending.id}/certify`, { body: { grantee_principal_arn: 'arn:aws:iam::123456789012:role/trader' } }]],
    [404, 'CERTIFICATE_NOT_FOUND', "renewing another tenant's certificate", () => ['POST', `/certificates/${certificates.foreign.id}/renew`]],
    [409, 'CERTIFICATE_ALREADY_REVOKED', 'renewing a revoked certificate', () => ['POST', `/certificates/${certificates.revoked.id}/renew`]],
    [422, 'CERTIFICATE_EXPIRED', 'renewing an expired certificate', () => ['POST', `/certificates/${certificates.expired.id}/renew`]],
    [404, 'CERTIFICATE_NOT_FOUND', 'reading an unknown certificate', () => ['GET', `/certificates/${unknownId}`]],
    [400, 'INVALID_CURSOR', 'a cursor of no list of ours', () => ['GET', '/agents?cursor=bm9uc2Vuc2U']],
    [404, 'CERTIFICATE_NOT_FOUND', 'verifying what was never issued', () => ['GET', `/verify/${'7F'.repeat(16)}`, { key: null }]],
    [400, 'INVALID_SERIAL_NUMBER', 'verifying what is no serial', () => ['GET', '/verify/hello', { key: null }]],
    [404, 'AGENT_NOT_FOUND', 'an event of an unknown agent', () => ['POST', '/events', { body: { agent_id: unknownId, action_type: 'api_call' } }]],
    [422, 'AGENT_RETIRED', 'an event of a retired agent', () => ['POST', '/events', { body: { agent_id: agents.retired.id, action_type: 'api_call' } }]],
    [404, 'AGENT_NOT_FOUND', 'a risk score of an unknown agent', () => ['POST', '/risk-scores', { body: { agent_id: unknownId, score: 1 } }]],
  ])('%i %s: %s', (status, code, _, request) => refused(status, code, request()));

  test('422 for an event of a suspended agent', async () => {
    const { agent_id } = await tables.certificate(certificates.revoked.id).then(({ agentId }) => ({ agent_id: agentId }));
    await refused(422, 'AGENT_SUSPENDED', ['POST', '/events', { body: { agent_id, action_type: 'api_call' } }]);
  });
});

/** Every route with its name; path parameters stand for what never existed. */
const endpoints = Object.entries(routes as Record<string, Route>).map(([name, route]) => ({ name, ...route, url: route.path.replace(/\{\w+\}/, unknownId) }));
const endpointsWithKey = endpoints.flatMap(({ access, ...endpoint }) => (access === 'public' ? [] : [{ ...endpoint, scope: access }]));
const endpointsWithBody = endpointsWithKey.filter(({ method }) => method !== 'GET');

describe('401', () => {
  test.each(endpointsWithKey)('$method $path without a key', async ({ method, url }) => {
    const { headers } = await refused(401, 'UNAUTHORIZED', [method, url, { key: null }]);
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  test.each(['kak_test_unknown', 'kak_live_acme', 'kak_test_acmeX', 'kak_test_acm', `kak_live_${'a'.repeat(43)}`])('for the unknown key %s', (key) => refused(401, 'UNAUTHORIZED', ['GET', '/agents', { key }]));

  test('for a key in the query or another header', () =>
    refused(401, 'UNAUTHORIZED', ['GET', '/agents?api_key=kak_test_acme', { key: null, headers: { 'x-api-key': runtime.keys.acme } }]));

  test('for a key from the moment it is revoked', async () => {
    const key = await tables.addKey({ tenantId: acmeId });
    expect((await runtime.call('GET', '/agents', { key })).status).toBe(200);
    await tables.revokeKey(key);
    await refused(401, 'UNAUTHORIZED', ['GET', '/agents', { key }]);
  });

  test('for a key from the moment it expires', async () => {
    const until = (milliseconds: number) => ({ tenantId: acmeId, expiresAt: new Date(Date.now() + milliseconds).toISOString() });
    expect((await runtime.call('GET', '/agents', { key: await tables.addKey(until(60_000)) })).status).toBe(200);
    await refused(401, 'UNAUTHORIZED', ['GET', '/agents', { key: await tables.addKey(until(0)) }]);
  });

  test('is said before anything else is looked at', () => refused(401, 'UNAUTHORIZED', ['POST', `/agents/${agents.active.id}/certify`, { key: null, body: 'not json' }]));
});

describe('403', () => {
  test.each(endpointsWithKey)('$method $path with every scope but $scope, and not with that one alone', async ({ method, url, scope }) => {
    const lacking = await tables.addKey({ tenantId: acmeId, scopes: scopes.filter((other) => other !== scope) });
    const { body } = await refused(403, 'FORBIDDEN', [method, url, { key: lacking }]);
    expect(body.error).toContain(scope);
    const having = await tables.addKey({ tenantId: acmeId, scopes: [scope] });
    expect([200, 400, 404]).toContain((await runtime.call(method, url, { key: having })).status);
  });

  test('is said before the body is looked at', async () => {
    const key = await tables.addKey({ tenantId: acmeId, scopes: ['agents:read'] });
    await refused(403, 'FORBIDDEN', ['POST', '/agents', { key, body: 'not json' }]);
  });

  test.each(endpointsWithKey.filter(({ scope }) => !['agents:read', 'agents:sign', 'events:read', 'events:write'].includes(scope)))("$method $path with an agent's own key, whatever scopes it was written with", async ({ method, url }) => {
    const key = await tables.addKey({ tenantId: acmeId, agentId: agents.active.id, scopes });
    await refused(403, 'FORBIDDEN', [method, url, { key }]);
  });
});

describe('404 for paths', () => {
  test.each(['/', '/agent', '/agents/', `/agents/${unknownId}/`, `/agents/${unknownId}/sign/x`, '/Agents', '/verify', '/verify/', '/ca/root', '/tenants', '/keys', '/../v1x/agents', '//agents', '/%61gents/x/y'])(
    '%s', (path) => refused(404, 'NOT_FOUND', ['GET', path, { key: null }]));

  test('outside the base path', async () => {
    const { origin } = new URL(runtime.url);
    for (const path of ['', '/', '/v2/health', '/health', basePath]) {
      const response = await fetch(origin + path);
      expectProblem({ status: response.status, headers: response.headers, body: await response.json() }, 404, 'NOT_FOUND');
    }
  });
});

describe('405', () => {
  const methodsOf = new Map<string, string[]>();
  for (const { method, path, aliases = [] } of endpoints) for (const each of [path, ...aliases]) methodsOf.set(each, [...(methodsOf.get(each) ?? []), method].sort());
  const rows = [...methodsOf].flatMap(([path, allowed]) =>
    ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((method) => !allowed.includes(method)).map((method) => ({ method, path, allowed: allowed.join(', ') })));

  test.each(rows)('$method $path allows $allowed', async ({ method, path, allowed }) => {
    const reply = await runtime.call(method, path.replace(/\{\w+\}/, unknownId));
    expectProblem(reply, 405, 'METHOD_NOT_ALLOWED');
    expect(reply.headers.get('allow')).toBe(allowed);
  });
});

describe('413', () => {
  const padded = (bytes: number) => JSON.stringify(minimalAgent).padEnd(bytes);

  test('not for exactly 64 KiB', async () => {
    expect(maximumBodyBytes).toBe(65_536);
    expect((await runtime.call('POST', '/agents', { body: padded(65_536) })).status).toBe(201);
    await runtime.idle();
  });

  test.each(endpointsWithBody)('$method $path with a byte more', ({ method, url }) => refused(413, 'PAYLOAD_TOO_LARGE', [method, url, { body: padded(65_537) }]));

  test('counts bytes, not characters', async () => {
    const body = (characters: number) => JSON.stringify({ ...minimalAgent, ignored: '' }).replace('""', `"${'é'.repeat(characters)}"`);
    const most = Math.floor((65_536 - body(0).length) / 2);
    expect((await runtime.call('POST', '/agents', { body: body(most) })).status).toBe(201);
    await runtime.idle();
    await refused(413, 'PAYLOAD_TOO_LARGE', ['POST', '/agents', { body: body(most + 1) }]);
  });

  test('for more than a mebibyte, which nobody reads', () => refused(413, 'PAYLOAD_TOO_LARGE', ['POST', '/agents', { body: padded(1024 * 1024 + 1) }]));
});

describe('400 for a body that is not a JSON object', () => {
  const bytes = (...octets: number[]) => Uint8Array.from([...Buffer.from('{"reason":"'), ...octets, ...Buffer.from('"}')]);
  const notAnObject = ['[]', '[{"name":"x"}]', '"text"', '42', 'null', 'true'];
  const notJson = ['not json', ' ', '{', '{}{}', '{} x', "{'reason':'x'}", '{"reason":"x",}', '{reason:"x"}', '{"score":NaN}', '{"score":.5}', '{"score":0x1}', '{"reason":"a\nb"}', '{"a":"\\x41"}', '// c\n{}', 'reason=x'];
  const brokenUtf8 = [bytes(0xff), bytes(0xc3), bytes(0xc0, 0x80), bytes(0xed, 0xa0, 0x80), bytes(0xf5, 0x80, 0x80, 0x80), Buffer.from('{"reason":"x"}', 'utf16le')];
  const tooDeep = [`{"reason":${'['.repeat(30_000)}${']'.repeat(30_000)}}`];
  const bodies = [...notAnObject, ...notJson, ...brokenUtf8];

  const prototypeKeys = ['{"__proto__":{"admin":true}}', '{"reason":"x","metadata":{"__proto__":1}}', '{"metadata":{"a":[{"b":{"__proto__":null}}]}}', '{"\\u005f_proto__":1}', '{"ignored":{"__proto__":{}}}'];

  test.each(endpointsWithBody)('$method $path', async ({ method, url, strictJson = false }) => {
    const before = await tables.contents();
    // Of what is signed it is said where it is too deep: test/http/strict-json.test.ts.
    for (const body of [...bodies, ...(strictJson ? [] : tooDeep)]) expectProblem(await runtime.call(method, url, { body }), 400, 'INVALID_JSON');
    for (const body of prototypeKeys) expectProblem(await runtime.call(method, url, { body }), 400, 'VALIDATION_FAILED', { issues: [expect.stringMatching(/(^|\.)__proto__$/)] });
    expect(await tables.changesSince(before)).toEqual([]);
  });

  test('but a byte order mark, white space and any content type are let pass', async () => {
    for (const body of [`\ufeff${JSON.stringify(minimalAgent)}`, `\r\n\t ${JSON.stringify(minimalAgent)} \n`]) {
      expect((await runtime.call('POST', '/agents', { body, headers: { 'content-type': 'text/plain' } })).status).toBe(201);
    }
  });

  test.each(['{"a":"\\u0000"}', '{"constructor":{"prototype":{"a":1}}}', '{"proto":1,"_proto_":2}'])('and not for %s', async (body) => {
    expect((await runtime.call('PATCH', `/agents/${agents.pending.id}`, { body })).status).toBe(200);
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});

test('every answer has a request id of its own', async () => {
  const paths = ['/health', '/ca', '/agents', '/nowhere', `/agents/${unknownId}`, '/verify/x'];
  const replies = await Promise.all([...paths, ...paths].map((path) => runtime.call('GET', path, { headers: { 'x-request-id': 'mine' } })));
  const ids = replies.map(({ headers }) => headers.get('x-request-id'));
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
});
