import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { answerOcsp, type OcspAnswer, type OcspServices } from '../../lambdas/authority/answer-ocsp.ts';
import type { Certificate } from '../../lambdas/authority/certificate.ts';
import { rememberedOcspSigner } from '../../lambdas/authority/ocsp-signer.ts';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { reasonCodes, type ReasonCode } from '../../lambdas/authority/revocation-reasons.ts';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { OCSP_MAX_CERT_IDS } from '../../lambdas/pki/ocsp-request.ts';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { awsError, rewritten } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { ocspRequest, readOcspResponse } from '../support/ocsp.ts';
import { startAuthority, type TestAuthorityServices } from './ocsp-fixture.ts';

const hour = 3_600_000;
const day = 24 * hour;

let authority: TestAuthorityServices;
let responder: Authority;
/** What a Lambda keeps from one request to the next. */
let services: OcspServices;
const issuers = () => ({
  ...authority.services, issuingAuthorities: (generation: number) => Promise.resolve(generation === 1 ? authority.issuing : authority.successor),
});
const newServices = (): OcspServices => ({
  ...issuers(), signers: [1, 2].map((generation) => rememberedOcspSigner({ ...issuers(), generation })),
});

beforeAll(async () => {
  authority = await startAuthority();
  await authority.renew('ocsp', await authority.createKey('RSA_2048'), undefined, authority.successor);
});
beforeEach(async () => {
  authority.setTime(authority.mintedAt);
  ({ authority: responder } = await authority.renew('ocsp', await authority.createKey('RSA_2048')));
  services = newServices();
});
afterEach(() => authority.calm());
afterAll(() => authority.stop());

const about = (...certificates: readonly Pick<Certificate, 'id'>[]) => ocspRequest(certificates.map(({ id }) => ({ issuer: authority.issuing.certificatePem, serialNumber: serialNumberOf(id) })));

async function answered(request: Uint8Array) {
  const answer = await answerOcsp(services, request);
  if (answer.status !== 'successful') throw new Error(`${answer.status}: ${String(answer.cause)}`);
  return { ...answer, ...readOcspResponse(answer.der) };
}

async function failed(request: Uint8Array): Promise<Exclude<OcspAnswer, { status: 'successful' }>> {
  const answer = await answerOcsp(services, request);
  if (answer.status === 'successful') throw new Error('The answer is no error.');
  expect(readOcspResponse(answer.der)).toMatchObject({ status: answer.status.toLowerCase(), responses: [] });
  return answer;
}

const revocation = (revokedAt: string, reasonCode: ReasonCode = 'keyCompromise') => ({ status: 'revoked', revokedAt, reasonCode, revocationReason: 'Stolen' }) as const;

describe('the times of an answer', () => {
  test('are whole seconds, ten minutes from one update to the next', async () => {
    authority.setTime(new Date('2028-02-29T23:59:59.999Z'));
    await authority.renew('ocsp', responder.keyArn);
    const { thisUpdate, nextUpdate, producedAt, responses: [response] } = await answered(about(await authority.storeCertificate()));
    const at = Date.parse('2028-02-29T23:59:59Z') / 1000;
    expect([thisUpdate.getTime(), nextUpdate.getTime()]).toEqual([at * 1000, (at + 600) * 1000]);
    expect([producedAt, response?.thisUpdate, response?.nextUpdate]).toEqual([at, at, at + 600]);
  });

  test('are from before the registry is read: what was revoked meanwhile is no contradiction', async () => {
    const certificate = await authority.storeCertificate();
    await answered(about(certificate));
    const held = authority.dynamodb.hold(requests.readCertificate);
    const answering = answered(about(certificate));
    await held.reached;
    authority.setTime(authority.mintedAt.getTime() + 5000);
    held.release();
    expect((await answering).thisUpdate.getTime()).toBe(Math.floor(authority.mintedAt.getTime() / 1000) * 1000);
  });

  test('say how long a cache may keep it: seconds while it may change, until nextUpdate once it is final', async () => {
    const active = await authority.storeCertificate();
    const revoked = await authority.storeCertificate(revocation(authority.mintedAt.toISOString()));
    authority.setTime(new Date('2027-01-01T00:00:00.400Z'));
    await authority.renew('ocsp', responder.keyArn);
    const maxAge = async (...certificates: readonly Pick<Certificate, 'id'>[]) => (await answered(about(...certificates))).maxAgeSeconds;
    expect(await maxAge(active)).toBe(5);
    expect(await maxAge({ id: '11111111-1111-4111-8111-111111111111' })).toBe(5);
    expect(await maxAge(revoked)).toBe(599);
    expect(await maxAge(revoked, active)).toBe(5);
  });
});

