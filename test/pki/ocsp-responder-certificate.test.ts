import { beforeAll, describe, expect, it } from '@jest/globals';
import { certificateToPem, describeCertificate } from '../../lambdas/pki/certificate.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { buildOcspResponderCertificate, lintOcspResponderCertificate, type OcspResponderCertificateRequest, type OcspResponderLintInput } from '../../lambdas/pki/ocsp-responder-certificate.ts';
import { OCSP_RESPONDER_MAX_VALIDITY_SECONDS } from '../../lambdas/pki/profile.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { verifyCertificateSignature } from '../../lambdas/pki/signature.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { openssl } from '../support/openssl.ts';
import { distributed, notBefore, rsaKey, type TestAuthority, type TestKey } from './authority-fixture.ts';
import { FIELD, hex, withExtension, withExtensions, withField } from './der-surgery.ts';
import { responderCertificate, responderName, responderSerialNumber, smallAuthority } from './revocation-fixture.ts';

let authority: TestAuthority;
let key: TestKey;
let tbs: Uint8Array;
beforeAll(() => {
  authority = smallAuthority();
  key = rsaKey(2048);
  tbs = build().tbsCertificateDer;
});

const build = (changes: Partial<OcspResponderCertificateRequest> = {}): ReturnType<typeof buildOcspResponderCertificate> =>
  buildOcspResponderCertificate({
    subject: responderName, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, serialNumber: responderSerialNumber, notBefore,
    validitySeconds: OCSP_RESPONDER_MAX_VALIDITY_SECONDS, issuerCertificateDer: authority.issuingCertificateDer, settings: distributed, ...changes,
  });
const lint = (tbsCertificateDer: Uint8Array, changes: Partial<OcspResponderLintInput> = {}): string[] =>
  lintOcspResponderCertificate({
    tbsCertificateDer, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, issuerCertificateDer: authority.issuingCertificateDer, serialNumber: responderSerialNumber,
    subject: responderName, validitySeconds: OCSP_RESPONDER_MAX_VALIDITY_SECONDS, settings: distributed, ...changes,
  });

describe('the OCSP responder’s certificate', () => {
  it('has these extensions, byte for byte, and no URLs', () => {
    const keyId = (der: Uint8Array): string => describeCertificate(der).skid ?? '';
    const der = responderCertificate(authority, key);
    expect(readTbsOfCertificate(der).extensions.map(({ oid, critical, value }) => [oid, critical, hexOf(value)])).toEqual([
      [OID.basicConstraints, true, '3000'],
      [OID.keyUsage, true, '03020780'],
      [OID.extKeyUsage, false, '300a06082b06010505070309'],
      [OID.subjectKeyIdentifier, false, `0414${keyId(der)}`],
      [OID.authorityKeyIdentifier, false, `30168014${keyId(authority.issuingCertificateDer)}`],
      [OID.ocspNoCheck, false, '0500'],
    ]);
  });

  it('is verified by openssl as the issuing CA’s, for OCSP alone', () => {
    const der = responderCertificate(authority, key);
    expect(verifyCertificateSignature(der, subjectPublicKeyInfoOf(authority.issuingCertificateDer))).toBe(true);
    const files = {
      'root.pem': certificateToPem(authority.rootCertificateDer), 'issuing.pem': certificateToPem(authority.issuingCertificateDer), 'responder.pem': certificateToPem(der),
    };
    const verify = (purpose: string): ReturnType<typeof openssl> =>
      openssl(['verify', '-x509_strict', '-attime', String(Math.ceil(notBefore.getTime() / 1000)), '-purpose', purpose, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'responder.pem'], files);
    expect(verify('ocsphelper')).toMatchObject({ status: 0, stdout: 'responder.pem: OK\n' });
    expect(verify('sslclient')).toMatchObject({ status: 2, stderr: expect.stringContaining('unsuitable certificate purpose') });
    expect(openssl(['x509', '-in', 'responder.pem', '-noout', '-text'], files).stdout).toMatch(/OCSP No Check:/);
  });

  it('lives for 30 days at most, and not beyond its issuer', () => {
    const { notBefore: start, notAfter: end } = describeCertificate(responderCertificate(authority, key));
    expect((end.getTime() - start.getTime()) / 1000).toBe(30 * 86_400 - 1);
    const issuerEnd = describeCertificate(authority.issuingCertificateDer).notAfter;
    const late = build({ notBefore: new Date(issuerEnd.getTime() - 3_600_000) }).tbsCertificateDer;
    expect(hexOf(readTbsCertificate(late).notAfter.encoded)).toBe(hexOf(readTbsOfCertificate(authority.issuingCertificateDer).notAfter.encoded));
    expect(lint(late)).toEqual([]);
    for (const validitySeconds of [0, -1, 1.5, Number.NaN, 30 * 86_400]) expect(() => build({ validitySeconds })).toThrow(ProfileError);
  });
});

describe('lintOcspResponderCertificate', () => {
  it('lets pass what is built, of any validity', () => {
    expect(lint(tbs)).toEqual([]);
    expect(lint(build({ validitySeconds: 86_399 }).tbsCertificateDer, { validitySeconds: 86_399 })).toEqual([]);
  });

  it.each<[string, () => string[], RegExp]>([
    ['another key', () => lint(tbs, { subjectPublicKeyInfoDer: rsaKey(2048).subjectPublicKeyInfoDer }), /KMS key/],
    ['a key of 3072 bits', () => {
      const { subjectPublicKeyInfoDer } = rsaKey(3072);
      return lint(build({ subjectPublicKeyInfoDer }).tbsCertificateDer, { subjectPublicKeyInfoDer });
    }, /3072 bits, not 2048/],
    ['another serial number', () => lint(tbs, { serialNumber: '34'.repeat(16) }), /serialNumber/],
    ['another subject', () => lint(tbs, { subject: { ...responderName, commonName: 'Other' } }), /subject is/],
    ['another issuer', () => lint(tbs, { issuerCertificateDer: authority.rootCertificateDer }), /issuer is not byte for byte/],
    ['an issuer that is no CA', () => lint(tbs, { issuerCertificateDer: responderCertificate(authority, key) }), /not a CA certificate/],
    ['more than 30 days', () => lint(tbs, { validitySeconds: 31 * 86_400 }), /longer than 30 days/],
    ['longer than asked for', () => lint(tbs, { validitySeconds: 86_399 }), /validity is/],
    ['another purpose', () => lint(withExtension(tbs, OID.extKeyUsage, { value: hex('300a06082b06010505070302') })), /extKeyUsage is/],
    ['a CA', () => lint(withExtension(tbs, OID.basicConstraints, { value: hex('30030101ff') })), /basicConstraints is/],
    ['no nocheck', () => lint(withExtensions(tbs, (all) => all.filter(({ oid }) => oid !== OID.ocspNoCheck))), /id-pkix-ocsp-nocheck is missing/],
    ['a critical nocheck', () => lint(withExtension(tbs, OID.ocspNoCheck, { critical: true })), /nocheck is critical/],
    ['an extension more', () => lint(withExtensions(tbs, (all) => [...all, { oid: '1.2.3', critical: false, value: hex('0500') }])), /1\.2\.3 is not part/],
    ['v1', () => lint(withField(tbs, FIELD.version, new Uint8Array())), /not v3/],
    ['no DER', () => lint(hex('3080')), /indefinite/],
  ])('refuses %s', (_, refusals, reason) => {
    expect(refusals().join('\n')).toMatch(reason);
  });
});
