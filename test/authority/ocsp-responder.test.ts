import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { renewOcspResponder } from '../../lambdas/authority/ocsp-responder.ts';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { answerLost, awsError, rewritten } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { openssl } from '../support/openssl.ts';
import { startAuthority, type TestAuthorityServices } from './ocsp-fixture.ts';

// The order matters little: each test begins with a responder whose certificate was issued a moment ago.

const hour = 3_600_000;
const day = 24 * hour;

let authority: TestAuthorityServices;
let first: Authority;

beforeAll(async () => {
  authority = await startAuthority();
});
beforeEach(async () => {
  authority.setTime(authority.mintedAt.getTime() + 100 * day);
  ({ responder: first } = await renewOcspResponder(authority.services, { ...authority.plan, ocspKeyArn: await authority.createKey('RSA_2048') }));
  authority.calm();
});
afterEach(() => authority.calm());
afterAll(() => authority.stop());

const renew = (ocspKeyArn = first.keyArn) => renewOcspResponder(authority.services, { ...authority.plan, ocspKeyArn });
const stored = () => authority.services.registry.getAuthority('ocsp');
const validityOf = ({ certificatePem }: Authority) => describeCertificate(pemToDer(certificatePem));
const half = () => {
  const { notBefore, notAfter } = validityOf(first);
  return (notBefore.getTime() + notAfter.getTime()) / 2;
};

test('the first certificate is issued with the CA, for 30 days at most, and stored', async () => {
  const fresh = await startAuthority();
  try {
    const { responder, renewed } = await renewOcspResponder(fresh.services, fresh.plan);
    expect(renewed).toBe(true);
    expect(await fresh.services.registry.getAuthority('ocsp')).toEqual(responder);
    const { notBefore, notAfter, subject, issuer } = describeCertificate(pemToDer(responder.certificatePem));
    expect(notBefore).toEqual(describeCertificate(pemToDer(fresh.issuing.certificatePem)).notBefore);
    expect(notAfter.getTime() - notBefore.getTime()).toBe(30 * day - 1000);
    expect([subject, issuer]).toEqual(['CN=Kakunin OCSP Responder,O=Kakunin,C=JP', 'CN=Kakunin Agent Issuing CA 1,O=Kakunin,C=JP']);
    const files = { 'root.pem': fresh.root.certificatePem, 'issuing.pem': fresh.issuing.certificatePem, 'ocsp.pem': responder.certificatePem };
    expect(openssl(['verify', '-x509_strict', '-purpose', 'ocsphelper', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'ocsp.pem'], files)).toMatchObject({ status: 0 });
    const publicKey = await fresh.services.keys.getPublicKey(fresh.plan.ocspKeyArn);
    expect(new X509Certificate(responder.certificatePem).publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(publicKey));
  } finally {
    await fresh.stop();
  }
});

describe('a certificate with more than half of its life left', () => {
  test('is left alone, and costs one read', async () => {
    for (const at of [authority.services.clock().getTime(), half() - 1]) {
      authority.setTime(at);
      expect(await renew()).toEqual({ responder: first, renewed: false });
    }
    expect(authority.kms.calls).toEqual([]);
    expect(authority.dynamodb.calls.map(({ operation }) => operation)).toEqual(['GetItem', 'GetItem']);
  });

  test('is begun an hour before, for clients whose clocks are slow', () => {
    const { notBefore } = validityOf(first);
    expect(authority.services.clock().getTime() - notBefore.getTime()).toBeGreaterThanOrEqual(hour);
    expect(authority.services.clock().getTime() - notBefore.getTime()).toBeLessThan(hour + 1000);
  });
});

describe('a certificate whose life is half over', () => {
  test.each([['just now', () => half()], ['for long', () => half() + 40 * day]])('is renewed: %s', async (_, at) => {
    authority.setTime(at());
    const { responder, renewed } = await renew();
    expect(renewed).toBe(true);
    expect(responder.keyArn).toBe(first.keyArn);
    expect(await stored()).toEqual(responder);
    expect(validityOf(responder).serialNumber).not.toBe(validityOf(first).serialNumber);
    expect(validityOf(responder).notAfter.getTime()).toBeGreaterThan(authority.services.clock().getTime() + 29 * day);
    expect(await renew()).toEqual({ responder, renewed: false });
  });

  test('is renewed once by ten renewals at once, and all answer the same', async () => {
    authority.setTime(half());
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => renew()));
    expect(outcomes.filter(({ renewed }) => renewed)).toHaveLength(1);
    expect(new Set(outcomes.map(({ responder }) => responder.certificatePem)).size).toBe(1);
    expect(await stored()).toEqual(outcomes[0]?.responder);
  });

  test('is not replaced by one that was made before it', async () => {
    authority.setTime(half());
    const held = authority.dynamodb.hold(requests.transaction, { times: 1 });
    const slow = renew();
    await held.reached;
    const { responder } = await renew();
    held.release();
    expect(await slow).toEqual({ responder, renewed: false });
    expect(await stored()).toEqual(responder);
  });

  test('is known to be renewed where the write was repeated after its answer got lost', async () => {
    authority.setTime(half());
    const lost = authority.dynamodb.inject(requests.transaction, answerLost, { times: 1 });
    const { responder, renewed } = await renew();
    expect(lost.hits).toBe(1);
    expect(authority.dynamodb.calls.filter(({ operation }) => operation === 'TransactWriteItems')).toHaveLength(2);
    expect([renewed, await stored()]).toEqual([true, responder]);
  });
});

test('another key gets a certificate of its own', async () => {
  const { responder, renewed } = await renew(await authority.createKey('RSA_2048'));
  expect(renewed).toBe(true);
  expect(responder.keyArn).not.toBe(first.keyArn);
  expect(await stored()).toEqual(responder);
});

describe('nothing is stored', () => {
  afterEach(async () => expect(await stored()).toEqual(first));

  test('for a key of another size', async () => {
    await expect(renew(await authority.createKey('RSA_3072'))).rejects.toThrow(/violates the profile: .*3072 bits, not 2048/);
    expect(authority.kms.calls.map(({ operation }) => operation)).not.toContain('Sign');
  });

  test('where the signature does not verify', async () => {
    authority.setTime(half());
    authority.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(384, 1).toString('base64') })));
    await expect(renew()).rejects.toThrow(/signature that KMS made with .* does not verify/);
  });

  test.each([['getPublicKey', awsError('KMSInternalException')], ['sign', awsError('DisabledException')]] as const)('where KMS fails to %s', async (call, fault) => {
    authority.setTime(half());
    authority.kms.inject(requests[call], fault);
    await expect(renew()).rejects.toMatchObject({ code: 'KMS_UNAVAILABLE' });
  });
});

test('it ends with the issuing CA, should that end earlier', async () => {
  const caEnd = validityOf(authority.issuing).notAfter;
  authority.setTime(caEnd.getTime() - 10 * day);
  const { responder } = await renew();
  expect(validityOf(responder).notAfter).toEqual(caEnd);
});
