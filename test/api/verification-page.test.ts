import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, fullAgent, revoke } from '../support/agents.ts';
import { awsError } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { isInstalled } from '../support/openssl.ts';
import { openTables, type Tables } from '../support/tables.ts';

let runtime: FaultyRuntime;
let tables: Tables;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  tables = openTables(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  tables.close();
  await runtime.stop();
});

const ofABrowser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const ask = (serial: string, accept: string = ofABrowser) => runtime.call('GET', `/verify/${serial}`, { key: null, headers: { accept } });
const neverIssued = '7A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D';

describe('the page or the data, by Accept', () => {
  let serial: string;
  beforeAll(async () => {
    serial = (await certifiedAgent(runtime.call)).certificate.serial_number;
  });

  test.each([ofABrowser, 'text/html', 'TEXT/HTML', 'text/html; charset=utf-8', 'application/json;q=0.9, text/html', 'text/*, application/json;q=0.5'])('%s: the page', async (accept) => {
    const { status, headers, body } = await ask(serial, accept);
    expect([status, headers.get('content-type'), headers.get('vary')]).toEqual([200, 'text/html; charset=utf-8', 'Accept']);
    expect(body).toContain('</svg>Valid</h1>');
  });

  test.each(['*/*', 'application/json', 'application/json, text/html', 'text/html;q=0.8, application/json', 'text/html;q=0', 'image/png', '', 'application/*, text/html;q=0.2'])('%j: the data', async (accept) => {
    const { status, headers, body } = await ask(serial, accept);
    expect([status, headers.get('content-type'), headers.get('vary'), headers.get('cache-control')]).toEqual([200, 'application/json; charset=utf-8', 'Accept', 'public, max-age=5, must-revalidate, stale-if-error=0']);
    expect([body.data.serial_number, body.data.valid]).toEqual([serial, true]);
  });

  test('any spelling of the serial number', async () => {
    for (const spelling of [serial.toLowerCase(), serial.replace(/..(?=.)/g, '$&:'), encodeURIComponent(`serial=${serial}`)]) expect((await ask(spelling)).body).toContain(`/v1/verify/${serial}`);
  });
});

test('each state, under the headers of its data and those of a page without script', async () => {
  const issued = await Promise.all([1, 2, 3].map(() => certifiedAgent(runtime.call, fullAgent)));
  const [valid, revoked, expired] = issued.map(({ certificate }) => certificate);
  await revoke(runtime.call, revoked.id, { body: { reason: 'Three orders too many', reason_code: 'keyCompromise' } });
  await tables.expireCertificate(expired.id);

  for (const [{ serial_number: serial }, state, age] of [[valid, 'Valid', 5], [revoked, 'Revoked', 300], [expired, 'Expired', 300]]) {
    const [page, data] = [await ask(serial), await ask(serial, '*/*')];
    expect(page.body).toContain(`</svg>${state}</h1>`);
    expect([page.headers.get('cache-control'), data.headers.get('cache-control')]).toEqual(Array(2).fill(`public, max-age=${age}, must-revalidate, stale-if-error=0`));
    const hash = createHash('sha256').update(/<style>(.*?)<\/style>/s.exec(page.body)?.[1] ?? '').digest('base64');
    expect(page.headers.get('content-security-policy')).toBe(`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`);
    expect([page.headers.get('x-content-type-options'), page.headers.get('referrer-policy'), page.headers.get('vary')]).toEqual(['nosniff', 'no-referrer', 'Accept']);
    expect(page.headers.get('x-request-id')).toMatch(/./);
  }
  const { body } = await ask(revoked.serial_number);
  expect(body).toMatch(/Three orders too many.*keyCompromise<\/code>: its key may be in other hands/s);
  for (const text of ['Ünïcode Trading 株式会社', 'trade:execute', 'USD\u00a010,000.50', 'settler-7b']) expect(body).toContain(text);
});

test('says what was certified, not what the agent says of itself by now', async () => {
  const { agent, certificate } = await certifiedAgent(runtime.call, fullAgent);
  await runtime.call('PATCH', `/agents/${agent.id}`, { body: { name: 'Somebody else', permitted_actions: ['everything'] } });
  const { body } = await ask(certificate.serial_number);
  expect(body).toContain('<bdi>Settlement bot</bdi>');
  expect(body).not.toMatch(/Somebody else|everything/);
});

test.each(['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '</title><h1>Valid</h1>', '<'.repeat(255)])('an agent named %j', async (name) => {
  const { certificate } = await certifiedAgent(runtime.call, { name, model: name, permitted_actions: [name.slice(0, 128)], model_hash: name });
  await revoke(runtime.call, certificate.id, { body: { reason: name } });
  const { body } = await ask(certificate.serial_number);
  expect(body).toContain(`<bdi>${name.replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')}</bdi>`);
  expect(body).not.toMatch(/<script|<img/);
  expect(body.match(/<h1/g)).toHaveLength(1);
  expect(Buffer.byteLength(body)).toBeLessThan(40_000);
});

