import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as pkijs from 'pkijs';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { DerError, readDer } from '../../lambdas/pki/der-reader.ts';
import { readLayer, readShallow } from '../../lambdas/pki/der-shallow.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { parseOcspRequest } from '../../lambdas/pki/ocsp-request.ts';
import { buildOcspResponse, type OcspCertStatus, ocspErrorResponse, type OcspResponseRequest } from '../../lambdas/pki/ocsp-response.ts';
import { ownedBuffer } from '../../lambdas/pki/owned-buffer.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { certificateIdOf } from '../../lambdas/pki/serial-number.ts';
import { verifyRsaSha256 } from '../../lambdas/pki/signature.ts';
import { openssl, runWithFiles, type ToolResult } from '../support/openssl.ts';
import { agentCertificate, distributed, rsaKey, signed, type TestAuthority, type TestKey } from './authority-fixture.ts';
import { hex, tlv, utf8 } from './der-surgery.ts';
import { responderCertificate, serialNumbers, signDigest, smallAuthority } from './revocation-fixture.ts';

// openssl compares thisUpdate and nextUpdate with its clock, so everything here is valid today.
const now = Date.now();
const HOUR_MILLISECONDS = 3_600_000;
const yesterday = new Date(now - 24 * HOUR_MILLISECONDS);
const times = { producedAt: new Date(now), thisUpdate: new Date(now), nextUpdate: new Date(now + HOUR_MILLISECONDS) };
const serials = serialNumbers(3, 'ocsp');

let authority: TestAuthority;
let responderKey: TestKey;
let responderCertificateDer: Uint8Array;
let files: Record<string, string | Uint8Array>;

beforeAll(() => {
  authority = smallAuthority(yesterday);
  responderKey = rsaKey(2048);
  responderCertificateDer = responderCertificate(authority, responderKey, yesterday);
  const leaf = (serialNumber: string): Uint8Array =>
    signed(agentCertificate(authority, responderKey, { certificateId: certificateIdOf(serialNumber), settings: distributed, crlShard: 1, notBefore: yesterday }), authority.issuingKey);
  files = {
    'root.pem': certificateToPem(authority.rootCertificateDer),
    'issuing.pem': certificateToPem(authority.issuingCertificateDer),
    'chain.pem': certificateToPem(authority.rootCertificateDer) + certificateToPem(authority.issuingCertificateDer),
    ...Object.fromEntries(serials.map((serialNumber, index) => [`${index}.pem`, certificateToPem(leaf(serialNumber))])),
  };
});

const VERIFIED = 'Response verify OK\n';
const statuses: readonly OcspCertStatus[] = [
  { status: 'good' },
  { status: 'revoked', revocationTime: yesterday, reasonCode: 1 },
  { status: 'unknown' },
];

function respond(requestDer: Uint8Array, changes: Partial<OcspResponseRequest> = {}): Uint8Array {
  const request = parseOcspRequest(requestDer);
  if ('malformed' in request) throw new Error(request.malformed);
  const unsigned = buildOcspResponse({
    responderCertificateDer, ...times, nonce: request.nonce,
    responses: request.certIds.map(({ der, serialNumber }) => ({ certIdDer: der, ...(statuses[serials.indexOf(serialNumber ?? '')] ?? { status: 'unknown' }) })),
    ...changes,
  });
  return unsigned.withSignature(signDigest(unsigned.digest, responderKey));
}

