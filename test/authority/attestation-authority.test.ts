import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { attest, renewAttestationAuthority } from '../../lambdas/authority/attestation-authority.ts';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { verifyRsaSha256 } from '../../lambdas/pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { awsError, rewritten } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { openssl } from '../support/openssl.ts';
import { startAuthority, type TestAuthorityServices } from './ocsp-fixture.ts';

// What it shares with the OCSP responder's renewal, such as renewals at once, is tested there.

const day = 86_400_000;
const statement = Buffer.from('{"halted":true}');

let authority: TestAuthorityServices;
let first: Authority;

beforeAll(async () => {
  authority = await startAuthority();
});
beforeEach(async () => {
  authority.setTime(authority.mintedAt.getTime() + 100 * day);
  ({ attestation: first } = await renewAttestationAuthority(authority.services, { ...authority.plan, attestationKeyArn: await authority.createKey('RSA_2048') }));
  authority.calm();
});
afterEach(() => authority.calm());
afterAll(() => authority.stop());

const renew = (attestationKeyArn = first.keyArn) => renewAttestationAuthority(authority.services, { ...authority.plan, attestationKeyArn });
const stored = () => authority.services.registry.getAuthority('attestation');
const validityOf = ({ certificatePem }: Authority) => describeCertificate(pemToDer(certificatePem));
const half = () => {
  const { notBefore, notAfter } = validityOf(first);
  return (notBefore.getTime() + notAfter.getTime()) / 2;
};
const verifies = (signature: Uint8Array, { certificatePem }: Authority) => verifyRsaSha256(subjectPublicKeyInfoOf(pemToDer(certificatePem)), statement, signature);

describe('its certificate', () => {
  test('is the issuing CA’s, for two years, and stored', async () => {
    expect(await stored()).toEqual(first);
    const { notBefore, notAfter, subject, issuer } = validityOf(first);
    expect(notAfter.getTime() - notBefore.getTime()).toBe(2 * 365 * day - 1000);
    expect([subject, issuer]).toEqual(['CN=Kakunin Attestation Signer,O=Kakunin,C=JP', 'CN=Kakunin Agent Issuing CA 1,O=Kakunin,C=JP']);
    const files = { 'root.pem': authority.root.certificatePem, 'issuing.pem': authority.issuing.certificatePem, 'attestation.pem': first.certificatePem };
    const at = String(Math.ceil(authority.services.clock().getTime() / 1000));
    expect(openssl(['verify', '-x509_strict', '-attime', at, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'attestation.pem'], files)).toMatchObject({ status: 0 });
    expect(new X509Certificate(first.certificatePem).publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(await authority.services.keys.getPublicKey(first.keyArn)));
  });

  test('has a name that fits beside the longest organisation there may be', async () => {
    const organization = 'x'.repeat(45);
    const { attestation } = await renewAttestationAuthority(authority.services, { ...authority.plan, organization, attestationKeyArn: await authority.createKey('RSA_2048') });
    expect(validityOf(attestation).subject).toContain(`CN=${organization} Attestation Signer`);
  });

  test('is left alone until half of its life is over, and then renewed for the same key: what was signed before verifies with both', async () => {
    const signature = await attest(authority.services, statement);
    authority.setTime(half() - 1);
    expect(await renew()).toEqual({ attestation: first, renewed: false });
    authority.setTime(half());
    const { attestation, renewed } = await renew();
    expect([renewed, attestation.keyArn]).toEqual([true, first.keyArn]);
    expect(attestation.certificatePem).not.toBe(first.certificatePem);
    expect(await stored()).toEqual(attestation);
    expect([first, attestation].map((one) => verifies(signature, one))).toEqual([true, true]);
    expect(await attest(authority.services, statement)).toEqual(signature);
  });

  test('is none for a key of another size', async () => {
    await expect(renew(await authority.createKey('RSA_3072'))).rejects.toThrow(/^The Attestation Signer’s certificate .* violates the profile: .*3072 bits, not 2048/);
    expect(await stored()).toEqual(first);
  });
});

describe('attest', () => {
  test('signs with its key, for whoever has its certificate', async () => {
    const signature = await attest(authority.services, statement);
    expect([signature.length, verifies(signature, first)]).toEqual([256, true]);
    expect(authority.kms.calls.map(({ operation, input }) => [operation, input['KeyId'], input['MessageType'], input['SigningAlgorithm']])).toEqual([['Sign', first.keyArn, 'DIGEST', 'RSASSA_PKCS1_V1_5_SHA_256']]);
  });

  test('answers no signature that does not verify', async () => {
    authority.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(256, 1).toString('base64') })));
    await expect(attest(authority.services, statement)).rejects.toThrow('does not verify with the attestation authority’s certificate');
  });

  test('says what it lacks', async () => {
    authority.kms.inject(requests.sign, awsError('DisabledException'));
    await expect(attest(authority.services, statement)).rejects.toMatchObject({ code: 'KMS_UNAVAILABLE' });
    authority.dynamodb.inject(requests.readAuthority, rewritten(() => ({})));
    await expect(attest(authority.services, statement)).rejects.toMatchObject({ code: 'CA_NOT_INITIALISED' });
  });
});
