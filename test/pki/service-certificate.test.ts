import { beforeAll, describe, expect, it } from '@jest/globals';
import { certificateToPem, describeCertificate } from '../../lambdas/pki/certificate.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { lintServiceCertificate, type ServiceLintInput } from '../../lambdas/pki/lint.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { buildServiceCertificate, type ServiceCertificateRequest } from '../../lambdas/pki/service-certificate.ts';
import { verifyCertificateSignature } from '../../lambdas/pki/signature.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { openssl } from '../support/openssl.ts';
import { agentCertificate, distributed, notBefore, rsaKey, signed, type TestAuthority, type TestKey } from './authority-fixture.ts';
import { FIELD, fieldOf, hex, withExtension, withExtensions, withField } from './der-surgery.ts';
import { smallAuthority } from './revocation-fixture.ts';

let authority: TestAuthority;
let key: TestKey;
beforeAll(() => {
  authority = smallAuthority();
  key = rsaKey(2048);
});

/** What makes the one certificate or the other, but for what a test wants otherwise. */
const request = (role: ServiceCertificateRequest['role']): ServiceCertificateRequest => ({
  role, subject: { country: 'JP', organization: 'Kakunin', commonName: 'Kakunin Service' }, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, serialNumber: '44'.repeat(16), notBefore,
  issuerCertificateDer: authority.issuingCertificateDer, settings: distributed,
});

const profiles = [
  { role: 'ocsp', purpose: '300a06082b06010505070309', further: [[OID.ocspNoCheck, false, '0500']], validitySeconds: 30 * 86_400 - 1 },
  { role: 'attestation', purpose: '300a06082b06010505070324', further: [], validitySeconds: 2 * 365 * 86_400 - 1 },
] as const;