/** Lets openssl ask about `certificates` and hands it our answer; returns what it makes of that. */
function ask(certificates: readonly string[], { hash = '-sha1', nonce = true, changes = {} as Partial<OcspResponseRequest>, trust = ['-CAfile', 'chain.pem'] } = {}): ToolResult {
  const about = ['-issuer', 'issuing.pem', ...certificates.flatMap((name) => [hash, '-cert', name])];
  const { stdout } = runWithFiles('sh', ['-c', `openssl ocsp ${about.join(' ')} ${nonce ? '' : '-no_nonce'} -reqout request.der && openssl base64 -in request.der`], files);
  const requestDer = Uint8Array.from(Buffer.from(stdout, 'base64'));
  const exchange = { ...files, 'request.der': requestDer, 'response.der': respond(requestDer, changes) };
  // With -reqin it compares the nonces, but names the statuses only of what is asked about on the command line.
  const compared = openssl(['ocsp', '-reqin', 'request.der', '-respin', 'response.der', ...trust], exchange);
  return compared.stderr === VERIFIED ? openssl(['ocsp', '-respin', 'response.der', ...about, '-no_nonce', ...trust], exchange) : compared;
}

describe('openssl', () => {
  const epoch = (text: string | undefined): number => Math.floor(Date.parse(text ?? '') / 1000);

  it.each([['-sha1', true], ['-sha1', false], ['-sha256', true], ['-sha256', false]])('reads good, revoked and unknown with %s, nonce %s', (hash, nonce) => {
    const { status, stdout, stderr } = ask(['0.pem', '1.pem', '2.pem'], { hash, nonce });
    expect({ status, stderr }).toEqual({ status: 0, stderr: VERIFIED });
    expect(stdout).toMatch(/^0\.pem: good\n/);
    expect(stdout).toMatch(/\n1\.pem: revoked\n.*\n.*\n\tReason: keyCompromise\n\tRevocation Time: /);
    expect(stdout).toMatch(/\n2\.pem: unknown\n/);
    expect(epoch(/This Update: (.*)\n/.exec(stdout)?.[1])).toBe(Math.floor(now / 1000));
    expect(epoch(/Next Update: (.*)\n/.exec(stdout)?.[1])).toBe(Math.floor(now / 1000) + 3600);
    expect(epoch(/Revocation Time: (.*)\n/.exec(stdout)?.[1])).toBe(Math.floor(yesterday.getTime() / 1000));
  });

  it('takes the responder for the issuing CA’s delegate, under that CA alone', () => {
    expect(ask(['0.pem'], { trust: ['-CAfile', 'root.pem', '-verify_other', 'issuing.pem'] })).toMatchObject({ status: 0, stderr: VERIFIED });
    expect(ask(['0.pem'], { trust: ['-CAfile', '0.pem'] }).stderr).toContain('Response Verify Failure');
    files['responder.pem'] = certificateToPem(responderCertificateDer);
    expect(ask(['0.pem'], { trust: ['-VAfile', 'responder.pem'] })).toMatchObject({ status: 0, stderr: VERIFIED });
  });

  it('refuses an agent’s certificate as responder', () => {
    const agentDer = signed(agentCertificate(authority, responderKey, { notBefore: yesterday }), authority.issuingKey);
    expect(ask(['0.pem'], { changes: { responderCertificateDer: agentDer } }).stderr).toContain('missing ocspsigning usage');
  });

  it('refuses another nonce, and says where there is none', () => {
    expect(ask(['0.pem'], { changes: { nonce: new Uint8Array(16) } })).toMatchObject({ status: 1, stderr: expect.stringContaining('Nonce Verify error') });
    expect(ask(['0.pem'], { changes: { nonce: undefined } })).toMatchObject({ stderr: expect.stringContaining('WARNING: no nonce in response') });
  });

  it('names every reason, and none for unspecified', () => {
    const responses = [0, 1, 2, 3, 4, 5, 6, 9, 10].map((reasonCode) => ({ certIdDer: certIdDer(reasonCode), status: 'revoked', revocationTime: yesterday, reasonCode }) as const);
    const response = buildOcspResponse({ responderCertificateDer, ...times, responses }).withSignature(new Uint8Array(256));
    const { stdout } = openssl(['ocsp', '-respin', 'response.der', '-noverify', '-resp_text'], { 'response.der': response });
    expect(stdout.match(/Cert Status: revoked/g)).toHaveLength(9);
    // openssl 3.0 has no name for 9 and 10 here.
    expect([...stdout.matchAll(/Revocation Reason: (\S+) \(0x(\w)\)/g)].map(([, name, code]) => `${code} ${name}`)).toEqual([
      '1 keyCompromise', '2 cACompromise', '3 affiliationChanged', '4 superseded', '5 cessationOfOperation', '6 certificateHold', expect.stringMatching(/^9 /), expect.stringMatching(/^a /),
    ]);
  });

  it.each([['malformedRequest', 1], ['internalError', 2], ['tryLater', 3], ['unauthorized', 6]] as const)('reads the error %s', (status, code) => {
    expect(hexOf(ocspErrorResponse(status))).toBe(`30030a010${code}`);
    expect(openssl(['ocsp', '-respin', 'response.der'], { 'response.der': ocspErrorResponse(status) }).stdout).toContain(`Responder Error: ${status.toLowerCase()} (${code})`);
  });
});

