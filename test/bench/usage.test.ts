import { expect, test } from '@jest/globals';
import type { Report } from '../../bench/harness/bench.ts';
import { operations, usageOf, type Operation } from '../../bin/cost/usage.ts';
import { runProgram } from '../bin/program.ts';

test('an operation uses of AWS what the cost of a month is calculated with', async () => {
  const { status, stdout } = await runProgram('bench/run.ts', ['usage', '--json']);
  expect(status).toBe(0);
  const [report] = (JSON.parse(stdout) as { reports: Report[] }).reports;
  const measured = Object.fromEntries((report as Report).rows.map(({ operation, ...used }) => [operation, used]));
  expect(Object.keys(measured)).toEqual(Object.keys(operations));
  for (const operation of Object.keys(operations) as Operation[]) {
    // Some bytes depend on what a time or a random number looks like.
    const { storedBytes } = usageOf[operation];
    const about = storedBytes === 0 ? 0 : expect.closeTo(storedBytes, -Math.log10(storedBytes * 0.04));
    expect([operation, measured[operation]]).toEqual([operation, { ...usageOf[operation], storedBytes: about }]);
  }
}, 60_000);
