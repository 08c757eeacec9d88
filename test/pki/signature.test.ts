import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { verifyCertificateSignature, verifyRsaSha256 } from '../../lambdas/pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { agentCertificate, rsaKey, signed, type TestAuthority, testAuthority, type TestKey } from './authority-fixture.ts';
import { tlv } from './der-surgery.ts';

let key: TestKey;
let authority: TestAuthority;
const data = new Uint8Array([1, 2, 3]);

beforeAll(() => {
  key = rsaKey(2048);
  authority = testAuthority(undefined, undefined, { root: key, issuing: rsaKey(2048) });
});

describe('verifyRsaSha256', () => {
  it('accepts PKCS #1 v1.5 with SHA-256 and nothing else', () => {
    const { privateKey, subjectPublicKeyInfoDer } = key;
    const good = sign('sha256', data, privateKey);
    expect(verifyRsaSha256(subjectPublicKeyInfoDer, data, good)).toBe(true);
    expect(verifyRsaSha256(subjectPublicKeyInfoDer, new Uint8Array([1, 2, 4]), good)).toBe(false);
    expect(verifyRsaSha256(rsaKey(2048).subjectPublicKeyInfoDer, data, good)).toBe(false);
    expect(verifyRsaSha256(subjectPublicKeyInfoDer, data, good.subarray(1))).toBe(false);
    expect(verifyRsaSha256(subjectPublicKeyInfoDer, data, sign('sha1', data, privateKey))).toBe(false);
    expect(verifyRsaSha256(subjectPublicKeyInfoDer, data, sign('sha256', data, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }))).toBe(false);
  });

  it('does not verify with a key that is not RSA', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(verifyRsaSha256(publicKey.export({ type: 'spki', format: 'der' }), data, sign('sha256', data, privateKey))).toBe(false);
  });

  it('answers false to any bytes, and never throws', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (spki, message, signature) => {
      expect(verifyRsaSha256(spki, message, signature)).toBe(false);
      expect(verifyRsaSha256(key.subjectPublicKeyInfoDer, message, signature)).toBe(false);
      expect(verifyCertificateSignature(spki, key.subjectPublicKeyInfoDer)).toBe(false);
    }));
  });
});

describe('verifyCertificateSignature', () => {
  it('accepts a certificate under its issuer’s key alone', () => {
    const { rootCertificateDer, issuingCertificateDer } = authority;
    expect(verifyCertificateSignature(rootCertificateDer, key.subjectPublicKeyInfoDer)).toBe(true);
    expect(verifyCertificateSignature(issuingCertificateDer, subjectPublicKeyInfoOf(rootCertificateDer))).toBe(true);
    expect(verifyCertificateSignature(issuingCertificateDer, subjectPublicKeyInfoOf(issuingCertificateDer))).toBe(false);
    expect(verifyCertificateSignature(issuingCertificateDer, rootCertificateDer)).toBe(false);
  });

  it('refuses a changed octet anywhere, trailing bytes, and another algorithm outside than inside', () => {
    const { subjectPublicKeyInfoDer } = key;
    const der = signed(agentCertificate(authority, rsaKey(2048)), key);
    expect(verifyCertificateSignature(der, subjectPublicKeyInfoDer)).toBe(true);
    fc.assert(fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      expect(verifyCertificateSignature(der.with(at, (der[at] ?? 0) ^ flip), subjectPublicKeyInfoDer)).toBe(false);
    }));
    expect(verifyCertificateSignature(Uint8Array.from([...der, 0]), subjectPublicKeyInfoDer)).toBe(false);
    const outerAlgorithm = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
    const at = Buffer.from(der).lastIndexOf(outerAlgorithm);
    expect(verifyCertificateSignature(der.with(at + 12, 0x0c), subjectPublicKeyInfoDer)).toBe(false);
    expect(verifyCertificateSignature(tlv(0x30, der), subjectPublicKeyInfoDer)).toBe(false);
    expect(verifyCertificateSignature(der.with(0, 0xb0), subjectPublicKeyInfoDer)).toBe(false);
  });
});
