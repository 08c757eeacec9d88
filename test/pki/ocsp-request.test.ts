import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { readDer } from '../../lambdas/pki/der-reader.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { isIssuedBy, OCSP_MAX_CERT_IDS, OCSP_REQUEST_MAX_OCTETS, type OcspIssuerHashes, ocspIssuerHashes, type OcspRequest, parseOcspRequest } from '../../lambdas/pki/ocsp-request.ts';
import { certificateIdOf } from '../../lambdas/pki/serial-number.ts';
import { readTbsOfCertificate } from '../../lambdas/pki/tbs-certificate.ts';
import { runWithFiles } from '../support/openssl.ts';
import { agentCertificate, rsaKey, signed, type TestAuthority } from './authority-fixture.ts';
import { hex, oid, tlv } from './der-surgery.ts';
import { serialNumbers, smallAuthority } from './revocation-fixture.ts';

const serials = serialNumbers(3, 'ocsp');

let authority: TestAuthority;
let issuer: OcspIssuerHashes;
let files: Record<string, string>;
beforeAll(() => {
  authority = smallAuthority();
  issuer = ocspIssuerHashes(authority.issuingCertificateDer);
  const key = rsaKey(2048);
  files = {
    'issuing.pem': certificateToPem(authority.issuingCertificateDer),
    'root.pem': certificateToPem(authority.rootCertificateDer),
    ...Object.fromEntries(serials.map((serialNumber, index) => [
      `${index}.pem`, certificateToPem(signed(agentCertificate(authority, key, { certificateId: certificateIdOf(serialNumber) }), authority.issuingKey)),
    ])),
  };
});

/** The request openssl makes. */
function requestOf(...options: string[]): Uint8Array {
  const { stdout } = runWithFiles('sh', ['-c', `openssl ocsp ${options.join(' ')} -reqout request.der && openssl base64 -in request.der`], files);
  return Uint8Array.from(Buffer.from(stdout, 'base64'));
}

function parsed(der: Uint8Array): OcspRequest {
  const request = parseOcspRequest(der);
  if ('malformed' in request) throw new Error(request.malformed);
  return request;
}

describe('a request of openssl’s', () => {
  it.each([['sha1', 'sha1'], ['sha256', 'sha256']] as const)('with %s is read', (option, hashAlgorithm) => {
    const { certIds, nonce } = parsed(requestOf(`-${option}`, '-issuer issuing.pem', '-cert 0.pem'));
    expect(nonce).toHaveLength(16);
    expect(certIds).toEqual([expect.objectContaining({ hashAlgorithm, serialNumber: serials[0], ...issuer[hashAlgorithm] })]);
    expect(certIds.every((certId) => isIssuedBy(certId, issuer))).toBe(true);
  });

  it('about several certificates, by different hashes and without a nonce, is read in order', () => {
    const der = requestOf('-no_nonce', '-issuer issuing.pem', '-cert 2.pem', '-sha256', '-cert 0.pem', '-sha384', '-cert 1.pem');
    const { certIds, nonce } = parsed(der);
    expect(nonce).toBeUndefined();
    expect(certIds.map(({ serialNumber, hashAlgorithm }) => [serialNumber, hashAlgorithm])).toEqual([[serials[2], 'sha1'], [serials[0], 'sha256'], [serials[1], undefined]]);
    expect(certIds.map((certId) => isIssuedBy(certId, issuer))).toEqual([true, true, false]);
    // The bytes the answer repeats are the client's.
    for (const certId of certIds) expect(hexOf(der)).toContain(hexOf(certId.der));
  });

  it('about another issuer’s certificate is not ours', () => {
    // The first has the issuing CA's name and the root's key.
    const { certIds } = parsed(requestOf('-issuer root.pem', '-cert 0.pem', '-serial 0x7F'));
    expect(certIds.map((certId) => isIssuedBy(certId, issuer))).toEqual([false, false]);
    expect(certIds.map((certId) => isIssuedBy(certId, ocspIssuerHashes(authority.rootCertificateDer)))).toEqual([false, true]);
  });

  it('that is signed is read without regard to who signed it', () => {
    const { privateKey } = authority.issuingKey;
    files['signer.key'] = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { certIds } = parsed(requestOf('-issuer issuing.pem', '-cert 0.pem', '-signer issuing.pem', '-signkey signer.key'));
    expect(certIds.map(({ serialNumber }) => serialNumber)).toEqual([serials[0]]);
  });
});

