import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const script = join(import.meta.dirname, '../../examples/quickstart.sh');
let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime();
});
afterAll(() => runtime.stop());

const run = (environment: Record<string, string>) =>
  promisify(execFile)('bash', [script], { env: { ...process.env, ...environment }, timeout: 100_000 })
    .then(({ stdout, stderr }) => ({ status: 0, stdout, stderr }), ({ code, stdout, stderr }) => ({ status: code as number, stdout: stdout as string, stderr: stderr as string }));

test('curl and openssl see an agent certified, its message verified, and both ended', async () => {
  const { status, stdout, stderr } = await run({ KAKUNIN_URL: runtime.url, KAKUNIN_KEY: runtime.keys.acme });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [, , , bySerial, byOpenssl, , message, , atOnce, byCrl] = stdout.split('\n== ');
  expect(bySerial).toContain('"valid":true');
  expect(byOpenssl).toMatch(/\nagent\.pem: OK\n$/);
  expect(message).toContain('"valid":true');
  expect(atOnce).toMatch(/"status":"revoked".*\n.*"valid":false.*"reason":"certificate_revoked"/);
  expect(byCrl).toMatch(/certificate revoked/);
}, 120_000);

test('it stops at the first refusal, and says what it was', async () => {
  const { status, stdout, stderr } = await run({ KAKUNIN_URL: runtime.url, KAKUNIN_KEY: 'kak_test_nobody' });
  expect(status).not.toBe(0);
  expect(stderr).toContain('UNAUTHORIZED');
  expect(stdout).not.toContain('Certify');
});

test('it asks for what it needs', async () => {
  const { status, stderr } = await run({ KAKUNIN_URL: '', KAKUNIN_KEY: '' });
  expect(status).not.toBe(0);
  expect(stderr).toContain('KAKUNIN_URL: where the API is');
});