function certIdDer(serial: number): Uint8Array {
  return hex(`303a300906052b0e03021a05000414${'11'.repeat(20)}0414${'22'.repeat(20)}0201${(serial + 1).toString(16).padStart(2, '0')}`);
}

describe('bytes', () => {
  const good = (): OcspResponseRequest => ({
    responderCertificateDer, producedAt: new Date('2026-06-01T12:00:01.999Z'), thisUpdate: new Date('2026-06-01T12:00:00.999Z'), responses: [{ certIdDer: certIdDer(4), status: 'good' }],
  });
  const time = (text: string): Uint8Array => tlv(0x18, utf8(text));
  const keyHash = (): Uint8Array => createHash('sha1').update(readDer(responderKey.subjectPublicKeyInfoDer).children[1]?.content.subarray(1) ?? '').digest();

  it('of the shortest answer', () => {
    const { tbsResponseDataDer, digest } = buildOcspResponse(good());
    const single = tlv(0x30, certIdDer(4), hex('8000'), time('20260601120000Z'));
    expect(hexOf(tbsResponseDataDer)).toBe(hexOf(tlv(0x30, tlv(0xa2, tlv(0x04, keyHash())), time('20260601120001Z'), tlv(0x30, single))));
    expect(hexOf(digest)).toBe(createHash('sha256').update(tbsResponseDataDer).digest('hex'));
  });

  it('of every status, nextUpdate, reason and nonce', () => {
    const revocationTime = new Date('2051-01-02T03:04:05.678Z');
    const { tbsResponseDataDer } = buildOcspResponse({
      ...good(), nextUpdate: new Date('2026-06-01T13:00:00.001Z'), nonce: hex('0102'),
      responses: [
        { certIdDer: certIdDer(4), status: 'unknown' },
        { certIdDer: certIdDer(5), status: 'revoked', revocationTime, reasonCode: 0 },
        { certIdDer: certIdDer(6), status: 'revoked', revocationTime, reasonCode: 9 },
      ],
    });
    const updates = [time('20260601120000Z'), tlv(0xa0, time('20260601130000Z'))];
    const revoked = time('20510102030405Z');
    const [, , responses, responseExtensions] = readLayer(readShallow(tbsResponseDataDer).content, 4).map(({ encoded }) => hexOf(encoded));
    expect(responses).toBe(hexOf(tlv(0x30,
      tlv(0x30, certIdDer(4), hex('8200'), ...updates),
      tlv(0x30, certIdDer(5), tlv(0xa1, revoked), ...updates),
      tlv(0x30, certIdDer(6), tlv(0xa1, revoked, hex('a0030a0109')), ...updates),
    )));
    expect(responseExtensions).toBe('a1153013301106092b0601050507300102040404020102');
  });

  it('of the envelope: what was signed, the algorithm with NULL, the certificate', () => {
    const unsigned = buildOcspResponse(good());
    const signature = signDigest(unsigned.digest, responderKey);
    const der = unsigned.withSignature(signature);
    const responseBytes = readDer(der.subarray(der.indexOf(0xa0))).children[0];
    expect(hexOf(responseBytes?.children[0]?.content ?? der)).toBe('2b0601050507300101');
    const basic = readDer(responseBytes?.children[1]?.content ?? der);
    expect(basic.children.map(({ tag }) => tag)).toEqual([0x30, 0x30, 0x03, 0xa0]);
    expect(hexOf(basic.children[0]?.encoded ?? der)).toBe(hexOf(unsigned.tbsResponseDataDer));
    expect(hexOf(basic.children[1]?.encoded ?? der)).toBe('300d06092a864886f70d01010b0500');
    expect(hexOf(basic.children[2]?.content ?? der)).toBe(`00${hexOf(signature)}`);
    expect(hexOf(basic.children[3]?.children[0]?.content ?? der)).toBe(hexOf(responderCertificateDer));
    expect(verifyRsaSha256(responderKey.subjectPublicKeyInfoDer, unsigned.tbsResponseDataDer, signature)).toBe(true);
  });

  it('are PKI.js’s own', () => {
    const unsigned = buildOcspResponse({
      ...good(), nextUpdate: new Date('2026-06-01T13:00:00Z'), nonce: hex('0102'),
      responses: [{ certIdDer: certIdDer(4), status: 'unknown' }, { certIdDer: certIdDer(6), status: 'revoked', revocationTime: yesterday, reasonCode: 9 }, { certIdDer: certIdDer(7), status: 'good' }],
    });
    const der = unsigned.withSignature(new Uint8Array(256).fill(0xab));
    const response = pkijs.OCSPResponse.fromBER(ownedBuffer(der));
    const basic = pkijs.BasicOCSPResponse.fromBER(ownedBuffer(response.responseBytes?.response.valueBlock.valueHexView ?? der));
    expect(hexOf(new Uint8Array(basic.tbsResponseData.toSchema(true).toBER()))).toBe(hexOf(unsigned.tbsResponseDataDer));
    expect(hexOf(new Uint8Array(response.toSchema().toBER()))).toBe(hexOf(der));
  });

  it('of a CertID are the client’s, whatever parameters and serial number it has', () => {
    for (const parameters of ['', '0500', '3000', '04020102']) {
      for (const serial of ['020100', '0201ff', `021100${'80'.repeat(16)}`, `0228${'7f'.repeat(40)}`]) {
        const algorithm = tlv(0x30, hex('06052b0e03021a'), hex(parameters));
        const bytes = tlv(0x30, algorithm, tlv(0x04, new Uint8Array(20)), tlv(0x04, new Uint8Array()), hex(serial));
        expect(hexOf(buildOcspResponse({ ...good(), responses: [{ certIdDer: bytes, status: 'good' }] }).tbsResponseDataDer)).toContain(hexOf(bytes));
      }
    }
  });

  it.each<[string, Partial<OcspResponseRequest>]>([
    ['no response', { responses: [] }],
    ['nextUpdate before thisUpdate', { nextUpdate: new Date('2026-06-01T11:00:00Z') }],
    ['an invalid date', { producedAt: new Date(Number.NaN) }],
    ['the year 10000', { nextUpdate: new Date(Date.UTC(10_000, 0)) }],
    ['removeFromCRL', { responses: [{ certIdDer: certIdDer(1), status: 'revoked', revocationTime: yesterday, reasonCode: 8 }] }],
  ])('do not exist for %s', (_, changes) => {
    expect(() => buildOcspResponse({ ...good(), ...changes })).toThrow(ProfileError);
  });

  it('do not exist for a certificate that is none', () => {
    expect(() => buildOcspResponse({ ...good(), responderCertificateDer: hex('3000') })).toThrow(DerError);
  });
});