it('the issuer’s hashes are of its name and of its key’s bits', () => {
  const { subject, subjectPublicKeyInfo } = readTbsOfCertificate(authority.issuingCertificateDer);
  const digest = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex');
  const keyBits = subjectPublicKeyInfo.children[1]?.content.subarray(1) ?? new Uint8Array();
  expect(issuer.sha256).toEqual({ issuerNameHash: digest('sha256', subject.encoded), issuerKeyHash: digest('sha256', keyBits) });
  expect(issuer.sha1.issuerKeyHash).toBe(digest('sha1', keyBits));
});

// Requests by hand.
const NULL = hex('0500');
const SHA1 = '1.3.14.3.2.26';
const certId = ({ algorithm = tlv(0x30, oid(SHA1), NULL), serial = '020101', nameHash = '11'.repeat(20) } = {}): Uint8Array =>
  tlv(0x30, algorithm, tlv(0x04, hex(nameHash)), tlv(0x04, hex('22'.repeat(20))), hex(serial));
const single = (...extensions: Uint8Array[]): Uint8Array => tlv(0x30, certId(), ...(extensions.length === 0 ? [] : [tlv(0xa0, tlv(0x30, ...extensions))]));
const request = (...tbsFields: Uint8Array[]): Uint8Array => tlv(0x30, tlv(0x30, ...tbsFields));
const list = (...singles: Uint8Array[]): Uint8Array => tlv(0x30, ...singles);
const extension = (dotted: string, value: string, critical = false): Uint8Array => tlv(0x30, oid(dotted), ...(critical ? [hex('0101ff')] : []), tlv(0x04, hex(value)));
const extensions = (...all: Uint8Array[]): Uint8Array => tlv(0xa2, tlv(0x30, ...all));
const nonceOf = (octets: number, critical = false): Uint8Array => extension('1.3.6.1.5.5.7.48.1.2', hexOf(tlv(0x04, new Uint8Array(octets).fill(0xab))), critical);

