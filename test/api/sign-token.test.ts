import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader, errors, importX509, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { certifiedAgent, dataOf, fullAgent } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { keyPool } from '../support/key-pool.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { readTrust, verifyToken } from '../../verify/index.ts';

/* Tokens, as whoever receives one verifies them: with the jose library, and nothing of ours but the root certificate. */

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
let root: X509Certificate;
let agent: { id: string };
let certificate: { serial_number: string; certificate_pem: string };

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  ({ call } = runtime);
  root = new X509Certificate((await authorityPems(caller(runtime.url, null))).root);
  ({ agent, certificate } = await certifiedAgent(call, fullAgent));
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const signing = (jwt: object | string) => call('POST', `/agents/${agent.id}/sign`, { body: typeof jwt === 'string' ? `{"jwt":${jwt}}` : { jwt } });
const tokenOf = async (jwt: object | string): Promise<string> => dataOf(await signing(jwt), 200).token;

/** Verifies a token from its own header: x5c must lead to the root, and its first certificate's key have signed. */
async function verified(token: string, options: JWTVerifyOptions = {}): Promise<{ claims: JWTPayload; signer: X509Certificate }> {
  const { x5c = [] } = decodeProtectedHeader(token);
  const [signer, issuing, ...others] = x5c.map((der) => new X509Certificate(Buffer.from(der, 'base64')));
  if (signer === undefined || issuing === undefined || others.length > 0) throw new Error('The chain is to be the agent’s certificate and its issuer’s.');
  expect([signer.verify(issuing.publicKey), signer.checkIssued(issuing), issuing.verify(root.publicKey), issuing.checkIssued(root)]).toEqual([true, true, true, true]);
  const { payload } = await jwtVerify(token, await importX509(signer.toString(), 'RS256'), { algorithms: ['RS256'], typ: 'JWT', ...options });
  return { claims: payload, signer };
}

const now = () => Math.floor(Date.now() / 1000);

test('a token verifies from x5c alone, and says who the agent is', async () => {
  const reply = dataOf(await signing({ aud: 'https://exchange.example', nonce: 'n-1', scope: { trade: ['BTC-USD'] } }), 200);
  const { claims, signer } = await verified(reply.token, { audience: 'https://exchange.example', issuer: `urn:kakunin:agent:${agent.id}`, subject: `urn:kakunin:agent:${agent.id}` });
  expect(signer.raw.equals(new X509Certificate(certificate.certificate_pem).raw)).toBe(true);
  expect(signer.subjectAltName).toBe(`URI:${claims.sub}`);
  expect(claims).toStrictEqual({
    iss: `urn:kakunin:agent:${agent.id}`,
    sub: `urn:kakunin:agent:${agent.id}`,
    aud: 'https://exchange.example',
    iat: expect.any(Number),
    exp: Number(claims.iat) + 300,
    jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    nonce: 'n-1',
    scope: { trade: ['BTC-USD'] },
  });
  expect(Math.abs(Number(claims.iat) - now())).toBeLessThan(10);
});

