import { createHash, randomUUID, verify, X509Certificate } from 'node:crypto';
import { GetKeyPolicyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { accountId, localCredentials, region } from '../../local/account.ts';
import { localRoleArns } from '../../local/environment.ts';
import { certifiedAgent, certify, dataOf, minimalAgent, registerAgent, revoke, unknownId } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { openssl } from '../support/openssl.ts';
import { expectProblem, type ExpectedProblem } from '../support/problems.ts';
import { openRegistry } from '../support/registry.ts';
import { startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

/* POST /agents/{id}/sign: what is signed, by whom, for whom, and what is written of it. Tokens: sign-token.test.ts. */

let runtime: TestRuntime;
let tables: Tables;
let call: Call;

let agent: { id: string; tenant_id: string };
let certificate: { id: string; serial_number: string; certificate_pem: string; kms_key_arn: string };

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  ({ call } = runtime);
  ({ agent, certificate } = await certifiedAgent(call));
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest();
const requestSigning = (body: unknown, id = agent.id, key: string = runtime.keys.acme) => call('POST', `/agents/${id}/sign`, { body, key });
const signed = async (body: unknown, id = agent.id) => dataOf(await requestSigning(body, id), 200);
const isSigned = (data: string | Uint8Array, signature: string, pem = certificate.certificate_pem) =>
  verify('sha256', Buffer.from(data), new X509Certificate(pem).publicKey, Buffer.from(signature, 'base64'));

const signaturesOf = async (agentId: string) => (await tables.auditOf(agentId)).filter(({ eventType }) => eventType === 'message.signed');

describe('a payload', () => {
  test('is signed in its canonical form, with every field of the answer', async () => {
    const canonical = '{"":"","a":[1,"é",null],"b":{"x":1e+21,"y":0}}';
    const data = await signed('{"payload": { "b": {"y": -0, "x": 1000e18 }, "a": [1.0, "\\u00e9", null], "": "" }}');
    expect(data).toStrictEqual({
      signature: expect.stringMatching(/^[A-Za-z0-9+/]{342}==$/),
      algorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
      certificate_serial: certificate.serial_number,
      payload_hash: sha256(canonical).toString('hex'),
      signed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(Math.abs(Date.parse(data.signed_at) - Date.now())).toBeLessThan(10_000);
    expect(isSigned(canonical, data.signature)).toBe(true);
  });

  test('verifies with openssl and the certificate alone', async () => {
    const { signature } = await signed({ payload: { amount_usd: 50_000, action: 'execute' } });
    const key = openssl(['x509', '-in', 'agent.pem', '-pubkey', '-noout'], { 'agent.pem': certificate.certificate_pem }).stdout;
    const files = { 'key.pem': key, signature: Buffer.from(signature, 'base64'), message: '{"action":"execute","amount_usd":50000}' };
    expect(openssl(['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'signature', 'message'], files).stdout.trim()).toBe('Verified OK');
  });

  test('may be any object, empty or of 64 levels', async () => {
    const deep = `${'{"a":'.repeat(63)}{}${'}'.repeat(63)}`;
    for (const payload of ['{}', '{"":{"":[]}}', '{"constructor":{"prototype":1,"toJSON":null}}', deep]) {
      expect(isSigned(payload, (await signed(`{"payload":${payload}}`)).signature)).toBe(true);
    }
    const { status } = await requestSigning(`{"payload":{"a":${deep}}}`);
    expect(status).toBe(400);
  });
});

describe('a digest', () => {
  test('is signed as it is', async () => {
    const message = Buffer.from('what the caller has hashed');
    const data = await signed({ digest: sha256(message).toString('base64') });
    expect(data).toMatchObject({ payload_hash: sha256(message).toString('hex'), certificate_serial: certificate.serial_number });
    expect(data).not.toHaveProperty('token');
    expect(isSigned(message, data.signature)).toBe(true);
  });

  test('is taken in base64url and without padding', async () => {
    const digest = Buffer.from('fbef'.repeat(16), 'hex');
    for (const text of [digest.toString('base64'), digest.toString('base64url'), digest.toString('base64').replace('=', ''), `${digest.toString('base64url')}=`]) {
      expect((await signed({ digest: text })).payload_hash).toBe(digest.toString('hex'));
    }
  });

  test('of a payload’s canonical form has the same signature as the payload', async () => {
    const { signature, payload_hash } = await signed({ payload: { b: 2, a: 1 } });
    expect(await signed({ digest: sha256('{"a":1,"b":2}').toString('base64') })).toMatchObject({ signature, payload_hash });
  });
});

describe('the audit trail', () => {
  test('has an entry for each signature: what kind, of what, with which certificate, by which key', async () => {
    const { agent: own, certificate: issued } = await certifiedAgent(call);
    const first = await signed({ payload: { a: 1 } }, own.id);
    const second = await signed({ payload: { a: 1 } }, own.id);
    const third = await signed({ digest: sha256('x').toString('base64') }, own.id);
    const entries = await signaturesOf(own.id);
    expect(entries.map(({ metadata, createdAt }) => [metadata, createdAt])).toEqual([
      [{ kind: 'payload', payload_hash: first.payload_hash, certificate_serial: issued.serial_number }, first.signed_at],
      [{ kind: 'payload', payload_hash: first.payload_hash, certificate_serial: issued.serial_number }, second.signed_at],
      [{ kind: 'digest', payload_hash: third.payload_hash, certificate_serial: issued.serial_number }, third.signed_at],
    ]);
    expect(entries[0]).toMatchObject({ tenantId: own.tenant_id, actor: { type: 'api_key', id: expect.any(String) }, description: `Message signed in the name of agent ${minimalAgent.name}` });
    expect(JSON.stringify(entries)).not.toContain(first.signature);
  });
});

/** Sends a request and expects it to be refused like this, and to have changed nothing. */
async function refused(status: number, code: string, body: unknown, id?: string, expected: ExpectedProblem = {}, key?: string): Promise<void> {
  await runtime.idle(); // What follows from a revocation is written later.
  const before = await tables.contents();
  expectProblem(await requestSigning(body, id, key), status, code, expected);
  expect(await tables.changesSince(before)).toEqual([]);
}

describe('exactly one thing is signed', () => {
  const digest = Buffer.alloc(32).toString('base64');

  test.each<[string, object, string[]]>([
    ['nothing', {}, ['payload']],
    ['null', { payload: null, digest: null, jwt: null }, ['payload']],
    ['a payload and a digest', { payload: {}, digest }, ['digest']],
    ['a payload and claims', { payload: {}, jwt: {} }, ['jwt']],
    ['a digest and claims', { digest, jwt: {} }, ['jwt']],
    ['all three', { payload: {}, digest, jwt: {} }, ['digest', 'jwt']],
  ])('and not %s', (_, body, issues) => refused(400, 'VALIDATION_FAILED', body, agent.id, { issues }));

  test('null is nothing', async () => {
    expect((await requestSigning({ payload: {}, digest: null, jwt: null })).status).toBe(200);
  });

  test.each<[string, string, string]>([
    ['a key twice', '{"payload":{"a":1,"\\u0061":2}}', 'payload.a'],
    ['a number that no double holds', '{"payload":{"a":1e400}}', 'payload.a'],
    ['half a surrogate pair', '{"payload":{"a":["\\ud800"]}}', 'payload.a.0'],
    ['too many levels', `{"payload":${'{"a":'.repeat(64)}{}${'}'.repeat(64)}}`, ['payload', ...new Array(64).fill('a')].join('.')],
  ])('and nothing with %s, wherever', async (_, body, path) => {
    await refused(400, 'VALIDATION_FAILED', body, agent.id, { issues: [path] });
    await refused(400, 'VALIDATION_FAILED', body.replace('payload', 'jwt'), agent.id, { issues: [path.replace('payload', 'jwt')] });
  });
});

describe('nothing is signed', () => {
  const body = { payload: { a: 1 } };

  test('without an agent, or for another tenant’s', async () => {
    const foreign = await certifiedAgent(call, {}, { key: runtime.keys.globex });
    for (const id of [unknownId, foreign.agent.id, 'agent-1', certificate.id]) await refused(404, 'AGENT_NOT_FOUND', body, id);
  });

  test('before the agent is certified', async () => {
    await refused(422, 'CERTIFICATE_NOT_ACTIVE', body, (await registerAgent(call)).id);
  });

  test('once its certificate is revoked, and again when it has another', async () => {
    const { agent: own, certificate: first } = await certifiedAgent(call);
    await revoke(call, first.id);
    await refused(422, 'AGENT_SUSPENDED', body, own.id);
    dataOf(await call('PATCH', `/agents/${own.id}`, { body: { status: 'pending' } }), 200);
    await refused(422, 'CERTIFICATE_NOT_ACTIVE', body, own.id);
    const second = await certify(call, own.id);
    const { signature, certificate_serial } = await signed(body, own.id);
    expect(certificate_serial).toBe(second.serial_number);
    expect(isSigned('{"a":1}', signature, second.certificate_pem)).toBe(true);
  });

  test('once its certificate has expired', async () => {
    const { agent: own, certificate: expired } = await certifiedAgent(call);
    await tables.expireCertificate(expired.id);
    await refused(422, 'CERTIFICATE_NOT_ACTIVE', body, own.id);
  });

  test('where the certificate alone is known to have expired: KMS signs, and the signature stays here', async () => {
    const { agent: own, certificate: expired } = await certifiedAgent(call);
    await tables.expireRecord(expired.id);
    await refused(422, 'CERTIFICATE_NOT_ACTIVE', body, own.id);
  });

  test('with a certificate that was issued before agents could sign, until it is renewed', async () => {
    const { agent: own, certificate: issued } = await certifiedAgent(call);
    const registry = openRegistry(runtime);
    const { activeCertificate: { certificateDer: _, ...pointer } } = (await registry.get(`AGENT#${own.id}`, 'AGENT')) ?? { activeCertificate: {} };
    await registry.set(`AGENT#${own.id}`, 'AGENT', 'activeCertificate', pointer);
    registry.close();
    const reply = await requestSigning(body, own.id);
    // Certifying would be refused, since there is a certificate.
    expectProblem(reply, 422, 'CERTIFICATE_NOT_ACTIVE', { data: { certificate_id: issued.id } });
    expect(reply.body.error).toContain('Renew it');
    dataOf(await call('POST', `/certificates/${issued.id}/renew`), 201);
    await signed(body, own.id);
  });

  test('for an agent that is suspended or retired', async () => {
    const { agent: own } = await certifiedAgent(call);
    dataOf(await call('PATCH', `/agents/${own.id}`, { body: { status: 'suspended' } }), 200);
    await refused(422, 'AGENT_SUSPENDED', body, own.id);
    dataOf(await call('DELETE', `/agents/${own.id}`), 200);
    await refused(422, 'AGENT_RETIRED', body, own.id);
  });

  test('but what the agent is called may be edited meanwhile', async () => {
    const { agent: own, certificate: issued } = await certifiedAgent(call);
    dataOf(await call('PATCH', `/agents/${own.id}`, { body: { name: 'Another', metadata: { a: 1 }, permitted_actions: null } }), 200);
    expect((await signed(body, own.id)).certificate_serial).toBe(issued.serial_number);
  });
});

describe('an agent’s own key', () => {
  const body = { payload: { a: 1 } };

  test('signs for that agent alone; the tenant’s other agents are nobody’s to it', async () => {
    const key = await tables.addKey({ tenantId: agent.tenant_id, agentId: agent.id, scopes: ['agents:sign'] });
    expect(dataOf(await requestSigning(body, agent.id, key), 200).certificate_serial).toBe(certificate.serial_number);
    const { agent: other } = await certifiedAgent(call);
    const replies = await Promise.all([other.id, randomUUID()].map((id) => requestSigning(body, id, key)));
    for (const reply of replies) expectProblem(reply, 404, 'AGENT_NOT_FOUND');
    expect(replies[0]?.body.error).toBe(replies[1]?.body.error);
    await refused(404, 'AGENT_NOT_FOUND', body, other.id, {}, key);
  });

  test('does not sign without the scope', async () => {
    const key = await tables.addKey({ tenantId: agent.tenant_id, agentId: agent.id, scopes: scopes.filter((scope) => scope !== 'agents:sign') });
    await refused(403, 'FORBIDDEN', body, agent.id, {}, key);
  });
});

test('a new key’s policy lets the signing role sign digests with it, and does so by name', async () => {
  const kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
  const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId: certificate.kms_key_arn }));
  kms.destroy();
  const statement = (Sid: string, principal: string, Action: string | string[]) => ({ Sid, Effect: 'Allow', Principal: { AWS: principal }, Action, Resource: '*' });
  expect(JSON.parse(Policy)).toStrictEqual({
    Version: '2012-10-17',
    Statement: [
      statement('AccountDecides', `arn:aws:iam::${accountId}:root`, 'kms:*'),
      statement('CreatorReadsAndUndoes', localRoleArns.certifier, ['kms:GetPublicKey', 'kms:ScheduleKeyDeletion']),
      statement('RetirerSchedulesDeletion', localRoleArns.keyRetirer, 'kms:ScheduleKeyDeletion'),
      {
        ...statement('SignerSignsDigests', localRoleArns.messageSigner, 'kms:Sign'),
        Condition: { StringEquals: { 'kms:SigningAlgorithm': 'RSASSA_PKCS1_V1_5_SHA_256', 'kms:MessageType': 'DIGEST' } },
      },
    ],
  });
});
