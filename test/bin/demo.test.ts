import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './program.ts';

let temporary: string;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
});
afterAll(() => rm(temporary, { recursive: true, force: true }));

const leftovers = async () => (await readdir(temporary)).filter((name) => name.startsWith('kakunin'));

test('The demo takes an agent from registration to automatic revocation, as every verifier sees it', async () => {
  const { status, stdout, stderr } = await runProgram('bin/demo.ts', [], { environment: { TMPDIR: temporary } });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/SAN +urn:kakunin:agent:[0-9a-f-]{36}\n/);
  expect(stdout).toMatch(/Private key +arn:aws:kms:/);
  expect(stdout).toMatch(/KMS signs an order with it: 2048 bits/);
  expect(stdout).toMatch(/openssl verify -x509_strict -crl_check_all .*\n +agent\.pem: OK\n/);
  expect(stdout).toMatch(/certify {2}409 in \d+ ms\n +ACTIVE_CERTIFICATE_EXISTS/);
  expect(stdout).toContain('risk 0.85, high');
  expect(stdout).toMatch(/revoked \d+ ms after the event was accepted/);
  expect(stdout).toMatch(/openssl ocsp .*\n +agent\.pem: revoked\n +Revocation Time: .*\n +Response verify OK\n +revoked \d+ ms after the event\n/);
  expect(stdout).toMatch(/openssl verify .*\n.*\n +error 23 at 0 depth lookup: certificate revoked\n.*\n +on the CRL \d+ ms after the event\n/);
  expect(stdout).toMatch(/KMSInvalidStateException: .*\n +unusable \d+ ms after the event\n/);
  expect(stdout).toMatch(/Agent +suspended\n$/);
  // Not a terminal, so not in colour.
  expect(stdout).not.toContain('\u001b');
  expect(await leftovers()).toEqual([]);
});

test('Without openssl the demo says so and fails', async () => {
  const { status, stdout, stderr } = await runProgram('bin/demo.ts', [], { environment: { PATH: '/nonexistent', TMPDIR: temporary } });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^\nThe program "openssl" is missing, .*run the demo again\.\n$/);
  expect(stdout).not.toContain('409');
  expect(await leftovers()).toEqual([]);
});

test('Ctrl-C ends the demo, and everything it has started', async () => {
  const { status, stderr } = await runProgram('bin/demo.ts', [], { environment: { TMPDIR: temporary }, interruptAt: 'Register an agent' });
  expect({ status, stderr }).toEqual({ status: 130, stderr: '\nStopped.\n' });
  expect(await leftovers()).toEqual([]);
});
