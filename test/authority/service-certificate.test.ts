import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { answerLost, awsError, rewritten } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { openssl } from '../support/openssl.ts';
import { startAuthority, type TestAuthorityServices } from './ocsp-fixture.ts';

// The order matters little: each test begins with a certificate that was issued a moment ago.

const hour = 3_600_000;
const day = 24 * hour;

let authority: TestAuthorityServices;

beforeAll(async () => {
  authority = await startAuthority();
});
afterEach(() => authority.calm());
afterAll(() => authority.stop());

const validityOf = ({ certificatePem }: Authority) => describeCertificate(pemToDer(certificatePem));

describe.each([
  { role: 'ocsp', name: 'OCSP Responder', days: 30 },
  { role: 'attestation', name: 'Attestation Signer', days: 2 * 365 },
] as const)('the service certificate of the role $role', ({ role, name, days }) => {
  let first: Authority;

  beforeEach(async () => {
    authority.setTime(authority.mintedAt.getTime() + 100 * day);
    ({ authority: first } = await renew(await authority.createKey('RSA_2048')));
    authority.calm();
  });

  const renew = (keyArn = first.keyArn, organization?: string) => authority.renew(role, keyArn, organization);
  const stored = () => authority.services.registry.getAuthority(role);
  const half = () => {
    const { notBefore, notAfter } = validityOf(first);
    return (notBefore.getTime() + notAfter.getTime()) / 2;
  };

  test('is the issuing CA’s, for its time, and stored', async () => {
    expect(await stored()).toEqual(first);
    const { notBefore, notAfter, subject, issuer } = validityOf(first);
    expect(notAfter.getTime() - notBefore.getTime()).toBe(days * day - 1000);
    expect([subject, issuer]).toEqual([`CN=Kakunin ${name},O=Kakunin,C=JP`, 'CN=Kakunin Agent Issuing CA 1,O=Kakunin,C=JP']);
    const files = { 'root.pem': authority.root.certificatePem, 'issuing.pem': authority.issuing.certificatePem, 'service.pem': first.certificatePem };
    const at = String(Math.ceil(authority.services.clock().getTime() / 1000));
    expect(openssl(['verify', '-x509_strict', '-attime', at, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'service.pem'], files)).toMatchObject({ status: 0 });
    expect(new X509Certificate(first.certificatePem).publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(await authority.services.keys.getPublicKey(first.keyArn)));
  });

  test('begins with the CA, where that was minted only now', async () => {
    authority.setTime(authority.mintedAt);
    const { authority: early } = await renew(await authority.createKey('RSA_2048'));
    expect(validityOf(early).notBefore).toEqual(validityOf(authority.issuing).notBefore);
  });

  test('has a name that fits beside the longest organisation there may be', async () => {
    const organization = 'x'.repeat(45);
    const { authority: renamed } = await renew(await authority.createKey('RSA_2048'), organization);
    expect(validityOf(renamed).subject).toContain(`CN=${organization} ${name}`);
  });

  describe('with more than half of its life left', () => {
    test('is left alone, and costs one read', async () => {
      for (const at of [authority.services.clock().getTime(), half() - 1]) {
        authority.setTime(at);
        expect(await renew()).toEqual({ authority: first, renewed: false });
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

  describe('whose life is half over', () => {
    test.each([['just now', () => half()], ['for long', () => half() + days * 1.3 * day]])('is renewed for the same key: %s', async (_, at) => {
      authority.setTime(at());
      const { authority: second, renewed } = await renew();
      expect(renewed).toBe(true);
      expect(second.keyArn).toBe(first.keyArn);
      expect(await stored()).toEqual(second);
      expect(validityOf(second).serialNumber).not.toBe(validityOf(first).serialNumber);
      expect(validityOf(second).notAfter.getTime()).toBeGreaterThan(authority.services.clock().getTime() + (days - 1) * day);
      expect(await renew()).toEqual({ authority: second, renewed: false });
    });

    test('is renewed once by ten renewals at once, and all answer the same', async () => {
      authority.setTime(half());
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => renew()));
      expect(outcomes.filter(({ renewed }) => renewed)).toHaveLength(1);
      expect(new Set(outcomes.map(({ authority: { certificatePem } }) => certificatePem)).size).toBe(1);
      expect(await stored()).toEqual(outcomes[0]?.authority);
    });

    test('is not replaced by one that was made before it', async () => {
      authority.setTime(half());
      const held = authority.dynamodb.hold(requests.transaction, { times: 1 });
      const slow = renew();
      await held.reached;
      const { authority: second } = await renew();
      held.release();
      expect(await slow).toEqual({ authority: second, renewed: false });
      expect(await stored()).toEqual(second);
    });

    test('is known to be renewed where the write was repeated after its answer got lost', async () => {
      authority.setTime(half());
      const lost = authority.dynamodb.inject(requests.transaction, answerLost, { times: 1 });
      const { authority: second, renewed } = await renew();
      expect(lost.hits).toBe(1);
      expect(authority.dynamodb.calls.filter(({ operation }) => operation === 'TransactWriteItems')).toHaveLength(2);
      expect([renewed, await stored()]).toEqual([true, second]);
    });
  });

  test('is a new one for another key', async () => {
    const { authority: other, renewed } = await renew(await authority.createKey('RSA_2048'));
    expect(renewed).toBe(true);
    expect(other.keyArn).not.toBe(first.keyArn);
    expect(await stored()).toEqual(other);
  });

  describe('is not stored', () => {
    afterEach(async () => expect(await stored()).toEqual(first));

    test('for a key of another size', async () => {
      const refusal = new RegExp(`^The ${name}’s certificate to be signed violates the profile: .*3072 bits, not 2048`);
      await expect(renew(await authority.createKey('RSA_3072'))).rejects.toThrow(refusal);
      expect(authority.kms.calls.map(({ operation }) => operation)).not.toContain('Sign');
    });

    test('where the signature does not verify', async () => {
      authority.setTime(half());
      authority.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(384, 1).toString('base64') })));
      await expect(renew()).rejects.toThrow(new RegExp(`^The signature that KMS made with .* for the ${name}’s certificate does not verify`));
    });

    test.each([['getPublicKey', awsError('KMSInternalException')], ['sign', awsError('DisabledException')]] as const)('where KMS fails to %s', async (call, fault) => {
      authority.setTime(half());
      authority.kms.inject(requests[call], fault);
      await expect(renew()).rejects.toMatchObject({ code: 'KMS_UNAVAILABLE' });
    });
  });

  test('ends with the issuing CA, should that end earlier', async () => {
    const caEnd = validityOf(authority.issuing).notAfter;
    authority.setTime(caEnd.getTime() - 10 * day);
    const { authority: last } = await renew();
    expect(validityOf(last).notAfter).toEqual(caEnd);
  });
});
