import { createHash, createHmac, createPublicKey, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Reason, verifyToken, type VerifyTokenOptions } from '../../verify/index.ts';
import { agent, distributed, rsaKey, type TestKey } from '../pki/authority-fixture.ts';
import { at, makeWorld, options, type World } from './verify-fixture.ts';

let world: World;
let otherKey: TestKey;
beforeAll(() => {
  world = makeWorld();
  otherKey = rsaKey(2048);
});

const now = at.getTime() / 1000;
const uri = `urn:kakunin:agent:${agent.id}`;
const part = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');
const thumbprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('base64url');
const header = (changes: object = {}): object => ({
  alg: 'RS256', typ: 'JWT', x5c: [world.certificateDer, world.authority.issuingCertificateDer].map(base64), 'x5t#S256': thumbprint(world.certificateDer), ...changes,
});
const claims = (changes: object = {}): object => ({ iss: uri, sub: uri, iat: now - 10, exp: now + 290, jti: 'b1c3', scope: 'settle', ...changes });

/** A compact JWS over these parts, whatever they are. */
function signedToken(headerPart: unknown, claimsPart: unknown, key: TestKey = world.agentKey): string {
  const signed = `${part(headerPart)}.${part(claimsPart)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key.privateKey).toString('base64url')}`;
}

const verdictOn = (token: unknown, changes: VerifyTokenOptions = {}) => verifyToken(token as string, world.trust, { ...options, ...changes });
const refused = (reason: Reason, message = /./) => ({ valid: false, reason, message: expect.stringMatching(message), crlUrls: [] });

describe('a token that holds', () => {
  it('tells the agent and its claims', async () => {
    expect(await verdictOn(signedToken(header(), claims()))).toMatchObject({ valid: true, claims: claims(), revocation: 'good', agent: { id: agent.id, permittedActions: agent.permittedActions } });
  });

  it('brings its issuer along, where only the root is trusted', async () => {
    const trust = world.trusting({ authorities: world.authority.rootCertificateDer });
    expect(await verifyToken(signedToken(header(), claims()), trust, options)).toMatchObject({ valid: true });
    expect(await verifyToken(signedToken(header({ x5c: [base64(world.certificateDer)] }), claims()), trust, options)).toMatchObject({ valid: false, reason: 'issuer_unknown' });
  });

  it('may be an X.509-SVID’s', async () => {
    const svid = world.issue({ settings: { ...distributed, spiffeTrustDomain: 'example.org' } });
    const spiffeId = `spiffe://example.org/tenant/${agent.tenantId}/agent/${agent.id}`;
    const svidHeader = header({ x5c: [base64(svid)], 'x5t#S256': thumbprint(svid) });
    expect(await verdictOn(signedToken(svidHeader, claims({ iss: spiffeId, sub: spiffeId })))).toMatchObject({ valid: true, agent: { uri: spiffeId } });
    expect(await verdictOn(signedToken(svidHeader, claims()))).toEqual(refused('token_subject_mismatch'));
  });

  it('may leave its certificate out, if the verifier has it', async () => {
    const bare = signedToken({ alg: 'RS256' }, claims());
    expect(await verdictOn(bare, { certificate: world.certificate })).toMatchObject({ valid: true });
    expect(await verdictOn(bare)).toEqual(refused('token_malformed', /no x5c/));
    const another = world.issue({ certificateId: '11111111-2222-4333-8444-555555555555', subjectPublicKeyInfoDer: otherKey.subjectPublicKeyInfoDer });
    expect(await verdictOn(signedToken(header(), claims()), { certificate: another })).toEqual(refused('token_certificate_mismatch'));
    expect(await verdictOn(bare, { certificate: another })).toEqual(refused('signature_mismatch', /11111111222243338444555555555555/));
  });

  it('counts to the end of its life, and begins for a clock that is a little behind', async () => {
    const token = signedToken(header(), claims({ iat: now, exp: now + 60 }));
    expect(await verdictOn(token, { at: new Date(1000 * (now + 59.999)) })).toMatchObject({ valid: true });
    expect(await verdictOn(token, { at: new Date(1000 * (now + 60)), clockToleranceSeconds: 300 })).toEqual(refused('token_expired'));
    expect(await verdictOn(token, { at: new Date(1000 * (now - 1)) })).toEqual(refused('token_not_yet_valid'));
    expect(await verdictOn(token, { at: new Date(1000 * (now - 1)), clockToleranceSeconds: 1 })).toMatchObject({ valid: true });
  });

  it('is for whom it is for', async () => {
    const forOne = signedToken(header(), claims({ aud: 'https://bank.example' }));
    const forTwo = signedToken(header(), claims({ aud: ['https://broker.example', 'https://bank.example'] }));
    const audience = 'https://bank.example';
    expect(await verdictOn(forOne, { audience })).toMatchObject({ valid: true });
    expect(await verdictOn(forTwo, { audience })).toMatchObject({ valid: true });
    expect(await verdictOn(forOne, { audience: 'https://shop.example' })).toEqual(refused('token_audience_mismatch', /"https:\/\/bank\.example", not for https:\/\/shop/));
    expect(await verdictOn(forOne)).toEqual(refused('token_audience_mismatch', /names no audience/));
    expect(await verdictOn(signedToken(header(), claims()), { audience })).toEqual(refused('token_audience_mismatch', /nobody in particular/));
    expect(await verdictOn(signedToken(header(), claims({ aud: { 0: audience } })), { audience })).toEqual(refused('token_audience_mismatch'));
  });
});

