import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { certifiedAgent, dataOf, fullAgent, revoke, unknownId } from '../support/agents.ts';
import { authorityPems, pemsIn } from '../support/authorities.ts';
import { download } from '../support/distribution.ts';
import { openssl } from '../support/openssl.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

/* What is public: verification, the CA certificates, health. */

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
/** Without a key. */
let anyone: Call;

/** One agent with every field, and its certificate; never changed by any test. */
let agent: { id: string };
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer of the API, read field by field
let certificate: any;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  ({ call } = runtime);
  anyone = caller(runtime.url, null);
  ({ agent, certificate } = await certifiedAgent(call, fullAgent));
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const wholeSecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

describe('pages in browsers, of whatever origin,', () => {
  const allowed = async (path: string, headers = {}) => (await fetch(path, { headers: { origin: 'https://counterparty.example', ...headers } })).headers.get('access-control-allow-origin');

  test.each(['/verify/{serial}', '/verify/0123', '/verify/no-serial', '/ca', '/crl', '/health', '/openapi.json'])('may read what GET %s answers', async (path) => {
    expect(await allowed(runtime.url + path.replace('{serial}', certificate.serial_number))).toBe('*');
  });

  test('may read CRLs and CA certificates', async () => {
    for (const path of ['/crl/complete.crl', '/ca/issuing.cer', '/ca/root.cer']) expect(await allowed(runtime.distributionUrl + path)).toBe('*');
  });

  test('may not read what belongs to a tenant', async () => {
    expect(await allowed(`${runtime.url}/agents/${agent.id}`, { authorization: `Bearer ${runtime.keys.acme}` })).toBeNull();
    expect(await allowed(`${runtime.url}/agents`)).toBeNull();
  });
});

