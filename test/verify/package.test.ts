import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agent } from '../pki/authority-fixture.ts';
import { isInstalled } from '../support/openssl.ts';
import { at, makeWorld } from './verify-fixture.ts';

// The package as others get it: packed, and unpacked into a project that has nothing else.

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((program) => isInstalled(program));

let project: string;
let bundle: string;

/** What a counterparty has in hand, as JSON. */
let evidence: object;

beforeAll(async () => {
  const world = makeWorld();
  const payload = { amount: 250.5, to: 'DE89 3704 0044 0532 0130 00' };
  evidence = {
    authorities: world.authorities, crl: Buffer.from(world.shardCrl).toString('base64'), at: at.toISOString(),
    certificate: world.certificate, payloadText: JSON.stringify(payload, undefined, 2), signature: world.sign(payload),
  };
  project = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root });
  await mkdir(join(project, 'node_modules/kakunin'), { recursive: true });
  await run('tar', ['-xzf', join(project, stdout.trim().split('\n').at(-1) ?? ''), '-C', join(project, 'node_modules/kakunin'), '--strip-components=1']);
  bundle = await readFile(join(project, 'node_modules/kakunin/dist/verify/index.js'), 'utf8');
  await writeFile(join(project, 'package.json'), '{"type": "module"}');
  await writeFile(join(project, 'evidence.json'), JSON.stringify(evidence));
}, 180_000);
afterAll(() => rm(project, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

// The same lines in Node and in the browser.
const verification = `
  const octets = Uint8Array.from(atob(evidence.crl), (character) => character.charCodeAt(0));
  const trust = readTrust({ authorities: evidence.authorities, crls: [octets] });
  const options = { at: new Date(evidence.at) };
  const { certificate, payloadText, signature } = evidence;
  const verdicts = [
    await verifyCertificate(certificate, trust, options),
    await verifyMessage({ certificate, payloadText, signature }, trust, options),
    await verifyMessage({ certificate, payloadText: payloadText.replace('250.5', '250.6'), signature }, trust, options),
    await verifyToken('e30.e30.AA', trust, options),
  ];
`;
const expected = [
  { valid: true, agent: { id: agent.id, permittedActions: agent.permittedActions }, revocation: 'good' },
  { valid: true, agent: { id: agent.id }, payload: { amount: 250.5 } },
  { valid: false, reason: 'signature_mismatch' },
  { valid: false, reason: 'token_algorithm_refused' },
];

it('holds the built modules and their types, and nothing of the service', async () => {
  const files = await readdir(join(project, 'node_modules/kakunin'), { recursive: true });
  expect(files.filter((file) => /\.(?:js|ts|json|md)$/.test(file) && !/\.d\.ts$/.test(file)).sort()).toEqual(expect.arrayContaining(['dist/verify/index.js', 'package.json']));
  expect(files.filter((file) => /^(?:lambdas|lib|local|test|bin)\b/.test(file))).toEqual([]);
});

it('needs no Node and no other package, and is below 40 KB', () => {
  expect(bundle).not.toMatch(/\bnode:|\brequire\(|\bBuffer\.(?:from|alloc|concat|compare)|\bprocess\.|\bfrom\s*["']|\bimport\s*[("']/);
  expect(Buffer.byteLength(bundle)).toBeLessThan(40_000);
});

it('has its reasons documented, all of them and no others', async () => {
  const declared = [...(await readFile(join(root, 'verify/verdict.ts'), 'utf8')).matchAll(/^ {2}\| '([a-z_]+)'/gm)].map(([, reason]) => reason);
  const documentation = await readFile(join(root, 'docs/offline-verification.md'), 'utf8');
  const table = documentation.slice(documentation.indexOf('| reason |'), documentation.indexOf('## What is checked'));
  const documented = [...table.matchAll(/^\|((?: `[a-z_]+`,?)+) \|/gm)].flatMap(([, codes = '']) => codes.match(/[a-z_]+/g) ?? []);
  expect(declared.length).toBeGreaterThan(20);
  expect(documented.sort()).toEqual(declared.sort());
});

it('runs in plain Node', async () => {
  await writeFile(join(project, 'run.js'), `
    import { readFileSync } from 'node:fs';
    import { readTrust, verifyCertificate, verifyMessage, verifyToken } from 'kakunin/verify';
    const evidence = JSON.parse(readFileSync('evidence.json', 'utf8'));
    ${verification}
    console.log(JSON.stringify(verdicts));
  `);
  const { stdout } = await run(process.execPath, ['run.js'], { cwd: project });
  expect(JSON.parse(stdout)).toMatchObject(expected);
});

it.each([['nodenext', 'nodenext'], ['esnext', 'bundler']])('has types for a project with module %s and moduleResolution %s, without those of Node or the DOM', async (module, moduleResolution) => {
  await writeFile(join(project, 'use.ts'), `
    import { readTrust, type Reason, type Verdict, type VerifiedMessage, verifyCertificate, verifyMessage, verifyToken } from 'kakunin/verify';
    const trust = readTrust({ authorities: 'pem', crls: [new Uint8Array()] });
    const verdict: Verdict<VerifiedMessage> = await verifyMessage({ certificate: 'pem', payloadText: '{}', signature: '' }, trust);
    if (verdict.valid) {
      const actions: readonly string[] = verdict.agent.permittedActions;
      const end: Date = verdict.notAfter;
      actions.includes(String(end));
    } else {
      const reason: Reason = verdict.reason;
      // @ts-expect-error What is not valid tells no agent.
      verdict.agent;
      reason.startsWith('a');
    }
    // @ts-expect-error One of payload, payloadText, octets, digest.
    await verifyMessage({ certificate: 'pem', signature: '' }, trust);
    // @ts-expect-error A trust comes from readTrust.
    await verifyCertificate('pem', 'pem');
    const token = await verifyToken('', trust, { audience: 'me', at: new Date(), revocation: 'if available' });
    if (token.valid) token.claims.exp.toFixed();
  `);
  const compilerOptions = { target: 'es2022', lib: ['es2022'], types: [], module, moduleResolution, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  const { stdout } = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
}, 120_000);

(browser === undefined ? describe.skip : describe)(`in a browser${browser === undefined ? ' (skipped: there is no chromium here)' : ''}`, () => {
  it('says the same', async () => {
    const page = `<!doctype html><title>verify</title><script type="module">
      const report = (result) => fetch('/report', { method: 'POST', body: JSON.stringify(result) });
      try {
        const { readTrust, verifyCertificate, verifyMessage, verifyToken } = await import('/verify.js');
        const evidence = await (await fetch('/evidence.json')).json();
        ${verification}
        await report(verdicts);
      } catch (error) {
        await report(String(error));
      }
    </script><img src="/reported">`;
    // The browser waits for the image before it ends, and the image for the report.
    let report: (result: Promise<string>) => void = () => undefined;
    const reported = new Promise<string>((resolve) => {
      report = resolve;
    });
    const server: Server = createServer((request, response) => {
      if (request.method === 'POST') report(text(request));
      if (request.url === '/reported') void reported.then(() => response.end());
      else if (request.url === '/verify.js') response.setHeader('content-type', 'text/javascript').end(bundle);
      else response.setHeader('content-type', 'text/html').end(request.url === '/evidence.json' ? JSON.stringify(evidence) : page);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const switches = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--dump-dom'];
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await run(browser ?? '', [...switches, `--user-data-dir=${join(project, 'profile')}`, url], { timeout: 90_000, maxBuffer: 1 << 24 });
      expect(JSON.parse(await reported)).toMatchObject(expected);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }, 120_000);
});