describe.each(profiles)('the service certificate of the role $role', ({ role, purpose, further, validitySeconds }) => {
  let tbs: Uint8Array;
  let der: Uint8Array;
  beforeAll(() => {
    const unsigned = build();
    tbs = unsigned.tbsCertificateDer;
    der = signed(unsigned, authority.issuingKey);
  });

  const build = (changes: Partial<ServiceCertificateRequest> = {}) => buildServiceCertificate({ ...request(role), ...changes });
  const lint = (tbsCertificateDer: Uint8Array, changes: Partial<ServiceLintInput> = {}) => lintServiceCertificate({ ...request(role), tbsCertificateDer, ...changes });

  it('has these extensions, byte for byte, and no URLs', () => {
    const keyId = (certificateDer: Uint8Array): string => describeCertificate(certificateDer).skid ?? '';
    expect(readTbsOfCertificate(der).extensions.map(({ oid, critical, value }) => [oid, critical, hexOf(value)])).toEqual([
      [OID.basicConstraints, true, '3000'],
      [OID.keyUsage, true, '03020780'],
      [OID.extKeyUsage, false, purpose],
      [OID.subjectKeyIdentifier, false, `0414${keyId(der)}`],
      [OID.authorityKeyIdentifier, false, `30168014${keyId(authority.issuingCertificateDer)}`],
      ...further,
    ]);
  });

  it('is verified by openssl as the issuing CA’s, and is no certificate to authenticate with', () => {
    expect(verifyCertificateSignature(der, subjectPublicKeyInfoOf(authority.issuingCertificateDer))).toBe(true);
    const files = {
      'root.pem': certificateToPem(authority.rootCertificateDer), 'issuing.pem': certificateToPem(authority.issuingCertificateDer), 'service.pem': certificateToPem(der),
    };
    const verify = (...purposes: string[]) =>
      openssl(['verify', '-x509_strict', '-attime', String(Math.ceil(notBefore.getTime() / 1000)), ...purposes, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'service.pem'], files);
    expect(verify()).toMatchObject({ status: 0, stdout: 'service.pem: OK\n' });
    expect(verify('-purpose', 'ocsphelper')).toMatchObject({ status: 0 }); // openssl lets every certificate help with OCSP.
    for (const other of ['sslclient', 'sslserver', 'smimesign']) {
      expect([other, verify('-purpose', other)]).toEqual([other, expect.objectContaining({ status: 2, stderr: expect.stringContaining('unsuitable certificate purpose') })]);
    }
    expect(openssl(['x509', '-in', 'service.pem', '-noout', '-text'], files).stdout.includes('OCSP No Check:')).toBe(role === 'ocsp');
  });

  it('lives for its time, and not beyond its issuer', () => {
    const { notBefore: start, notAfter: end } = describeCertificate(der);
    expect((end.getTime() - start.getTime()) / 1000).toBe(validitySeconds);
    const issuerEnd = describeCertificate(authority.issuingCertificateDer).notAfter;
    const late = build({ notBefore: new Date(issuerEnd.getTime() - 3_600_000) }).tbsCertificateDer;
    expect(hexOf(readTbsCertificate(late).notAfter.encoded)).toBe(hexOf(readTbsOfCertificate(authority.issuingCertificateDer).notAfter.encoded));
    expect(lint(late)).toEqual([]);
    expect(() => build({ notBefore: new Date(Number.NaN) })).toThrow(ProfileError);
  });

  it('passes its lint', () => {
    expect(lint(tbs)).toEqual([]);
  });

  it.each<[string, () => string[], RegExp]>([
    ['another key', () => lint(tbs, { subjectPublicKeyInfoDer: rsaKey(2048).subjectPublicKeyInfoDer }), /KMS key/],
    ['a key of 3072 bits', () => {
      const { subjectPublicKeyInfoDer } = rsaKey(3072);
      return lint(build({ subjectPublicKeyInfoDer }).tbsCertificateDer, { subjectPublicKeyInfoDer });
    }, /3072 bits, not 2048/],
    ['another serial number', () => lint(tbs, { serialNumber: '34'.repeat(16) }), /serialNumber/],
    ['another subject', () => lint(tbs, { subject: { organization: 'Kakunin', commonName: 'Other' } }), /subject is/],
    ['another issuer', () => lint(tbs, { issuerCertificateDer: authority.rootCertificateDer }), /issuer is not byte for byte/],
    ['an issuer that is no CA', () => lint(tbs, { issuerCertificateDer: der }), /not a CA certificate/],
    ['a time before its issuer', () => lint(build({ notBefore: new Date(notBefore.getTime() - 1000) }).tbsCertificateDer), /notBefore lies before the CA's/],
    ['another validity', () => lint(withField(tbs, FIELD.validity, fieldOf(agentCertificate(authority, key).tbsCertificateDer, FIELD.validity))), /validity is 31535999 s/],
    ['the certificate of the other part', () => lint(tbs, { role: role === 'ocsp' ? 'attestation' : 'ocsp' }), /validity is[^]*extKeyUsage is/],
    ['a purpose of TLS', () => lint(withExtension(tbs, OID.extKeyUsage, { value: hex('300a06082b06010505070302') })), /extKeyUsage is/],
    ['any purpose', () => lint(withExtensions(tbs, (all) => all.filter(({ oid }) => oid !== OID.extKeyUsage))), /extKeyUsage is missing/],
    ['a CA', () => lint(withExtension(tbs, OID.basicConstraints, { value: hex('30030101ff') })), /basicConstraints is/],
    ['a use beyond signatures', () => lint(withExtension(tbs, OID.keyUsage, { value: hex('03020106') })), /keyUsage is/],
    ['an extension more', () => lint(withExtensions(tbs, (all) => [...all, { oid: '1.2.3', critical: false, value: hex('0500') }])), /1\.2\.3 is not part/],
    ['v1', () => lint(withField(tbs, FIELD.version, new Uint8Array())), /not v3/],
    ['no DER', () => lint(hex('3080')), /indefinite/],
  ])('is refused by its lint for %s', (_, refusals, reason) => {
    expect(refusals().join('\n')).toMatch(reason);
  });
});

describe('id-pkix-ocsp-nocheck', () => {
  const tbsOf = (role: ServiceCertificateRequest['role']) => buildServiceCertificate(request(role)).tbsCertificateDer;
  const noCheck = { oid: OID.ocspNoCheck, critical: false, value: hex('0500') };

  it.each<[string, ServiceCertificateRequest['role'], (tbs: Uint8Array) => Uint8Array, RegExp]>([
    ['missing from the OCSP responder’s certificate', 'ocsp', (tbs) => withExtensions(tbs, (all) => all.filter(({ oid }) => oid !== OID.ocspNoCheck)), /id-pkix-ocsp-nocheck is missing/],
    ['critical in it', 'ocsp', (tbs) => withExtension(tbs, OID.ocspNoCheck, { critical: true }), /nocheck is critical/],
    ['in the attestation authority’s', 'attestation', (tbs) => withExtensions(tbs, (all) => [...all, noCheck]), /1\.3\.6\.1\.5\.5\.7\.48\.1\.5 is not part/],
  ])('is refused %s', (_, role, change, reason) => {
    expect(lintServiceCertificate({ ...request(role), tbsCertificateDer: change(tbsOf(role)) }).join('\n')).toMatch(reason);
  });
});
