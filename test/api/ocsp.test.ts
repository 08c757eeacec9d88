import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { isInstalled, openssl, runClientWithFiles, type ToolResult } from '../support/openssl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// The responder asked by other people's clients, which judge its answers by the CA's certificates alone.

let runtime: TestRuntime;
let files: Record<string, string>;
/** Epoch milliseconds. */
let revokedAt: number;
const neverIssued = `0x${'11'.repeat(16)}`;

beforeAll(async () => {
  runtime = await startTestRuntime();
  const [good, revoked, { issuing, root }] = await Promise.all([certifiedAgent(runtime.call), certifiedAgent(runtime.call), authorityPems(runtime.call)]);
  const revocation = await revoke(runtime.call, revoked.certificate.id, { body: { reason: 'Stolen', reason_code: 'keyCompromise' } });
  revokedAt = Date.parse(revocation.revoked_at);
  files = {
    'root.pem': root, 'issuing.pem': issuing, 'chain.pem': issuing + root,
    'good.pem': good.certificate.certificate_pem, 'revoked.pem': revoked.certificate.certificate_pem,
  };
});
afterAll(() => runtime.stop());

/** openssl's client, which always sends a POST. */
const ask = (options: readonly string[], url = `${runtime.distributionUrl}/ocsp`): Promise<ToolResult> =>
  runClientWithFiles('openssl', ['ocsp', '-issuer', 'issuing.pem', '-url', url, '-no_proxy', '127.0.0.1', '-CAfile', 'root.pem', ...options], files);

const epochSeconds = (text: string | undefined) => Date.parse(text ?? '') / 1000;
const times = (stdout: string, name: string) => [...stdout.matchAll(new RegExp(`${name}: (.*)\n`, 'g'))].map(([, text]) => epochSeconds(text));

describe('openssl', () => {
  test.each([['-sha1', '-nonce'], ['-sha1', '-no_nonce'], ['-sha256', '-nonce'], ['-sha256', '-no_nonce']])('gets good, revoked and unknown in one answer: %s %s', async (hash, nonce) => {
    const before = Math.floor(Date.now() / 1000);
    const { status, stdout, stderr } = await ask([hash, '-cert', 'good.pem', hash, '-cert', 'revoked.pem', hash, '-serial', neverIssued, nonce]);
    // Without a warning of a nonce that was asked for and is not there.
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'Response verify OK\n' });
    expect(stdout).toMatch(/^good\.pem: good\n\t.*\n\t.*\nrevoked\.pem: revoked\n\t.*\n\t.*\n\tReason: keyCompromise\n\tRevocation Time: .*\n0x1{32}: unknown\n/);
    expect(times(stdout, 'Revocation Time')).toEqual([Math.floor(revokedAt / 1000)]);
    const [thisUpdate = 0, ...others] = times(stdout, 'This Update');
    expect(thisUpdate).toBeGreaterThanOrEqual(before);
    expect(thisUpdate).toBeLessThanOrEqual(Date.now() / 1000);
    expect(others).toEqual([thisUpdate, thisUpdate]);
    expect(times(stdout, 'Next Update')).toEqual(Array.from({ length: 3 }, () => thisUpdate + 600));
  });

  test('finds the responder where the certificate says it is', async () => {
    const url = openssl(['x509', '-in', 'good.pem', '-noout', '-ocsp_uri'], files).stdout.trim();
    expect(url).toBe(`${runtime.distributionUrl}/ocsp`);
    expect(await ask(['-cert', 'good.pem'], url)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^good\.pem: good\n/) });
  });

  test('finds it below /v1 as well', async () => {
    expect(await ask(['-cert', 'good.pem'], `${runtime.url}/ocsp`)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^good\.pem: good\n/), stderr: 'Response verify OK\n' });
  });

  test('gets 16 certificates in one answer, and no more', async () => {
    const serials = (count: number) => Array.from({ length: count - 1 }, (_, index) => ['-serial', `0x${(index + 16).toString(16).repeat(16)}`]).flat();
    const { stdout, stderr } = await ask(['-cert', 'good.pem', ...serials(16)]);
    expect([stderr, stdout.match(/: unknown\n/g)?.length, stdout.match(/: good\n/g)?.length]).toEqual(['Response verify OK\n', 15, 1]);
    expect((await ask(['-cert', 'good.pem', ...serials(17)])).stdout).toContain('Responder Error: malformedrequest (1)');
  });

  test('is told that the responder is no authority for another CA’s certificates', async () => {
    expect((await ask(['-issuer', 'root.pem', '-cert', 'issuing.pem'])).stdout).toContain('Responder Error: unauthorized (6)');
  });

  test('does not take the answers for another CA’s', async () => {
    const { stderr } = await ask(['-cert', 'good.pem', '-CAfile', 'good.pem']);
    expect(stderr).toContain('Response Verify Failure');
  });

  test('sees a revocation from the moment it is answered', async () => {
    for (let round = 0; round < 5; round++) {
      const { certificate } = await certifiedAgent(runtime.call);
      files[`${round}.pem`] = certificate.certificate_pem;
      expect((await ask(['-cert', `${round}.pem`])).stdout).toMatch(/: good\n/);
      await revoke(runtime.call, certificate.id);
      const { stdout } = await ask(['-cert', `${round}.pem`]);
      expect(stdout).toMatch(/: revoked\n/);
      expect(stdout).not.toContain('Reason:'); // unspecified is said by saying nothing
    }
  });
});

const hasOcsptool = isInstalled('ocsptool');
(hasOcsptool ? test : test.skip)(`GnuTLS gets good, revoked and unknown, with and without nonce${hasOcsptool ? '' : ' (skipped: ocsptool is not installed)'}`, async () => {
  const askGnutls = (...options: readonly string[]) =>
    runClientWithFiles('ocsptool', ['--load-issuer', 'issuing.pem', '--load-trust', 'chain.pem', ...options], files);
  for (const nonce of [[], ['--nonce']]) {
    for (const name of ['good', 'revoked']) {
      // Without a URL it asks where the certificate says.
      const { status, stdout } = await askGnutls('--ask', '--load-cert', `${name}.pem`, ...nonce);
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(`Certificate Status: ${name}\n`) });
      expect(stdout).toContain('Verifying OCSP Response: Success.');
      expect(/\tNonce: /.test(stdout)).toBe(nonce.length > 0);
    }
  }
  // It asks about certificates only: one that the CA has signed and the registry does not list is the responder's own.
  const { stdout: answer } = await ask(['-cert', 'good.pem', '-resp_text']);
  files['responder.pem'] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(answer)?.[0] ?? '';
  const { stdout } = await askGnutls(`--ask=${runtime.distributionUrl}/ocsp`, '--load-cert', 'responder.pem');
  expect(stdout).toContain('Certificate Status: unknown\n');
});