describe('a token is refused', () => {
  const hs256 = (): string => {
    const signed = `${part(header({ alg: 'HS256' }))}.${part(claims())}`;
    const publicPem = createPublicKey({ key: Buffer.from(world.agentKey.subjectPublicKeyInfoDer), format: 'der', type: 'spki' }).export({ format: 'pem', type: 'spki' });
    return `${signed}.${createHmac('sha256', publicPem).update(signed).digest('base64url')}`;
  };
  const stranger = (): object => {
    const jwk = createPublicKey(otherKey.privateKey).export({ format: 'jwk' });
    return header({ jwk, kid: 'mine', jku: 'https://evil.example/jwks', x5u: 'https://evil.example/cert' });
  };
  const cases: [string, Reason, RegExp, () => unknown][] = [
    ['under none', 'token_algorithm_refused', /not RS256/, () => `${part(header({ alg: 'none' }))}.${part(claims())}.`],
    ['under none, with a signature', 'token_algorithm_refused', /not RS256/, () => signedToken(header({ alg: 'none' }), claims())],
    ['under HS256 with the public key for a secret', 'token_algorithm_refused', /not RS256/, hs256],
    ['under PS256', 'token_algorithm_refused', /not RS256/, () => signedToken(header({ alg: 'PS256' }), claims())],
    ['under rs256', 'token_algorithm_refused', /not RS256/, () => signedToken(header({ alg: 'rs256' }), claims())],
    ['under a list', 'token_algorithm_refused', /not RS256/, () => signedToken(header({ alg: ['RS256'] }), claims())],
    ['without an algorithm', 'token_algorithm_refused', /not RS256/, () => signedToken(header({ alg: undefined }), claims())],
    ['that brings a key of its own', 'signature_mismatch', /not signed by the key/, () => signedToken(stranger(), claims(), otherKey)],
    ['that has critical extensions', 'token_malformed', /critical extensions/, () => signedToken(header({ crit: ['b64'], b64: false }), claims())],
    ['that is something else', 'token_malformed', /typ is not JWT/, () => signedToken(header({ typ: 'dpop+jwt' }), claims())],
    ['with the algorithm twice', 'token_malformed', /a key twice/, () => signedToken(JSON.stringify(header()).replace('{', '{"alg":"none",'), claims())],
    ['with a claim twice', 'token_malformed', /a key twice/, () => signedToken(header(), JSON.stringify(claims()).replace('{', '{"sub":"another",'))],

    ['without x5t#S256', 'token_certificate_mismatch', /x5t#S256/, () => signedToken(header({ 'x5t#S256': undefined }), claims())],
    ['with the thumbprint of another certificate', 'token_certificate_mismatch', /x5t#S256/, () => signedToken(header({ 'x5t#S256': thumbprint(world.authority.issuingCertificateDer) }), claims())],
    ['with a thumbprint in base64', 'token_certificate_mismatch', /x5t#S256/, () => signedToken(header({ 'x5t#S256': `${base64(createHash('sha256').update(world.certificateDer).digest())}` }), claims())],
    ['with a thumbprint that is no text', 'token_certificate_mismatch', /x5t#S256/, () => signedToken(header({ 'x5t#S256': 7 }), claims())],
    ['whose x5c begins with the issuer', 'certificate_unsuitable', /is a CA/, () => signedToken(header({ x5c: [world.authority.issuingCertificateDer, world.certificateDer].map(base64) }), claims())],
    ['whose x5c is no list', 'token_malformed', /no x5c/, () => signedToken(header({ x5c: base64(world.certificateDer) }), claims())],
    ['whose x5c is empty', 'certificate_malformed', /no certificates/, () => signedToken(header({ x5c: [] }), claims())],
    ['whose x5c is of five', 'certificate_malformed', /more than 4/, () => signedToken(header({ x5c: Array(5).fill(base64(world.certificateDer)) }), claims())],
    ['whose x5c is in base64url', 'certificate_malformed', /not base64/, () => signedToken(header({ x5c: ['MII_-w'] }), claims())],

    ['of another agent’s name', 'token_subject_mismatch', /urn:kakunin:agent/, () => signedToken(header(), claims({ sub: 'urn:kakunin:agent:another' }))],
    ['of another issuer’s name', 'token_subject_mismatch', /urn:kakunin:agent/, () => signedToken(header(), claims({ iss: 'https://kakunin.example' }))],
    ['without a name', 'token_subject_mismatch', /urn:kakunin:agent/, () => signedToken(header(), claims({ sub: undefined }))],
    ['that lives for more than an hour', 'token_lifetime_exceeded', /3600 s/, () => signedToken(header(), claims({ iat: now, exp: now + 3600.5 }))],
    ['that is expired', 'token_expired', /2026-06-01T12:00:00Z/, () => signedToken(header(), claims({ iat: now - 300, exp: now }))],
    ['of tomorrow', 'token_not_yet_valid', /2026-06-02T12:00:00Z/, () => signedToken(header(), claims({ iat: now + 86_400, exp: now + 86_500 }))],
    ['of before its nbf', 'token_not_yet_valid', /2026-06-01T12:00:05Z/, () => signedToken(header(), claims({ nbf: now + 5 }))],
    ['of the end of time', 'token_not_yet_valid', /1e\+300 s after 1970/, () => signedToken(header(), claims({ iat: 1e300, exp: 1e300 }))],
    ['without exp', 'token_malformed', /exp/, () => signedToken(header(), claims({ exp: undefined }))],
    ['without iat', 'token_malformed', /iat/, () => signedToken(header(), claims({ iat: undefined }))],
    ['whose exp is text', 'token_malformed', /exp/, () => signedToken(header(), claims({ exp: String(now + 290) }))],
    ['whose nbf is null', 'token_malformed', /nbf/, () => signedToken(header(), claims({ nbf: null }))],

    ['that is undefined', 'token_malformed', /not text/, () => undefined],
    ['that is empty', 'token_malformed', /three parts/, () => ''],
    ['of two parts', 'token_malformed', /three parts/, () => signedToken(header(), claims()).split('.').slice(0, 2).join('.')],
    ['of four parts', 'token_malformed', /three parts/, () => `${signedToken(header(), claims())}.AA`],
    ['with a line end', 'token_malformed', /three parts/, () => `${signedToken(header(), claims())}\n`],
    ['with padding', 'token_malformed', /three parts/, () => `${signedToken(header(), claims())}==`],
    ['whose header is a list', 'token_malformed', /not an object/, () => signedToken([], claims())],
    ['whose claims are no JSON', 'token_malformed', /claims/, () => signedToken(header(), 'claims')],
    ['whose claims are no UTF-8', 'token_malformed', /UTF-8/, () => `${part(header())}._w.AA`],
    ['whose header is not base64url', 'token_malformed', /base64url/, () => 'a.AA.AA'],
    ['that is very long', 'token_malformed', /1 MiB/, () => 'A'.repeat(2 ** 20 + 1)],
  ];
  it.each(cases)('%s', async (_, reason, message, token) => {
    expect(await verdictOn(token())).toEqual(refused(reason, message));
  });

  it('with any character changed', async () => {
    const good = signedToken(header(), claims());
    const [headerPart = '', claimsPart = ''] = good.split('.');
    await fc.assert(fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'ABCDEFGHabcdefgh0123456789-_.='), async (offset, character) => {
      const changed = good.slice(0, offset) + character + good.slice(offset + 1);
      if (changed === good) return;
      const { valid } = await verdictOn(changed);
      expect(valid).toBe(false);
    }), { numRuns: 300, examples: [[headerPart.length, 'A'], [headerPart.length + claimsPart.length + 1, 'A'], [0, 'f']] });
  });

  it('for any text, without an exception', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.base64String(), fc.json().map(part), fc.string()), { maxLength: 5 }), async (parts) => {
      const verdict = await verdictOn(parts.join('.'));
      expect(verdict).toMatchObject({ valid: false, reason: expect.stringMatching(/^token_/) });
    }));
  });
});

it('a message is no token, and a token no message', async () => {
  // Both are signed by the same key: what one signs as JSON begins with a brace, which no JWS signing input does.
  const signature = Buffer.from(world.sign(claims()), 'base64').toString('base64url');
  expect(await verdictOn(`${part(header())}.${part(claims())}.${signature}`)).toEqual(refused('signature_mismatch'));
});
