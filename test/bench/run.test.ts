import { expect, test } from '@jest/globals';
import { benches } from '../../bench/benches.ts';
import type { Report } from '../../bench/harness/bench.ts';
import { merged, reportText } from '../../bench/harness/output.ts';
import { runProgram } from '../bin/program.ts';

test('A short run of everything prints tables, and then the same figures as one line of JSON', async () => {
  const { status, stdout, stderr } = await runProgram('bench/run.ts', ['--seconds', '0.3', '--concurrency', '2', '--count', '1000']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/^certify|build/) });
  for (const [name, { alone }] of Object.entries(benches)) expect(stderr.includes(`${name} …`)).toBe(alone === undefined);

  const lines = stdout.trimEnd().split('\n');
  const { reports, ...circumstances } = JSON.parse(lines.at(-1) ?? '') as { reports: Report[] };
  expect(circumstances).toMatchObject({ node: process.version, processors: expect.any(Number), seconds: 0.3, concurrency: 2 });
  const rows = reports.flatMap((report) => report.rows);
  for (const request of ['certify', 'verify', 'ocsp by POST', 'ocsp by GET', 'revoke', 'event']) {
    expect(rows).toContainEqual({ request, concurrency: 2, measured: expect.any(Number), per_second: expect.any(Number), p50_ms: expect.any(Number), p99_ms: expect.any(Number) });
    expect(stdout).toMatch(new RegExp(`^ {2}${request} +2 `, 'm'));
  }
  expect(rows).toContainEqual(expect.objectContaining({ to: 'verify says revoked', p50_ms: expect.any(Number) }));
  for (const to of ['verify says revoked', 'OCSP says revoked', 'the CRL it names lists it', 'KMS refuses to sign with its key']) {
    expect(rows).toContainEqual({ from: 'revocation answered', to, measured: expect.any(Number), p50_ms: expect.any(Number), slowest_ms: expect.any(Number) });
  }
  // Read back by openssl, and byte for byte what it makes of the same entries, or there would be no figures.
  expect(rows.flatMap(({ by, entries, openssl_reads: read }) => (by === 'this service' ? [[entries, read]] : []))).toEqual([[1000, 1000], [10_000, 10_000]]);
  // Five round trips one after the other, behind the authorizer's.
  expect(rows).toContainEqual({
    request: 'certify', calls: 7, in_a_row: 6, operations: 'GetItem, UpdateItem, CreateKey, GetPublicKey + UpdateItem, Sign, TransactWriteItems',
  });
}, 180_000);

test('With --json there is nothing but JSON, of what was asked for', async () => {
  const { status, stdout } = await runProgram('bench/run.ts', ['build', '--seconds', '0.1', '--json']);
  expect(status).toBe(0);
  const { reports } = JSON.parse(stdout) as { reports: Report[] };
  expect(reports.map(({ title }) => title)).toEqual(['Processor time of one certificate, warm']);
});

test('What is revoked at once drains, by itself alone', async () => {
  const { status, stdout, stderr } = await runProgram('bench/run.ts', ['drain', '--count', '20', '--json']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('20 certificates are being made') });
  const { reports } = JSON.parse(stdout) as { reports: Report[] };
  expect(reports[0]?.rows.map(({ what, number }) => [what, number])).toEqual([['certificates revoked in the registry', 20], ['on the CRLs', 20], ['keys unusable and pending deletion', 20]]);
}, 120_000);

test.each([
  [['crypto'], 'There is no bench "crypto": it is one of build, crl, certify'],
  [['--seconds', 'x'], '--seconds is "x"'],
  [['--concurrency', '1.5'], '--concurrency is "1.5"'],
  [['crl', '--count', '0'], '--count is "0"'],
  [['drain', 'crl'], 'The bench "drain" runs alone'],
  [['--fast'], "Unknown option '--fast'"],
])('%j is not understood', async (args, sentence) => {
  const { status, stdout, stderr } = await runProgram('bench/run.ts', args);
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining(sentence) });
});

test('Reports of one title become one table', () => {
  const [report] = merged([
    { title: 'Requests', rows: [{ request: 'certify', per_second: 4.5 }], remarks: ['slow'] },
    { title: 'Requests', rows: [{ request: 'verify', per_second: 120 }] },
  ]);
  expect(report && reportText(report)).toBe(['Requests', '', '  request  per_second', '  certify         4.5', '  verify          120', '  slow', '', ''].join('\n'));
});