describe('an expired certificate', () => {
  test('is answered with what it was last, good or revoked, however long ago', async () => {
    const end = new Date(authority.mintedAt.getTime() + 1000).toISOString();
    const active = await authority.storeCertificate({ expiresAt: end });
    const revoked = await authority.storeCertificate({ expiresAt: end, ...revocation(authority.mintedAt.toISOString()) });
    for (const at of [0, 1000, 1001, 400 * day]) {
      authority.setTime(authority.mintedAt.getTime() + at);
      await authority.renew('ocsp', responder.keyArn);
      expect((await answered(about(active, revoked))).responses.map(({ status }) => status)).toEqual(['good', 'revoked']);
    }
  });
});

test('a revocation is answered with its second and its reason, for every reason there is', async () => {
  const reasons = (Object.keys(reasonCodes) as ReasonCode[]).filter((reason) => reason !== 'removeFromCRL');
  const certificates = await Promise.all(reasons.map((reason) => authority.storeCertificate(revocation('2026-05-17T10:00:00.999Z', reason))));
  const { responses } = await answered(about(...certificates));
  expect(responses.map(({ status, revokedAt }) => [status, revokedAt])).toEqual(reasons.map(() => ['revoked', Date.parse('2026-05-17T10:00:00Z') / 1000]));
  // openssl 3.0 has no names for the last two.
  expect(responses.map(({ reason }) => reason).slice(0, 7)).toEqual([undefined, ...reasons.slice(1, 7)]);
});

describe('the registry', () => {
  const reads = () => authority.dynamodb.calls.filter(({ operation }) => operation === 'GetItem').map(({ input }) => input);

  test('is read once for each serial number, consistently and at the same time', async () => {
    const certificates = await Promise.all(Array.from({ length: OCSP_MAX_CERT_IDS / 2 }, () => authority.storeCertificate()));
    await answered(about(...certificates));
    authority.calm();
    const held = authority.dynamodb.hold(requests.readCertificate);
    const answering = answered(about(...certificates, ...certificates));
    while (held.held < certificates.length) await new Promise((resolve) => { setTimeout(resolve, 5); });
    held.release();
    expect((await answering).responses).toHaveLength(OCSP_MAX_CERT_IDS);
    expect(reads().map(({ Key, ConsistentRead }) => [Key.pk.S, ConsistentRead]).sort()).toEqual(certificates.map(({ id }) => [`CERT#${id}`, true]).sort());
    expect(authority.kms.calls.map(({ operation }) => operation)).toEqual(['Sign']);
  });

  test('is not asked for what cannot be ours', async () => {
    await answered(about(await authority.storeCertificate()));
    authority.calm();
    const [issuer, other] = [authority.issuing.certificatePem, authority.root.certificatePem];
    const serialNumber = '11'.repeat(16);
    const others = [{ issuer: other, serialNumber }, { issuer, serialNumber, hash: 'sha512' }] as const;
    const impossible = [{ issuer, serialNumber: '7F'.repeat(20) }, { issuer, serialNumber: '0' }] as const;
    expect((await answered(ocspRequest([...others, ...impossible]))).responses.map(({ status }) => status)).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
    expect((await failed(ocspRequest(others))).status).toBe('unauthorized');
    expect((await failed(new Uint8Array([1, 2, 3]))).status).toBe('malformedRequest');
    expect(authority.dynamodb.calls).toEqual([]);
    expect(authority.kms.calls.map(({ operation }) => operation)).toEqual(['Sign']);
  });

  test('knows the same serial number under either hash, and reads it once', async () => {
    const { id } = await authority.storeCertificate();
    const question = { issuer: authority.issuing.certificatePem, serialNumber: serialNumberOf(id) };
    await answered(about({ id }));
    authority.calm();
    expect((await answered(ocspRequest([{ ...question, hash: 'sha256' }, question]))).responses.map(({ status }) => status)).toEqual(['good', 'good']);
    expect(reads()).toHaveLength(1);
  });
});

