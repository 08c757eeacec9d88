import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { crlToPem, encodeRevokedCertificate } from '../../lambdas/pki/crl.ts';
import { certificateIdOf } from '../../lambdas/pki/serial-number.ts';
import { openssl } from '../support/openssl.ts';
import { agentCertificate, rsaKey, settings, signed, type TestAuthority, testAuthority, type TestKey } from './authority-fixture.ts';
import { serialNumbers, signedCrl } from './revocation-fixture.ts';

// The first and the last seconds of certificates and CRLs, as openssl and Node read them. The second notAfter itself, which
// belongs to the validity (RFC 5280 §4.1.2.5), and nextUpdate are left out: openssl takes "at" for "after" there.
const authorityStarts = ['2026-01-01T00:00:00Z', '2044-06-01T00:00:00Z'] as const;
const seconds = (time: string): number => Date.parse(time) / 1000;

let key: TestKey;
let authorities: TestAuthority[];
let files: Record<string, string>;
beforeAll(() => {
  key = rsaKey(2048);
  const keys = { root: rsaKey(2048), issuing: rsaKey(2048) };
  authorities = authorityStarts.map((start) => testAuthority(settings, new Date(start), keys));
  files = Object.fromEntries(authorities.flatMap(({ rootCertificateDer, issuingCertificateDer }, index) => [
    [`root-${index}.pem`, certificateToPem(rootCertificateDer)], [`issuing-${index}.pem`, certificateToPem(issuingCertificateDer)],
  ]));
});

/** What `openssl verify` says of a leaf at a time: OK, or its errors. */
function verdict(leafPem: string, authority: number, attime: number, crls?: string | Uint8Array): string {
  const options = crls === undefined ? [] : ['-crl_check', '-CRLfile', 'crls.pem'];
  const { stdout, stderr } = openssl(
    ['verify', '-x509_strict', '-attime', String(attime), '-CAfile', `root-${authority}.pem`, '-untrusted', `issuing-${authority}.pem`, ...options, 'leaf.pem'],
    { ...files, 'leaf.pem': leafPem, 'crls.pem': crls ?? '' },
  );
  return stdout === 'leaf.pem: OK\n' ? 'OK' : [...stderr.matchAll(/ lookup: (.*)\n/g)].map(([, error]) => error).join(', ');
}

describe('a certificate', () => {
  it.each([
    ['in an ordinary year', '2026-03-01T12:34:56Z', '2027-03-01T12:34:55Z', 0],
    ['issued on a leap day', '2028-02-29T00:00:00Z', '2029-02-27T23:59:59Z', 0],
    ['that ends on a leap day', '2027-03-01T12:00:00Z', '2028-02-29T11:59:59Z', 0],
    ['that ends with 2049, in UTCTime', '2049-01-01T00:00:00Z', '2049-12-31T23:59:59Z', 1],
    ['that ends with the first second of 2050, in GeneralizedTime', '2049-01-01T00:00:01Z', '2050-01-01T00:00:00Z', 1],
    ['issued in 2050', '2050-01-01T00:00:00Z', '2050-12-31T23:59:59Z', 1],
  ])('%s', (_, notBefore, notAfter, authority) => {
    const { issuingKey } = authorities[authority] as TestAuthority;
    const pem = certificateToPem(signed(agentCertificate(authorities[authority] as TestAuthority, key, { notBefore: new Date(notBefore) }), issuingKey));
    const { validFrom, validTo } = new X509Certificate(pem);
    expect([validFrom, validTo].map((time) => new Date(time).toISOString())).toEqual([notBefore, notAfter].map((time) => new Date(time).toISOString()));

    expect(verdict(pem, authority, seconds(notBefore) - 1)).toBe('certificate is not yet valid');
    expect(verdict(pem, authority, seconds(notBefore))).toBe('OK');
    expect(verdict(pem, authority, seconds(notAfter) - 1)).toBe('OK');
    expect(verdict(pem, authority, seconds(notAfter) + 1)).toBe('certificate has expired');
  });
});

describe('a CRL', () => {
  const [serialNumber = '', otherSerialNumber = ''] = serialNumbers(2, 'edges');

  it.each([
    ['in an ordinary year', '2026-06-01T00:00:00Z', '2026-06-02T01:00:00Z', 0, ['Jun  1 00:00:00 2026 GMT', 'Jun  2 01:00:00 2026 GMT']],
    ['over a leap day', '2028-02-28T23:30:00Z', '2028-03-01T00:30:00Z', 0, ['Feb 28 23:30:00 2028 GMT', 'Mar  1 00:30:00 2028 GMT']],
    ['from 2049 to 2050', '2049-12-31T23:59:59Z', '2050-01-02T00:59:59Z', 1, ['Dec 31 23:59:59 2049 GMT', 'Jan  2 00:59:59 2050 GMT']],
    ['in 2050', '2050-01-01T00:00:00Z', '2050-01-02T01:00:00Z', 1, ['Jan  1 00:00:00 2050 GMT', 'Jan  2 01:00:00 2050 GMT']],
  ])('%s', (_, thisUpdate, nextUpdate, authority, printed) => {
    const issuer = authorities[authority] as TestAuthority;
    const leaf = (id: string): string =>
      certificateToPem(signed(agentCertificate(issuer, key, { certificateId: certificateIdOf(id), notBefore: new Date(Date.parse(thisUpdate) - 86_400_000) }), issuer.issuingKey));
    const crl = crlToPem(signedCrl(issuer, {
      thisUpdate: new Date(thisUpdate), nextUpdate: new Date(nextUpdate), entries: [encodeRevokedCertificate({ serialNumber, revocationDate: new Date(thisUpdate), reasonCode: 1 })],
    }));
    const { stdout } = openssl(['crl', '-in', 'crl.pem', '-noout', '-text'], { 'crl.pem': crl });
    expect([...stdout.matchAll(/(?:Last Update|Next Update|Revocation Date): (.*)/g)].map(([, time]) => time)).toEqual([...printed, printed[0]]);

    const active = (time: number): string => verdict(leaf(otherSerialNumber), authority, time, crl);
    expect(active(seconds(thisUpdate) - 1)).toBe('CRL is not yet valid');
    expect(active(seconds(thisUpdate))).toBe('OK');
    expect(active(seconds(nextUpdate) - 1)).toBe('OK');
    expect(active(seconds(nextUpdate) + 1)).toBe('CRL has expired');
    expect(verdict(leaf(serialNumber), authority, seconds(nextUpdate) - 1, crl)).toBe('certificate revoked');
  });
});