describe('no certificate', () => {
  test.each([
    [neverIssued, 404, 'Never issued', 'No certificate with this serial number was ever issued here.', 'CERTIFICATE_NOT_FOUND'],
    ['%3Cscript%3Ealert(1)%3C%2Fscript%3E', 400, 'Not a serial number', 'Send up to 32 hexadecimal digits, as <code>openssl x509 -noout -serial</code> prints them.', 'INVALID_SERIAL_NUMBER'],
    ['F'.repeat(33), 400, 'Not a serial number', '', 'INVALID_SERIAL_NUMBER'],
  ])('%s: a page for people, a problem for programs', async (serial, status, state, message, code) => {
    const [page, data] = [await ask(serial), await ask(serial, '*/*')];
    expect([page.status, page.headers.get('content-type'), page.headers.get('cache-control'), page.headers.get('vary')]).toEqual([status, 'text/html; charset=utf-8', 'no-store', 'Accept']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'sha256-");
    expect(page.body).toContain(`</svg>${state}</h1>`);
    expect(page.body).toContain(message);
    expect(page.body).toContain(`Request ${page.headers.get('x-request-id')}`);
    expect(page.body).not.toMatch(/<script|alert\(1\)/);
    expect([data.status, data.headers.get('cache-control'), data.body.code]).toEqual([status, 'no-store', code]);
  });

  test('because the registry does not answer: the problem in either case, and no state', async () => {
    runtime.dynamodb.inject(requests.readCertificate, awsError('ThrottlingException'));
    const { status, headers, body } = await ask(neverIssued);
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'REGISTRY_UNAVAILABLE', '2']);
  });
});

(isInstalled('curl') ? describe : describe.skip)(`the commands on the page${isInstalled('curl') ? '' : ' (skipped: there is no curl here)'}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** A shell's status and all it printed. Not synchronously: the service answers in this process. */
  const run = (command: string) => new Promise<{ status: number; output: string }>((resolve) => {
    execFile('sh', ['-c', command], { cwd: directory }, (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), output: stdout + stderr }));
  });

  /** The commands as a reader copies them, with the certificate saved where they expect it. */
  async function commandsFor(serial: string) {
    const { body } = await ask(serial);
    const [, file = '', pem = ''] = /download="([^"]*)" href="data:application\/x-pem-file,([^"]*)"/.exec(body) ?? [];
    await writeFile(join(directory, file), decodeURIComponent(pem));
    const [state = '', verify = '', ocsp = '', fingerprint = ''] = [...body.matchAll(/<pre><code>(.*?)<\/code>/gs)].map(([, code = '']) => code.replace(/<[^>]*>/g, '').replaceAll('&gt;', '>'));
    return { body, file, state, verify, ocsp, fingerprint };
  }

  test('say of a valid certificate what the page says', async () => {
    const { certificate } = await certifiedAgent(runtime.call);
    const { body, file, state, verify, ocsp, fingerprint } = await commandsFor(certificate.serial_number);
    expect(JSON.parse((await run(state)).output).data).toMatchObject({ serial_number: certificate.serial_number, valid: true });
    expect(await run(verify)).toEqual({ status: 0, output: `${file}: OK\n` });
    expect(await readFile(join(directory, 'kakunin-ca.pem'), 'utf8')).toMatch(/(-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n){2}/);
    expect(await run(ocsp)).toEqual({ status: 0, output: expect.stringMatching(new RegExp(`^${file}: good\n[^]*Response verify OK\n`)) });
    const shown = /Fingerprint, SHA-256<\/dt><dd class="exact">(.*?)<\/dd>/.exec(body)?.[1]?.replace(/<[^>]*>/g, '');
    expect((await run(fingerprint)).output.toLowerCase()).toBe(`serial=${certificate.serial_number}\nsha256 fingerprint=${shown}\n`.toLowerCase());
  });

  test('and of a revoked one', async () => {
    const { certificate } = await certifiedAgent(runtime.call);
    await revoke(runtime.call, certificate.id, { body: { reason: 'Lost', reason_code: 'keyCompromise' } });
    await runtime.idle();
    const { file, state, verify, ocsp } = await commandsFor(certificate.serial_number);
    expect(JSON.parse((await run(state)).output).data).toMatchObject({ valid: false, status: 'revoked' });
    const { status, output } = await run(verify);
    expect([status, output]).toEqual([2, expect.stringContaining('certificate revoked')]);
    expect(output).not.toContain('OK');
    expect(await run(ocsp)).toEqual({ status: 0, output: expect.stringMatching(new RegExp(`^${file}: revoked\n[^]*Reason: keyCompromise\n[^]*Response verify OK\n`)) });
  });

  test('and of one whose time is over, but for its time', async () => {
    const { certificate } = await certifiedAgent(runtime.call);
    await tables.expireCertificate(certificate.id);
    const { file, verify, ocsp } = await commandsFor(certificate.serial_number);
    expect(verify).toContain(' -no_check_time ');
    expect(await run(verify)).toEqual({ status: 0, output: `${file}: OK\n` });
    expect((await run(ocsp)).output).toContain(`${file}: good\n`);
  });
});
