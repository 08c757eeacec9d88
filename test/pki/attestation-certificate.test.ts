import { beforeAll, describe, expect, it } from '@jest/globals';
import { type AttestationCertificateRequest, type AttestationLintInput, buildAttestationCertificate, lintAttestationCertificate } from '../../lambdas/pki/attestation-certificate.ts';
import { certificateToPem, describeCertificate } from '../../lambdas/pki/certificate.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { verifyCertificateSignature } from '../../lambdas/pki/signature.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { openssl } from '../support/openssl.ts';
import { agentCertificate, distributed, notBefore, rsaKey, signed, type TestAuthority, type TestKey } from './authority-fixture.ts';
import { FIELD, fieldOf, hex, withExtension, withExtensions, withField } from './der-surgery.ts';
import { smallAuthority } from './revocation-fixture.ts';

const subject = { country: 'JP', organization: 'Kakunin', commonName: 'Kakunin Attestation' };
const serialNumber = '44'.repeat(16);

let authority: TestAuthority;
let key: TestKey;
let der: Uint8Array;
let tbs: Uint8Array;
beforeAll(() => {
  authority = smallAuthority();
  key = rsaKey(2048);
  const unsigned = build();
  tbs = unsigned.tbsCertificateDer;
  der = signed(unsigned, authority.issuingKey);
});

const build = (changes: Partial<AttestationCertificateRequest> = {}): ReturnType<typeof buildAttestationCertificate> =>
  buildAttestationCertificate({
    subject, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, serialNumber, notBefore, issuerCertificateDer: authority.issuingCertificateDer, settings: distributed, ...changes,
  });
const lint = (tbsCertificateDer: Uint8Array, changes: Partial<AttestationLintInput> = {}): string[] =>
  lintAttestationCertificate({
    tbsCertificateDer, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, issuerCertificateDer: authority.issuingCertificateDer, serialNumber, subject, settings: distributed, ...changes,
  });

describe('the attestation authority’s certificate', () => {
  it('has these extensions, byte for byte, and no URLs', () => {
    const keyId = (certificateDer: Uint8Array): string => describeCertificate(certificateDer).skid ?? '';
    expect(readTbsOfCertificate(der).extensions.map(({ oid, critical, value }) => [oid, critical, hexOf(value)])).toEqual([
      [OID.basicConstraints, true, '3000'],
      [OID.keyUsage, true, '03020780'],
      [OID.extKeyUsage, false, '300a06082b06010505070324'],
      [OID.subjectKeyIdentifier, false, `0414${keyId(der)}`],
      [OID.authorityKeyIdentifier, false, `30168014${keyId(authority.issuingCertificateDer)}`],
    ]);
  });

  it('is verified by openssl as the issuing CA’s, and is no certificate to authenticate with', () => {
    expect(verifyCertificateSignature(der, subjectPublicKeyInfoOf(authority.issuingCertificateDer))).toBe(true);
    const files = {
      'root.pem': certificateToPem(authority.rootCertificateDer), 'issuing.pem': certificateToPem(authority.issuingCertificateDer), 'attestation.pem': certificateToPem(der),
    };
    const verify = (...purpose: string[]): ReturnType<typeof openssl> =>
      openssl(['verify', '-x509_strict', '-attime', String(Math.ceil(notBefore.getTime() / 1000)), ...purpose, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'attestation.pem'], files);
    expect(verify()).toMatchObject({ status: 0, stdout: 'attestation.pem: OK\n' });
    for (const purpose of ['sslclient', 'sslserver', 'smimesign', 'ocsphelper']) {
      expect([purpose, verify('-purpose', purpose).status]).toEqual([purpose, purpose === 'ocsphelper' ? 0 : 2]); // openssl lets every certificate help with OCSP.
    }
  });

  it('lives for two years, and not beyond its issuer', () => {
    const { notBefore: start, notAfter: end } = describeCertificate(der);
    expect((end.getTime() - start.getTime()) / 1000).toBe(2 * 365 * 86_400 - 1);
    const issuerEnd = describeCertificate(authority.issuingCertificateDer).notAfter;
    const late = build({ notBefore: new Date(issuerEnd.getTime() - 3_600_000) }).tbsCertificateDer;
    expect(hexOf(readTbsCertificate(late).notAfter.encoded)).toBe(hexOf(readTbsOfCertificate(authority.issuingCertificateDer).notAfter.encoded));
    expect(lint(late)).toEqual([]);
    expect(() => build({ notBefore: new Date(Number.NaN) })).toThrow(ProfileError);
  });
});

describe('lintAttestationCertificate', () => {
  it('lets pass what is built', () => {
    expect(lint(tbs)).toEqual([]);
  });

  it.each<[string, () => string[], RegExp]>([
    ['another key', () => lint(tbs, { subjectPublicKeyInfoDer: rsaKey(2048).subjectPublicKeyInfoDer }), /KMS key/],
    ['a key of 3072 bits', () => {
      const { subjectPublicKeyInfoDer } = rsaKey(3072);
      return lint(build({ subjectPublicKeyInfoDer }).tbsCertificateDer, { subjectPublicKeyInfoDer });
    }, /3072 bits, not 2048/],
    ['another serial number', () => lint(tbs, { serialNumber: '34'.repeat(16) }), /serialNumber/],
    ['another subject', () => lint(tbs, { subject: { ...subject, commonName: 'Other' } }), /subject is/],
    ['another issuer', () => lint(tbs, { issuerCertificateDer: authority.rootCertificateDer }), /issuer is not byte for byte/],
    ['an issuer that is no CA', () => lint(tbs, { issuerCertificateDer: der }), /not a CA certificate/],
    ['a time before its issuer', () => lint(build({ notBefore: new Date(notBefore.getTime() - 1000) }).tbsCertificateDer), /notBefore lies before the CA's/],
    ['another validity', () => lint(withField(tbs, FIELD.validity, fieldOf(agentCertificate(authority, key).tbsCertificateDer, FIELD.validity))), /validity is 31535999 s/],
    ['a purpose of TLS', () => lint(withExtension(tbs, OID.extKeyUsage, { value: hex('300a06082b06010505070302') })), /extKeyUsage is/],
    ['any purpose', () => lint(withExtensions(tbs, (all) => all.filter(({ oid }) => oid !== OID.extKeyUsage))), /extKeyUsage is missing/],
    ['a CA', () => lint(withExtension(tbs, OID.basicConstraints, { value: hex('30030101ff') })), /basicConstraints is/],
    ['a use beyond signatures', () => lint(withExtension(tbs, OID.keyUsage, { value: hex('03020106') })), /keyUsage is/],
    ['an extension more', () => lint(withExtensions(tbs, (all) => [...all, { oid: '1.2.3', critical: false, value: hex('0500') }])), /1\.2\.3 is not part/],
    ['v1', () => lint(withField(tbs, FIELD.version, new Uint8Array())), /not v3/],
    ['no DER', () => lint(hex('3080')), /indefinite/],
  ])('refuses %s', (_, refusals, reason) => {
    expect(refusals().join('\n')).toMatch(reason);
  });
});