describe('the responder’s certificate', () => {
  const pemOf = async (certificate: Certificate) => (await answered(about(certificate))).certificatePem;
  const authorityReads = () => authority.dynamodb.calls.filter(({ input }) => input['Key']?.pk?.S === 'CA#ocsp');
  let certificate: Certificate;
  beforeEach(async () => {
    certificate = await authority.storeCertificate();
    authority.calm();
  });

  test('is read once by many requests at once, and for an hour', async () => {
    await Promise.all(Array.from({ length: 10 }, () => answered(about(certificate))));
    authority.setTime(authority.mintedAt.getTime() + hour - 1);
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    expect(authorityReads()).toHaveLength(1);
  });

  test('is taken into use within an hour of its renewal', async () => {
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    authority.setTime(authority.mintedAt.getTime() + 16 * day);
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    const { authority: renewed } = await authority.renew('ocsp', responder.keyArn);
    expect(renewed).not.toEqual(responder);
    authority.calm();
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    authority.setTime(authority.mintedAt.getTime() + 16 * day + hour);
    expect(await pemOf(certificate)).toBe(renewed.certificatePem);
    expect(authorityReads()).toHaveLength(1);
  });

  test('is not used once it has ended, and looked for anew until it is renewed', async () => {
    const { notAfter } = describeCertificate(pemToDer(responder.certificatePem));
    authority.setTime(notAfter.getTime() - 1000);
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    authority.setTime(notAfter);
    for (let request = 0; request < 2; request++) expect((await failed(about(certificate)))).toMatchObject({ status: 'internalError', cause: { message: expect.stringContaining('has not been renewed') } });
    const { authority: renewed } = await authority.renew('ocsp', responder.keyArn);
    expect(await pemOf(certificate)).toBe(renewed.certificatePem);
  });

  test('changes with the key, as soon as the old one does not sign any more', async () => {
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    const { authority: successor } = await authority.renew('ocsp', await authority.createKey('RSA_2048'));
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
    await authority.disableKey(responder.keyArn);
    expect((await failed(about(certificate))).status).toBe('tryLater');
    expect(await pemOf(certificate)).toBe(successor.certificatePem);
  });

  test('is asked for again where there was none', async () => {
    authority.dynamodb.inject(requests.readAuthority, rewritten(() => ({})), { times: 1 });
    expect(await failed(about(certificate))).toMatchObject({ status: 'tryLater', cause: { code: 'CA_NOT_INITIALISED' } });
    expect(await pemOf(certificate)).toBe(responder.certificatePem);
  });
});

describe('an answer that cannot be signed is not sent', () => {
  let request: Uint8Array;
  beforeEach(async () => {
    request = about(await authority.storeCertificate());
  });

  test('where KMS or the registry is not to be had: tryLater', async () => {
    for (const [proxy, pattern, code] of [
      [authority.kms, requests.sign, 'KMS_UNAVAILABLE'], [authority.dynamodb, requests.readCertificate, 'REGISTRY_UNAVAILABLE'], [authority.dynamodb, requests.readAuthority, 'REGISTRY_UNAVAILABLE'],
    ] as const) {
      services = newServices();
      const injection = proxy.inject(pattern, awsError('ThrottlingException'));
      expect(await failed(request)).toMatchObject({ status: 'tryLater', cause: { code } });
      injection.remove();
      expect((await answered(request)).responses).toMatchObject([{ status: 'good' }]);
    }
  });

  test('where the role may not sign: tryLater', async () => {
    authority.kms.inject(requests.sign, awsError('AccessDeniedException'));
    expect(await failed(request)).toMatchObject({ status: 'tryLater', cause: { code: 'KMS_CREDENTIALS_NOT_CONFIGURED' } });
  });

  test.each([
    ['is another', (signature: Buffer) => Buffer.from(signature.map((octet, index) => (index === 100 ? octet ^ 1 : octet)))],
    ['is too short', (signature: Buffer) => signature.subarray(1)],
    ['is empty', () => Buffer.alloc(0)],
  ])('where the signature %s: internalError', async (_, change) => {
    authority.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: change(Buffer.from(answer['Signature'], 'base64')).toString('base64') })));
    expect(await failed(request)).toMatchObject({ status: 'internalError', cause: { message: expect.stringContaining('does not verify') } });
    authority.calm();
    expect((await answered(request)).responses).toMatchObject([{ status: 'good' }]);
  });

  test('where a revoked certificate has lost its time: internalError', async () => {
    const broken = await authority.storeCertificate({ status: 'revoked' });
    expect((await failed(about(broken))).status).toBe('internalError');
  });

  test('where DynamoDB says what nobody foresaw: internalError', async () => {
    authority.dynamodb.inject(requests.readCertificate, awsError('ValidationException'));
    expect((await failed(request)).status).toBe('internalError');
  });
});