describe('parseOcspRequest', () => {
  it.each([1, 15, 32, 127, 128])('takes a nonce of %i octets', (octets) => {
    expect(parsed(request(list(single()), extensions(nonceOf(octets)))).nonce).toEqual(new Uint8Array(octets).fill(0xab));
    expect(parsed(request(list(single()), extensions(nonceOf(octets, true)))).nonce).toHaveLength(octets);
  });

  it('takes what makes no difference', () => {
    const requestorName = tlv(0xa1, tlv(0xa4, tlv(0x30, tlv(0x31, tlv(0x30, oid('2.5.4.3'), tlv(0x1e, hex('00410042')))))));
    const preferredAlgorithms = extension('1.3.6.1.5.5.7.48.1.8', '3000');
    const der = request(hex('a003020100'), requestorName, list(single(preferredAlgorithms), single()), extensions(preferredAlgorithms));
    expect(parsed(der)).toMatchObject({ nonce: undefined, certIds: [{ serialNumber: `${'0'.repeat(31)}1` }, {}] });
    expect(parsed(request(list(tlv(0x30, certId({ algorithm: tlv(0x30, oid(SHA1)) }))))).certIds[0]?.hashAlgorithm).toBe('sha1');
  });

  it.each([
    ['-1', '0201ff', undefined],
    ['16 octets', `0210${'7f'.repeat(16)}`, '7F'.repeat(16)],
    ['a sign octet', `021100${'80'.repeat(16)}`, '80'.repeat(16)],
    ['17 octets', `0211${'7f'.repeat(17)}`, undefined],
    ['40 octets', `0228${'7f'.repeat(40)}`, undefined],
    ['0', '020100', undefined],
  ])('reads serial number %s', (_, serial, expected) => {
    expect(parsed(request(list(tlv(0x30, certId({ serial }))))).certIds[0]?.serialNumber).toBe(expected);
  });

  it('does not know hashes with other parameters than NULL, nor those of other lengths than they have', () => {
    const algorithm = tlv(0x30, oid(SHA1), hex('3000'));
    expect(parsed(request(list(tlv(0x30, certId({ algorithm }))))).certIds[0]?.hashAlgorithm).toBeUndefined();
    const short = parsed(request(list(tlv(0x30, certId({ nameHash: '' })))));
    expect(short.certIds.map((one) => isIssuedBy(one, issuer))).toEqual([false]);
  });

  const many = (count: number): Uint8Array => request(list(...Array.from({ length: count }, () => single())));
  it.each<[string, () => Uint8Array, RegExp]>([
    ['nothing', () => new Uint8Array(), /ends before/],
    ['no SEQUENCE', () => NULL, /not an OCSPRequest/],
    ['an empty one', () => hex('3000'), /not an OCSPRequest/],
    ['an empty TBSRequest', () => request(), /not a TBSRequest/],
    ['trailing bytes', () => Uint8Array.from([...many(1), 0]), /trailing/],
    ['an indefinite length', () => hex('308030800000'), /indefinite/],
    ['no certificate', () => request(list()), /no certificate/],
    ['17 certificates', () => many(OCSP_MAX_CERT_IDS + 1), /more than 16/],
    ['4,097 octets', () => new Uint8Array(OCSP_REQUEST_MAX_OCTETS + 1), /longer than 4096/],
    ['version 2', () => request(hex('a003020101'), list(single())), /version 1/],
    ['fields in another order', () => request(list(single()), hex('a003020100')), /not a TBSRequest/],
    ['a third part', () => tlv(0x30, tlv(0x30, list(single())), tlv(0xa0, NULL), NULL), /more than 2/],
    ['a second part that is no signature', () => tlv(0x30, tlv(0x30, list(single())), NULL), /not an OCSPRequest/],
    ['no CertID', () => request(list(hex('3000'))), /Request is malformed/],
    ['a CertID of other parts', () => request(list(tlv(0x30, tlv(0x30, NULL)))), /CertID is malformed/],
    ['a serial number that is not minimal', () => request(list(tlv(0x30, certId({ serial: '02020001' })))), /not minimal/],
    ['a nonce of 0 octets', () => request(list(single()), extensions(nonceOf(0))), /1 to 128/],
    ['a nonce of 129 octets', () => request(list(single()), extensions(nonceOf(129))), /1 to 128/],
    ['a nonce that is no OCTET STRING', () => request(list(single()), extensions(extension('1.3.6.1.5.5.7.48.1.2', '020105'))), /1 to 128/],
    ['two nonces', () => request(list(single()), extensions(nonceOf(16), nonceOf(16))), /two nonces/],
    ['no extension', () => request(list(single()), extensions()), /Extensions are malformed/],
    ['an unknown critical extension', () => request(list(single()), extensions(nonceOf(16), extension('1.3.6.1.5.5.7.48.1.7', '3000', true))), /critical extension 1.3.6.1.5.5.7.48.1.7/],
    ['an unknown critical extension about one certificate', () => request(list(single(extension('1.3.6.1.5.5.7.48.1.7', '3000', true)))), /critical extension/],
  ])('calls %s malformed', (_, der, reason) => {
    expect(parseOcspRequest(der())).toEqual({ malformed: expect.stringMatching(reason) });
  });

  it('takes 16 certificates', () => {
    expect(parsed(many(OCSP_MAX_CERT_IDS)).certIds).toHaveLength(16);
  });

  it('keeps nothing of the client’s buffer', () => {
    const der = request(list(single()), extensions(nonceOf(16)));
    const { certIds, nonce } = parsed(der);
    der.fill(0);
    expect(hexOf(certIds[0]?.der ?? der)).toBe(hexOf(certId()));
    expect(nonce?.[0]).toBe(0xab);
  });

  it('answers any bytes, and reads CertIDs only out of DER', () => {
    const sound = request(hex('a003020100'), list(single(), single(extension('1.2.3', '0500'))), extensions(nonceOf(32)));
    const mutated = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map((changes) => {
      const copy = sound.slice();
      for (const [index, octet] of changes) copy[index] = octet;
      return copy;
    });
    const cut = fc.nat(sound.length).map((length) => sound.slice(0, length));
    const nested = fc.nat(2000).map((depth) => hex('3080'.repeat(depth)));
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated, cut, nested), (bytes) => {
      const result = parseOcspRequest(bytes);
      if ('malformed' in result) expect(result.malformed).toMatch(/\.$/);
      else for (const one of result.certIds) expect(hexOf(readDer(one.der).encoded)).toBe(hexOf(one.der));
    }), { numRuns: 1000 });
  });

  it('is quick with the worst that fits', () => {
    const worst = [hex('30'.repeat(OCSP_REQUEST_MAX_OCTETS)), Uint8Array.from({ length: OCSP_REQUEST_MAX_OCTETS }, (_, index) => (index % 2 ? 0x00 : 0x05)), deep(OCSP_REQUEST_MAX_OCTETS)];
    const start = performance.now();
    for (const bytes of worst) expect(parseOcspRequest(bytes)).toHaveProperty('malformed');
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

/** SEQUENCEs in SEQUENCEs, as many as fit. */
function deep(maxOctets: number): Uint8Array {
  let der: Uint8Array = new Uint8Array();
  while (der.length + 4 <= maxOctets) der = tlv(0x30, der);
  return der;
}
