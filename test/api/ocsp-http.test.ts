import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OCSP_REQUEST_MAX_OCTETS } from '../../lambdas/pki/ocsp-request.ts';
import { hex, oid, tlv } from '../pki/der-surgery.ts';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { ocspRequest, readOcspResponse } from '../support/ocsp.ts';
import { openssl } from '../support/openssl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// What goes over HTTP: where requests may stand, what headers answers have, and what is answered to what is no request.

let runtime: TestRuntime;
let issuer: string;
let chain: string;
let good: string;
let revoked: string;

beforeAll(async () => {
  runtime = await startTestRuntime();
  const [active, dead, { issuing, root }] = await Promise.all([certifiedAgent(runtime.call), certifiedAgent(runtime.call), authorityPems(runtime.call)]);
  await revoke(runtime.call, dead.certificate.id);
  [issuer, chain, good, revoked] = [issuing, issuing + root, active.certificate.serial_number, dead.certificate.serial_number];
});
afterAll(() => runtime.stop());

const about = (...serialNumbers: readonly string[]) => ocspRequest(serialNumbers.map((serialNumber) => ({ issuer, serialNumber })));
const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');

async function read(response: Response) {
  const { status, headers } = response;
  const der = new Uint8Array(await response.arrayBuffer());
  // OCSP's own errors are no errors of HTTP's.
  expect([status, headers.get('content-type')]).toEqual([200, 'application/ocsp-response']);
  expect(headers.get('x-request-id')).toMatch(/./);
  return { headers, der, ...readOcspResponse(der) };
}

const post = async (body: Uint8Array | string, headers: Record<string, string> = { 'content-type': 'application/ocsp-request' }) =>
  read(await fetch(`${runtime.distributionUrl}/ocsp`, { method: 'POST', headers, body: body as NonNullable<RequestInit['body']> }));

const get = async (path: string, base = runtime.distributionUrl) => read(await fetch(`${base}/ocsp/${path}`));

const statuses = ({ responses }: { responses: readonly { status: string }[] }) => responses.map(({ status }) => status);

/** A CertID by SHA-1, taken from openssl's, with another serial number. */
let certId: (serialNumber: Uint8Array) => Uint8Array;
beforeAll(() => {
  const request = Buffer.from(about('11'.repeat(16)));
  const certIdWith = request.subarray(request.indexOf(Buffer.from(hex('300906052b0e03021a0500'))), request.length - 18);
  certId = (serialNumber) => tlv(0x30, certIdWith, tlv(0x02, serialNumber.with(0, 0x12)));
});

const withCertIds = (...certIds: readonly Uint8Array[]) => tlv(0x30, tlv(0x30, tlv(0x30, ...certIds.map((one) => tlv(0x30, one)))));
const withNonce = (octets: number) => {
  const nonce = tlv(0x30, oid('1.3.6.1.5.5.7.48.1.2'), tlv(0x04, tlv(0x04, new Uint8Array(octets).fill(7))));
  return tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x30, certId(new Uint8Array(16)))), tlv(0xa2, tlv(0x30, nonce))));
};

