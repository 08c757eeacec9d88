import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certificateIdOf } from '../../lambdas/pki/serial-number.ts';
import { certifiedAgent, certify, dataOf, fullAgent, readAgent, registerAgent, revoke, unknownId } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { openssl } from '../support/openssl.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Call, type Reply, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
/** Without a key. */
let anyone: Call;

/** One agent with every field, and its certificate; never changed by any test. */
let agent: { id: string; tenant_id: string };
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer of the API, read field by field
let certificate: any;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  ({ call } = runtime);
  anyone = caller(runtime.url, null);
  ({ agent, certificate } = await certifiedAgent(call, fullAgent));
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const wholeSecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const days = 86_400_000;

describe('POST /agents/{id}/certify', () => {
  test('answers the certificate, every field of it', async () => {
    const pending = await registerAgent(call);
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { status, body, headers } = await call('POST', `/agents/${pending.id}/certify`);
    const after = Date.now();
    expect(status).toBe(201);
    expect(body).toStrictEqual({
      data: {
        id: expect.stringMatching(/^[0-7][0-9a-f]{7}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        agent_id: pending.id,
        tenant_id: pending.tenant_id,
        serial_number: body.data.id.replaceAll('-', '').toUpperCase(),
        certificate_pem: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n$/),
        pem: body.data.certificate_pem,
        kms_key_arn: expect.stringMatching(/^arn:aws:kms:eu-west-1:\d{12}:key\/[0-9a-f-]{36}$/),
        grantee_principal_arn: null,
        permitted_actions: [],
        financial_scope: null,
        status: 'active',
        issued_at: expect.stringMatching(wholeSecond),
        expires_at: expect.stringMatching(wholeSecond),
        revoked_at: null,
        revocation_reason: null,
      },
    });
    expect(headers.get('cache-control')).toBe('no-store');
    const issuedAt = Date.parse(body.data.issued_at);
    expect(issuedAt).toBeGreaterThanOrEqual(before);
    expect(issuedAt).toBeLessThanOrEqual(after);
    expect(Date.parse(body.data.expires_at) - issuedAt).toBe(365 * days);
  });

  test('what it answers is what is in the certificate', () => {
    const x509 = new X509Certificate(certificate.certificate_pem);
    expect(x509.serialNumber.padStart(32, '0')).toBe(certificate.serial_number);
    expect(certificateIdOf(x509.serialNumber.padStart(32, '0'))).toBe(certificate.id);
    expect(x509.subject).toBe(`O=${fullAgent.operator_org}\nCN=${agent.id}`);
    expect(x509.issuer).toBe('O=Kakunin\nCN=Kakunin Agent Issuing CA 1');
    expect(x509.subjectAltName).toBe(`URI:urn:kakunin:agent:${agent.id}`);
    expect(x509.publicKey.asymmetricKeyType).toBe('rsa');
    expect(x509.publicKey.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65_537n });
    expect(Date.parse(x509.validFrom)).toBe(Date.parse(certificate.issued_at));
    // Both ends count (RFC 5280 §4.1.2.5): the last second is the one before expires_at.
    expect(Date.parse(x509.validTo)).toBe(Date.parse(certificate.expires_at) - 1000);
  });

  test('openssl verifies it with the authorities of GET /ca', async () => {
    const { issuing, root } = await authorityPems(anyone);
    const files = { 'root.pem': root, 'issuing.pem': issuing, 'agent.pem': certificate.certificate_pem };
    const { stdout, stderr, status } = openssl(['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'agent.pem'], files);
    expect([stdout, stderr, status]).toEqual(['agent.pem: OK\n', '', 0]);
    expect(openssl(['verify', '-x509_strict', '-CAfile', 'root.pem', 'agent.pem'], files).status).not.toBe(0);
  });

  test('a revocation in between leads to another key and another certificate', async () => {
    const { agent: again, certificate: first } = await certifiedAgent(call);
    await revoke(call, first.id);
    const second = await certify(call, again.id);
    expect(second.id).not.toBe(first.id);
    expect(second.kms_key_arn).not.toBe(first.kms_key_arn);
    const keyOf = ({ certificate_pem }: { certificate_pem: string }) => new X509Certificate(certificate_pem).publicKey.export({ type: 'spki', format: 'pem' });
    expect(keyOf(second)).not.toBe(keyOf(first));
  });

  test('an expired certificate is no obstacle, and stays expired', async () => {
    const { agent: again, certificate: first } = await certifiedAgent(call);
    await tables.expireCertificate(first.id);
    const second = await certify(call, again.id);
    const { certificates, status } = await readAgent(call, again.id);
    expect(status).toBe('active');
    expect(certificates).toMatchObject([{ id: second.id, status: 'active' }, { id: first.id, status: 'expired' }]);
    expectProblem(await call('POST', `/agents/${again.id}/certify`), 409, 'ACTIVE_CERTIFICATE_EXISTS', { data: { certificate_id: second.id } });
  });

  test('is in the audit trail', async () => {
    expect(await tables.auditOf(certificate.id)).toMatchObject([{ eventType: 'certificate.issued', tenantId: agent.tenant_id, actor: { type: 'api_key' }, metadata: { agent_id: agent.id } }]);
  });
});

describe('GET /certificates/{id}', () => {
  test('answers what certify answered', async () => {
    const { status, body } = await call('GET', `/certificates/${certificate.id}`);
    expect([status, body]).toStrictEqual([200, { data: certificate }]);
  });

  test('says what the agent was permitted when it was signed, here and with the agent', async () => {
    const { permitted_actions, financial_scope } = fullAgent;
    expect(certificate).toMatchObject({ permitted_actions, financial_scope });
    const { agent: edited, certificate: signed } = await certifiedAgent(call, { permitted_actions, financial_scope });
    await call('PATCH', `/agents/${edited.id}`, { body: { permitted_actions: ['other'], financial_scope: null } });
    expect(dataOf(await call('GET', `/certificates/${signed.id}`), 200)).toMatchObject({ permitted_actions, financial_scope });
    expect(await readAgent(call, edited.id)).toMatchObject({ permitted_actions: ['other'], certificates: [{ permitted_actions, financial_scope }] });
  });

  test('takes the id in upper case too, but no serial', async () => {
    expect(dataOf(await call('GET', `/certificates/${certificate.id.toUpperCase()}`), 200)).toStrictEqual(certificate);
    expectProblem(await call('GET', `/certificates/${certificate.serial_number}`), 404, 'CERTIFICATE_NOT_FOUND');
  });
});

describe('POST /certificates/{id}/revoke', () => {
  test('answers the revocation, every field of it, and suspends the agent', async () => {
    const { agent: suspended, certificate: active } = await certifiedAgent(call);
    const before = Math.floor(Date.now() / 1000) * 1000;
    const reply = await call('POST', `/certificates/${active.id}/revoke`, { body: { reason: 'Key lost\non the train.' } });
    expect([reply.status, reply.body]).toStrictEqual([200, {
      data: {
        id: active.id,
        certificate_id: active.id,
        agent_id: suspended.id,
        serial_number: active.serial_number,
        status: 'revoked',
        revoked_at: expect.stringMatching(wholeSecond),
        revocation_reason: 'Key lost\non the train.',
        reason: 'Key lost\non the train.',
        reason_code: 'unspecified',
      },
    }]);
    const { revoked_at, revocation_reason } = reply.body.data;
    expect(Date.parse(revoked_at)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(revoked_at)).toBeLessThanOrEqual(Date.now());

    const shown = { ...active, status: 'revoked', revoked_at, revocation_reason };
    expect(dataOf(await call('GET', `/certificates/${active.id}`), 200)).toStrictEqual(shown);
    expect(await readAgent(call, suspended.id)).toMatchObject({ status: 'suspended', certificates: [shown] });

    const [, revoked] = await tables.auditOf(active.id);
    expect(revoked).toMatchObject({ eventType: 'certificate.revoked', actor: { type: 'api_key' }, metadata: { agent_id: suspended.id, reason: revocation_reason, reason_code: 'unspecified' } });
    expect((await tables.auditOf(suspended.id)).at(-1)).toMatchObject({ eventType: 'agent.suspended', createdAt: revoked?.['createdAt'], metadata: { certificate_id: active.id } });
  });

  test.each([['reason_code', 'keyCompromise'], ['reasonCode', 'cessationOfOperation'], ['reason_code', null]])('with %s %s', async (field, reasonCode) => {
    const { certificate: active } = await certifiedAgent(call);
    const revocation = await revoke(call, active.id, { body: { reason: 'r'.repeat(500), [field]: reasonCode } });
    expect(revocation).toMatchObject({ reason: 'r'.repeat(500), reason_code: reasonCode ?? 'unspecified' });
    expect(await tables.certificate(active.id)).toMatchObject({ status: 'revoked', reasonCode: reasonCode ?? 'unspecified' });
  });

  test('of five at once, one is performed and four are told that it was', async () => {
    const { agent: suspended, certificate: active } = await certifiedAgent(call);
    const replies = await Promise.all([1, 2, 3, 4, 5].map((number) => call('POST', `/certificates/${active.id}/revoke`, { body: { reason: `Reason ${number}` } })));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    for (const reply of replies.filter(({ status }) => status === 409)) expectProblem(reply, 409, 'CERTIFICATE_ALREADY_REVOKED');
    const winner = replies.find(({ status }) => status === 200) as Reply;
    expect(dataOf(await call('GET', `/certificates/${active.id}`), 200).revocation_reason).toBe(winner.body.data.reason);
    expect((await tables.auditOf(suspended.id)).map(({ eventType }) => eventType)).toEqual(['agent.created', 'agent.suspended']);
  });

  test('stays a revocation once the certificate would have expired', async () => {
    const { agent: again, certificate: first } = await certifiedAgent(call);
    await revoke(call, first.id);
    await certify(call, again.id);
    await tables.expireRecord(first.id);
    expect(dataOf(await anyone('GET', `/verify/${first.serial_number}`), 200)).toMatchObject({ status: 'revoked', valid: false });
    expectProblem(await call('POST', `/certificates/${first.id}/revoke`, { body: { reason: 'x' } }), 409, 'CERTIFICATE_ALREADY_REVOKED');
  });
});

describe('GET /certificates', () => {
  let tenant: Call;
  let newestFirst: { id: string; agent_id: string; status: string }[];
  const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

  beforeAll(async () => {
    tenant = caller(runtime.url, await tables.addKey({ tenantId: unknownId }));
    const { agent: first, certificate: revoked } = await certifiedAgent(tenant);
    await revoke(tenant, revoked.id);
    const { certificate: expired } = await certifiedAgent(tenant);
    await tables.expireCertificate(expired.id);
    const again = await certify(tenant, first.id);
    const { certificate: other } = await certifiedAgent(tenant);
    newestFirst = [other, again, { ...expired, status: 'expired' }, { ...revoked, status: 'revoked' }];
  });

  test('of a tenant that has none', async () => {
    const none = caller(runtime.url, await tables.addKey({ tenantId: '11111111-1111-4111-8111-111111111111' }));
    const { status, body } = await none('GET', '/certificates');
    expect([status, body]).toStrictEqual([200, { data: [], meta: { limit: 20 }, pagination: { limit: 20, has_next_page: false, next_cursor: null } }]);
  });

  test('shows certificates as they are read one by one, newest first', async () => {
    const { body } = await tenant('GET', '/certificates');
    const read = await Promise.all(newestFirst.map(async ({ id }) => dataOf(await tenant('GET', `/certificates/${id}`), 200)));
    expect(body.data).toStrictEqual(read);
    expect(body.data.map(({ status }: { status: string }) => status)).toEqual(['active', 'active', 'expired', 'revoked']);
  });

  test.each(['active', 'revoked', 'expired'])('by the status %s', async (status) => {
    const { body } = await tenant('GET', `/certificates?status=${status}`);
    expect(ids(body.data)).toEqual(ids(newestFirst.filter((each) => each.status === status)));
    expect(new Set(body.data.map((each: { status: string }) => each.status))).toEqual(new Set([status]));
  });

  test('by agent, and by both', async () => {
    const { agent_id } = newestFirst[1] as { agent_id: string };
    const ofAgent = newestFirst.filter((each) => each.agent_id === agent_id);
    expect(ofAgent).toHaveLength(2);
    expect(ids((await tenant('GET', `/certificates?agent_id=${agent_id}`)).body.data)).toEqual(ids(ofAgent));
    expect(ids((await tenant('GET', `/certificates?agent_id=${agent_id.toUpperCase()}&status=revoked`)).body.data)).toEqual(ids(ofAgent.slice(1)));
    expect((await tenant('GET', `/certificates?agent_id=${unknownId}`)).body.data).toEqual([]);
  });

  test.each([['', 4], ['status=active&', 2], ['limit=3&', 4]])('page by page: ?%s', async (filter, count) => {
    const limit = filter.includes('limit') ? '' : 'limit=1&';
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const { body }: Reply = await tenant('GET', `/certificates?${filter}${limit}${cursor === null ? '' : `cursor=${cursor}`}`);
      expect(body.pagination).toStrictEqual({ limit: limit === '' ? 3 : 1, has_next_page: body.pagination.next_cursor !== null, next_cursor: body.pagination.next_cursor });
      found.push(...ids(body.data));
      cursor = body.pagination.next_cursor;
    } while (cursor !== null);
    expect(found).toEqual(ids(newestFirst.filter(({ status }) => !filter.includes('status') || status === 'active')));
    expect(found).toHaveLength(count);
  });
});