describe('GET /verify/{serial}', () => {
  test('answers what was signed, every field of it, to anyone', async () => {
    const { status, body } = await anyone('GET', `/verify/${certificate.serial_number}`);
    const { name, model, version, model_hash, operator_org, permitted_actions, financial_scope } = fullAgent;
    expect([status, body]).toStrictEqual([200, {
      data: {
        serial_number: certificate.serial_number,
        serial: certificate.serial_number,
        status: 'active',
        certificate_status: 'active',
        valid: true,
        issued_at: certificate.issued_at,
        expires_at: certificate.expires_at,
        valid_from: certificate.issued_at,
        valid_until: certificate.expires_at,
        revoked_at: null,
        revocation_reason: null,
        issuer: 'CN=Kakunin Agent Issuing CA 1,O=Kakunin',
        agent_id: agent.id,
        agent_name: name,
        operator_org,
        model_hash,
        permitted_actions,
        financial_scope,
        halt_receipt: null,
        agent: { id: agent.id, name, model, version, model_hash, operator_org, permitted_actions, financial_scope },
      },
    }]);
  });

  test('with null where nothing was signed', async () => {
    const { certificate: bare } = await certifiedAgent(call);
    const empty = { operator_org: null, permitted_actions: [], financial_scope: null };
    expect(dataOf(await anyone('GET', `/verify/${bare.serial_number}`), 200)).toMatchObject({ ...empty, agent: { model: null, version: null, ...empty } });
  });

  test('takes the serial in every spelling', async () => {
    const { serial_number: serial, id } = certificate;
    const { stdout } = openssl(['x509', '-noout', '-serial', '-in', 'agent.pem'], { 'agent.pem': certificate.certificate_pem });
    const octets = serial.match(/../g).join(':');
    const spellings = [serial, serial.toLowerCase(), octets, octets.toLowerCase(), serial.replace(/^0+/, ''), id, id.toUpperCase(), stdout, stdout.trim(), stdout.trim().replace('serial=', ''), `0x${serial}`, `00${serial}`, `00:${octets}`];
    for (const spelling of spellings) {
      for (const encoded of new Set([encodeURIComponent(spelling), spelling.trim()])) {
        expect([encoded, dataOf(await anyone('GET', `/verify/${encoded}`), 200).serial_number]).toEqual([encoded, serial]);
      }
    }
  });

  test.each(['0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d', '01000000-0000-4000-8000-000000000001'])('finds the leading zero of %s', async (id) => {
    // One certificate in eight has a serial like this; the record of another one under such an id serves as well.
    await tables.copyCertificate(certificate.id, id);
    const serial = id.replaceAll('-', '').toUpperCase();
    const octets = (serial.match(/../g) ?? []).join(':');
    for (const spelling of [serial, serial.slice(1), serial.slice(1).toLowerCase(), octets, octets.slice(1), id]) {
      expect([spelling, dataOf(await anyone('GET', `/verify/${spelling}`), 200).serial_number]).toEqual([spelling, serial]);
    }
    expectProblem(await anyone('GET', `/verify/${serial.slice(2)}1`), 404, 'CERTIFICATE_NOT_FOUND');
  });

  test.each(['hello', 'xyz', '-1', '1.5', '12%2034', 'A'.repeat(33), 'A'.repeat(5000), '7F:', '7F::01', '7f1:23', 'agent-1', '%00', '%2e%2e%2f', '１２', 'null', '*', '0x', 'serial='])('400 for %s, which is no serial', async (text) => {
    expectProblem(await anyone('GET', `/verify/${text}`), 400, 'INVALID_SERIAL_NUMBER');
  });

  test.each(['0', '1', '7F'.repeat(16), 'FF'.repeat(16), unknownId, 'deadbeef'])('404 for %s, which was never issued, and which nobody may remember', async (serial) => {
    const reply = await anyone('GET', `/verify/${serial}`);
    expectProblem(reply, 404, 'CERTIFICATE_NOT_FOUND');
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  test('nothing but certificates of agents was ever issued: the authorities’ own serials are unknown', async () => {
    for (const pem of Object.values(await authorityPems(anyone))) expectProblem(await anyone('GET', `/verify/${new X509Certificate(pem).serialNumber}`), 404, 'CERTIFICATE_NOT_FOUND');
  });

  test('goes on answering what was signed after the agent was edited, suspended and retired', async () => {
    const { agent: edited, certificate: issued } = await certifiedAgent(call, fullAgent);
    const verify = async () => dataOf(await anyone('GET', `/verify/${issued.serial_number}`), 200);
    const signed = await verify();
    const edits = { name: 'Another', model: 'other', model_hash: 'sha256:other', version: null, operator_org: 'Other Ltd', permitted_actions: ['everything'], financial_scope: { daily_limit_usd: 1e15 }, metadata: { permitted_actions: ['more'] } };
    dataOf(await call('PATCH', `/agents/${edited.id}`, { body: edits }), 200);
    expect(await verify()).toStrictEqual(signed);

    dataOf(await call('DELETE', `/agents/${edited.id}`), 200);
    expect(await verify()).toStrictEqual({ ...signed, status: 'revoked', certificate_status: 'revoked', valid: false, revoked_at: expect.stringMatching(wholeSecond), revocation_reason: 'retired' });
  });

  test('says when and why a certificate was revoked', async () => {
    const { certificate: issued } = await certifiedAgent(call);
    const { revoked_at } = await revoke(call, issued.id, { body: { reason: 'Key lost' } });
    expect(dataOf(await anyone('GET', `/verify/${issued.serial_number}`), 200)).toMatchObject({ status: 'revoked', certificate_status: 'revoked', valid: false, revoked_at, revocation_reason: 'Key lost' });
  });

  test('says that a certificate has expired', async () => {
    const { certificate: issued } = await certifiedAgent(call);
    await tables.expireCertificate(issued.id);
    expect(dataOf(await anyone('GET', `/verify/${issued.serial_number}`), 200)).toMatchObject({ status: 'expired', certificate_status: 'expired', valid: false, revoked_at: null });
  });

  test('may be remembered for five seconds while active', async () => {
    const { headers } = await anyone('GET', `/verify/${certificate.serial_number}`);
    const maximumAge = Number(/max-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1]);
    expect(maximumAge).toBeLessThanOrEqual(5);
    expect(headers.get('cache-control')).not.toMatch(/s-maxage|stale-while|stale-if-error=[^0]|immutable/);
    expect(headers.get('vary')).toMatch(/\baccept\b/i);
  });
});

describe.each(['/ca', '/ca/chain'])('GET %s', (path) => {
  const get = async (accept?: string) => {
    const response = await fetch(runtime.url + path, { headers: accept === undefined ? {} : { accept } });
    return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  const type = ({ headers }: { headers: Headers }) => headers.get('content-type')?.split(';')[0];

  test('is PEM, the issuing certificate and the root, in this order', async () => {
    const reply = await get();
    expect([reply.status, type(reply), reply.headers.get('vary')]).toEqual([200, 'application/x-pem-file', 'Accept']);
    const [issuing, root, ...others] = pemsIn(reply.bytes.toString()).map((pem) => new X509Certificate(pem));
    expect(others).toEqual([]);
    expect([issuing?.subject, issuing?.issuer, root?.subject, root?.issuer].map((name) => name?.split('CN=')[1]))
      .toEqual(['Kakunin Agent Issuing CA 1', 'Kakunin Agent Root CA', 'Kakunin Agent Root CA', 'Kakunin Agent Root CA']);
    expect([issuing?.ca, root?.ca, issuing?.verify((root as X509Certificate).publicKey), root?.verify(root.publicKey)]).toEqual([true, true, true, true]);
  });

  test('is JSON on request', async () => {
    const { issuing, root } = await authorityPems(anyone);
    const reply = await get('application/json');
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    const described = (role: string, pem: string) => {
      const x509 = new X509Certificate(pem);
      return {
        role,
        subject: x509.subject.split('\n').reverse().join(','),
        issuer: x509.issuer.split('\n').reverse().join(','),
        serial_number: x509.serialNumber,
        not_before: `${new Date(x509.validFrom).toISOString().slice(0, 19)}Z`,
        not_after: `${new Date(x509.validTo).toISOString().slice(0, 19)}Z`,
        fingerprint_sha256: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
        certificate_pem: pem,
      };
    };
    const attestation = certificateToPem(await download(`${runtime.distributionUrl}/ca/attestation.cer`));
    expect(JSON.parse(reply.bytes.toString())).toStrictEqual({
      data: { certificates: [described('issuing', issuing), described('root', root), described('attestation', attestation)], chain_pem: issuing + root },
    });
  });

  test('is the issuing certificate’s DER as application/pkix-cert', async () => {
    const reply = await get('application/pkix-cert');
    expect([reply.status, type(reply)]).toEqual([200, 'application/pkix-cert']);
    expect(reply.bytes.equals(new X509Certificate((await authorityPems(anyone)).issuing).raw)).toBe(true);
  });

  test('is both certificates’ DER as application/pkcs7-mime', async () => {
    const reply = await get('application/pkcs7-mime');
    expect([reply.status, type(reply)]).toEqual([200, 'application/pkcs7-mime']);
    const { stdout, stderr, status } = openssl(['pkcs7', '-inform', 'DER', '-in', 'bundle.p7c', '-print_certs'], { 'bundle.p7c': reply.bytes });
    expect([stderr, status]).toEqual(['', 0]);
    const { issuing, root } = await authorityPems(anyone);
    expect(pemsIn(stdout).sort()).toEqual([issuing, root].sort());
  });

  test.each([
    ['*/*', 'application/x-pem-file'],
    ['text/html', 'application/x-pem-file'],
    ['application/json;q=0.4, application/pkix-cert;q=0.5', 'application/pkix-cert'],
    ['application/json, application/pkix-cert;q=0.5', 'application/json'],
    ['application/pkcs7-mime, */*;q=0.1', 'application/pkcs7-mime'],
    ['*/*, application/x-pem-file;q=0', 'application/json'],
  ])('under Accept: %s is %s', async (accept, expected) => {
    expect(type(await get(accept))).toBe(expected);
  });
});

test('GET /health answers anyone that the service can do its job', async () => {
  const { status, body, headers } = await anyone('GET', '/health');
  expect([status, body]).toStrictEqual([200, { data: { status: 'ok', checks: { registry: 'ok', certificate_authority: 'ok' }, time: expect.stringMatching(/^\d{4}-.*Z$/) } }]);
  expect(Math.abs(Date.parse(body.data.time) - Date.now())).toBeLessThan(10_000);
  expect(headers.get('cache-control')).toBe('no-store');
});

test('public answers are the same with a key, whoever’s, and with one that is not valid', async () => {
  for (const path of [`/verify/${certificate.serial_number}`, '/ca']) {
    const { body: expected } = await anyone('GET', path);
    for (const key of [runtime.keys.acme, runtime.keys.globex, 'kak_test_unknown']) expect((await anyone('GET', path, { key })).body).toEqual(expected);
  }
});