test('the answer has the token’s signature and hash beside it', async () => {
  const { token, signature, payload_hash, algorithm, certificate_serial, signed_at } = dataOf(await signing({}), 200);
  const [header, claims, tokenSignature] = token.split('.');
  expect(Buffer.from(signature, 'base64').toString('base64url')).toBe(tokenSignature);
  expect([algorithm, certificate_serial]).toEqual(['RSASSA_PKCS1_V1_5_SHA_256', certificate.serial_number]);
  expect(signed_at).toMatch(/^\d{4}-.*Z$/);
  const presented = { digest: Buffer.from(payload_hash, 'hex').toString('base64'), signature, certificate_serial };
  expect(dataOf(await call('POST', '/verify/message', { body: presented, key: null }), 200).valid).toBe(true);
  expect(decodeProtectedHeader(token)).toMatchObject({ 'x5t#S256': Buffer.from(new X509Certificate(certificate.certificate_pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url') });
  expect(Buffer.from(header, 'base64url').toString()).toMatch(/^\{"alg":"RS256",/);
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString()).jti).toBe((await tables.auditOf(agent.id)).at(-1)?.['id']);
});

test('who says it, and when and as what, is ours to say', async () => {
  const forged = { iss: 'urn:kakunin:agent:another', sub: 'root', iat: 1, jti: 'again' };
  const { claims } = await verified(await tokenOf(forged));
  expect([claims.iss, claims.sub]).toEqual([`urn:kakunin:agent:${agent.id}`, `urn:kakunin:agent:${agent.id}`]);
  expect(Math.abs(Number(claims.iat) - now())).toBeLessThan(10);
  expect(claims.jti).not.toBe('again');
  expect((await verified(await tokenOf(forged))).claims.jti).not.toBe(claims.jti);
});

test('claims of any name and kind come through as they are', async () => {
  const others = { '': null, 'ü': 'ß', n: [1, -0.5, 1e21, true], o: { nested: { deep: [] } }, toJSON: 1, constructor: 'x', Iss: 'y', alg: 'none' };
  const { claims } = await verified(await tokenOf(others));
  expect(claims).toMatchObject(others);
  expect((await verified(await tokenOf({ aud: ['a', 'b'] }), { audience: 'b' })).claims.aud).toEqual(['a', 'b']);
});

describe('exp', () => {
  test('may be as late as in an hour', async () => {
    for (const seconds of [1 + 10, 600, 3600]) {
      const exp = now() + seconds;
      const { claims } = await verified(await tokenOf({ exp }));
      expect(claims.exp).toBe(exp);
      expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(3600);
    }
  });

  test.each<[string, () => unknown]>([
    ['later than that', () => now() + 3602],
    ['in a year', () => now() + 365 * 24 * 3600],
    ['past', () => now() - 1],
    ['now', () => now()],
    ['in milliseconds', () => Date.now() + 60_000],
    ['a part of a second', () => now() + 60.5],
    ['text', () => String(now() + 60)],
    ['null', () => null],
    ['0', () => 0],
    ['negative', () => -1],
  ])('may not be %s', async (_, exp) => {
    expectProblem(await signing({ exp: exp() }), 400, 'VALIDATION_FAILED', { issues: ['jwt.exp'] });
  });
});

test('a request that is repeated under its Idempotency-Key gets the same token, also once its exp is over', async () => {
  const repeated = (exp: number) => call('POST', `/agents/${agent.id}/sign`, { body: { jwt: { exp } }, headers: { 'idempotency-key': `exp-${exp}` } });
  const exp = now() + 2;
  const first = dataOf(await repeated(exp), 200);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  expect(now()).toBeGreaterThanOrEqual(exp);
  expect(dataOf(await repeated(exp), 200)).toStrictEqual(first);
  expectProblem(await repeated(exp - 1), 400, 'VALIDATION_FAILED', { issues: ['jwt.exp'] });
});

test('nbf must be before exp, given or not: a token that never begins is of use to nobody', async () => {
  for (const times of [{ nbf: now() + 200 }, { nbf: now() - 1000 }, { nbf: now() + 599, exp: now() + 600 }]) dataOf(await signing(times), 200);
  for (const times of [{ nbf: now() + 400 }, { nbf: now() + 600, exp: now() + 600 }]) expectProblem(await signing(times), 400, 'VALIDATION_FAILED', { issues: ['jwt.nbf'] });
  expectProblem(await signing({ nbf: now() + 9000, exp: now() + 8000 }), 400, 'VALIDATION_FAILED', { issues: ['jwt.exp', 'jwt.nbf'] });
});

test('nbf is honoured by who verifies', async () => {
  const token = await tokenOf({ nbf: now() + 120, exp: now() + 600 });
  await expect(verified(token)).rejects.toThrow(errors.JWTClaimValidationFailed);
  expect((await verified(token, { currentDate: new Date(Date.now() + 180_000) })).claims.nbf).toBeGreaterThan(now());
});

test('a token that was tampered with verifies no more', async () => {
  const [header = '', claims = '', signature = ''] = (await tokenOf({ amount: 1 })).split('.');
  const raised = Buffer.from(Buffer.from(claims, 'base64url').toString().replace('"amount":1', '"amount":9')).toString('base64url');
  await expect(verified(`${header}.${raised}.${signature}`)).rejects.toThrow(errors.JWSSignatureVerificationFailed);
  const { claims: kept } = await verified(`${header}.${claims}.${signature}`);
  expect(kept['amount']).toBe(1);
});

test('a digest is signed blind, so a caller may hash a token of his own: the trail tells them apart, and who limits a token’s age is safe from one for years', async () => {
  const uri = `urn:kakunin:agent:${agent.id}`;
  const tokenWith = async (claims: object) => {
    const [header = ''] = (await tokenOf({})).split('.');
    const signingInput = `${header}.${Buffer.from(JSON.stringify({ iss: uri, sub: uri, jti: 'chosen', ...claims })).toString('base64url')}`;
    const digest = createHash('sha256').update(signingInput).digest('base64');
    const { signature } = dataOf(await call('POST', `/agents/${agent.id}/sign`, { body: { digest } }), 200);
    return `${signingInput}.${Buffer.from(signature, 'base64').toString('base64url')}`;
  };
  const forYears = await tokenWith({ iat: now(), exp: now() + 10 * 365 * 24 * 3600 });
  expect((await tables.auditOf(agent.id)).at(-1)).toMatchObject({ eventType: 'message.signed', metadata: { kind: 'digest' } });
  expect((await verified(forYears)).claims.jti).toBe('chosen');
  await expect(verified(forYears, { maxTokenAge: 3600, currentDate: new Date(Date.now() + 3700_000) })).rejects.toThrow(errors.JWTExpired);

  const trust = readTrust({ authorities: root.toString() });
  const verdictOn = (token: string) => verifyToken(token, trust, { revocation: 'if available' });
  expect(await verdictOn(forYears)).toMatchObject({ valid: false, reason: 'token_lifetime_exceeded' });
  expect(await verdictOn(await tokenWith({ iat: now() + 3600, exp: now() + 7200 }))).toMatchObject({ valid: false, reason: 'token_not_yet_valid' });
  expect(await verdictOn(await tokenOf({}))).toMatchObject({ valid: true, agent: { uri } });
});

test('the audit trail knows it as a token', async () => {
  const { payload_hash } = dataOf(await signing({}), 200);
  expect((await tables.auditOf(agent.id)).at(-1)).toMatchObject({ eventType: 'message.signed', metadata: { kind: 'jwt', payload_hash, certificate_serial: certificate.serial_number } });
});