describe('a GET', () => {
  // Chosen for what base64 makes difficult in a path.
  let request: Uint8Array;
  beforeAll(() => {
    for (let serial = 0, text = ''; !(text.includes('//') && text.includes('+') && text.endsWith('=')); serial++) {
      request = withCertIds(certId(createHash('sha256').update(`serial ${serial}`).digest().subarray(0, 16)));
      text = base64(request);
    }
  });

  test.each([
    ['as it is', (text: string) => text],
    ['percent-encoded', (text: string) => encodeURIComponent(text)],
    ['percent-encoded but for its slashes', (text: string) => text.replaceAll('+', '%2B').replaceAll('=', '%3D')],
    ['percent-encoded in lower case', (text: string) => text.replaceAll('+', '%2b').replaceAll('/', '%2f').replaceAll('=', '%3d')],
    ['without padding', (text: string) => text.replaceAll('=', '')],
    ['in base64url', (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')],
    ['with spaces for plus signs', (text: string) => encodeURIComponent(text.replaceAll('+', ' '))],
  ])('has its request in base64 in the path: %s', async (_, spelt) => {
    for (const base of [runtime.distributionUrl, runtime.url]) expect(statuses(await get(spelt(base64(request)), base))).toEqual(['unknown']);
  });

  test('is answered like a POST', async () => {
    const request = about(good, revoked, '11'.repeat(16));
    expect(statuses(await get(base64(request)))).toEqual(['good', 'revoked', 'unknown']);
    expect(statuses(await post(request))).toEqual(['good', 'revoked', 'unknown']);
  });

  test('is answered with what openssl takes for the answer to that request', async () => {
    for (const nonce of [false, true]) {
      const request = ocspRequest([{ issuer, serialNumber: good }], { nonce });
      const { der } = await get(encodeURIComponent(base64(request)));
      expect(openssl(['ocsp', '-reqin', 'request.der', '-respin', 'response.der', '-CAfile', 'chain.pem'], { 'request.der': request, 'response.der': der, 'chain.pem': chain }))
        .toMatchObject({ status: 0, stderr: 'Response verify OK\n' });
    }
  });

  test.each([['nothing that is base64', '*'], ['base64 that goes on after its end', 'MA==MA=='], ['base64 of no request', 'AAAA'], ['half a request', '']])('of %s is malformed', async (_, path) => {
    expect((await get(path || base64(about(good)).slice(0, 40))).status).toBe('malformedrequest');
  });
});

describe('a POST', () => {
  test.each([['application/ocsp-request'], ['application/octet-stream'], ['application/json'], ['text/plain; charset=utf-8']])('is read as %s', async (contentType) => {
    expect(statuses(await post(about(good), { 'content-type': contentType }))).toEqual(['good']);
  });

  test.each<[string, () => Uint8Array | string]>([
    ['nothing', () => ''],
    ['text', () => '{"certificate":"mine"}'],
    ['random bytes', () => createHash('sha512').update('random').digest()],
    ['a request cut short', () => about(good).subarray(0, -1)],
    ['a request that goes on', () => Buffer.concat([about(good), hex('00')])],
    ['a request about nothing', () => withCertIds()],
    ['a nonce of 0 octets', () => withNonce(0)],
    ['a nonce of 129 octets', () => withNonce(129)],
    ['an octet more than is read', () => new Uint8Array(OCSP_REQUEST_MAX_OCTETS + 1).fill(0x30)],
    ['more than any other body may hold', () => new Uint8Array(100_000).fill(0x30)],
    ['a request in base64', () => base64(about(good))],
  ])('of %s is malformed', async (_, body) => {
    const { status, headers, responses } = await post(body());
    expect([status, responses, headers.get('cache-control')]).toEqual(['malformedrequest', [], 'no-store']);
  });

  test.each([1, 128])('with a nonce of %i octets gets it back', async (octets) => {
    const { status, der } = await post(withNonce(octets));
    expect(status).toBe('successful');
    expect(Buffer.from(der).includes(Buffer.alloc(octets, 7))).toBe(true);
  });

  // openssl gets that answer too, but wants it signed by somebody whom both CAs have delegated to.
  test('about certificates of another CA beside one of ours says unknown of those', async () => {
    const root = chain.slice(issuer.length);
    expect(statuses(await post(ocspRequest([{ issuer: root, serialNumber: good }, { issuer, serialNumber: good }])))).toEqual(['unknown', 'good']);
  });

  test('may name one certificate several times, and is answered as often', async () => {
    expect(statuses(await post(about(good, revoked, good)))).toEqual(['good', 'revoked', 'good']);
  });
});

describe('the headers for caches', () => {
  describe.each([['a GET', (request: Uint8Array) => get(base64(request))], ['a POST', (request: Uint8Array) => post(request)]])('of the answer to %s', (_, ask) => {
    const maxAge = ({ headers }: { headers: Headers }) => Number(/^max-age=(\d+), public, no-transform, must-revalidate$/.exec(headers.get('cache-control') ?? '')?.[1]);

    test('are those of RFC 5019 without a nonce', async () => {
      const answer = await ask(about(good));
      const [{ thisUpdate, nextUpdate } = { thisUpdate: 0, nextUpdate: 0 }] = answer.responses;
      const { headers, der } = answer;
      expect(maxAge(answer)).toBe(5);
      expect(headers.get('last-modified')).toBe(new Date(thisUpdate * 1000).toUTCString());
      expect(headers.get('expires')).toBe(new Date(nextUpdate * 1000).toUTCString());
      expect(headers.get('etag')).toBe(`"${createHash('sha1').update(der).digest('hex').toUpperCase()}"`);
    });

    test('let an answer that may change be kept for 5 s, and one that is final until its nextUpdate', async () => {
      expect(maxAge(await ask(about('11'.repeat(16))))).toBe(5);
      expect(maxAge(await ask(about(revoked, good)))).toBe(5);
      const seconds = maxAge(await ask(about(revoked)));
      expect(seconds).toBeGreaterThan(590);
      expect(seconds).toBeLessThan(600);
    });

    test('forbid to keep one with a nonce', async () => {
      const { headers } = await ask(ocspRequest([{ issuer, serialNumber: revoked }], { nonce: true }));
      expect([headers.get('cache-control'), headers.get('etag'), headers.get('expires'), headers.get('last-modified')]).toEqual(['no-store', null, null, null]);
    });
  });

  test('forbid to keep an error', async () => {
    const unauthorized = ocspRequest([{ issuer: chain.slice(issuer.length), serialNumber: good }]);
    for (const answer of [await get(base64(unauthorized)), await post(unauthorized)]) {
      expect([answer.status, answer.headers.get('cache-control'), answer.headers.get('expires')]).toEqual(['unauthorized', 'no-store', null]);
    }
  });
});

test('other methods are not known', async () => {
  const response = await fetch(`${runtime.distributionUrl}/ocsp`, { method: 'PUT', body: 'x' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
});
