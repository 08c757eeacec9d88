import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { billOf, standing, total, type Volume } from '../../bin/cost/bill.ts';
import { privateCaBills } from '../../bin/cost/private-ca.ts';
import { tiered } from '../../bin/cost/prices.ts';
import { root, synthesize } from '../lib/synthesized.ts';
import { runProgram } from './program.ts';

const nothing: Volume = {
  agents: 0, certifications: 0, renewals: 0, revocations: 0, signatures: 0, events: 0, verifications: 0, messageVerifications: 0, ocspRequests: 0, ocspCached: 0, crlDownloads: 0, deliveries: 0, monthsStored: 0,
};
const linesOf = (volume: Partial<Volume>) => billOf({ ...nothing, ...volume });
const usdOf = (volume: Partial<Volume>, service: string) => total(linesOf(volume).filter((line) => line.service === service));

test('what costs less the more there is of it costs what each step says', () => {
  expect(tiered(500, [[1_000, 0.75], [10_000, 0.35], [Infinity, 0.001]])).toBe(375);
  expect(tiered(20_000, [[1_000, 0.75], [10_000, 0.35], [Infinity, 0.001]])).toBeCloseTo(750 + 3_150 + 10);
  expect(tiered(0, [[Infinity, 1]])).toBe(0);
});

test('a service that nobody uses costs its own keys and what the clock and the pollers do', () => {
  expect(usdOf({}, 'KMS')).toBeCloseTo(standing.keys + 17 * 720 * 0.15 / 10_000);
  expect(usdOf({}, 'API Gateway')).toBe(0);
  expect(usdOf({}, 'SQS')).toBeCloseTo(standing.queues * 5 * 3 * 60 * 720 * 0.4 / 1e6);
});

test('an agent costs a dollar, and its key being looked at each hour', () => {
  expect(usdOf({ agents: 1000 }, 'KMS') - usdOf({}, 'KMS')).toBeCloseTo(1000 + 1000 * 720 * 0.03 / 10_000);
});

test('a million verifications are a million requests, invocations and reads', () => {
  const million = { verifications: 1e6 };
  expect(usdOf(million, 'API Gateway')).toBeCloseTo(3.5);
  expect(usdOf(million, 'DynamoDB')).toBeCloseTo(0.1415);
  expect(usdOf(million, 'Lambda') - usdOf({}, 'Lambda')).toBeCloseTo(0.2 + 1e6 * 0.15 * 0.5 * 0.0000133334);
  expect(usdOf(million, 'KMS')).toBe(usdOf({}, 'KMS'));
});

test('AWS Private CA costs its CAs, certificates and OCSP', () => {
  const bills = privateCaBills({ ...nothing, agents: 700, certifications: 100, renewals: 1_100 });
  expect(Object.values(bills).map((lines) => total(lines))).toEqual([800 + 750 + 200 * 0.35 + 700 * 0.06, 450 + 3000 * 0.058].map((usd) => expect.closeTo(usd)));
});

test('what stands there used or not is what the stack has', () => {
  const { ofType } = synthesize();
  const isOfQueue = ([, { Properties }]: readonly [string, { Properties: Record<string, unknown> }]) => 'ScalingConfig' in Properties;
  expect(standing).toEqual({
    keys: ofType('AWS::KMS::Key').length,
    queues: ofType('AWS::Lambda::EventSourceMapping').filter(isOfQueue).length,
    secrets: ofType('AWS::SecretsManager::Secret').length,
    crlShards: 16,
    alarms: ofType('AWS::CloudWatch::Alarm').length,
    wafRules: ofType('AWS::WAFv2::WebACL').reduce((sum, [, { Properties }]) => sum + (Properties['Rules'] as unknown[]).length, 0),
  });
});

test('the program prints a bill for people and the same for spreadsheets', async () => {
  const args = ['--agents', '1000', '--verify-per-day', '1e6'];
  const { status, stdout } = await runProgram('bin/cost.ts', args);
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^ {2}KMS +1,000 keys of agents +1,000\.00$/m) });
  const json = JSON.parse((await runProgram('bin/cost.ts', [...args, '--json'])).stdout) as { total: number; volume: Volume };
  expect(json.volume.verifications).toBe(30e6);
  expect(stdout).toMatch(new RegExp(`together +${json.total.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}$`, 'm'));
});

test.each([
  [['--agents', 'x'], '--agents is "x": it must be a number'],
  [['--agents', '-1'], '--agents'],
  [['--ocsp-cached', '2'], '--ocsp-cached is "2": it must be a number from 0 to 1.'],
  [['--fast'], "Unknown option '--fast'"],
])('%j is not understood', async (args, sentence) => {
  const { status, stdout, stderr } = await runProgram('bin/cost.ts', args);
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining(sentence) });
});

test('docs/cost.md shows what the program prints', async () => {
  const document = readFileSync(new URL('docs/cost.md', root), 'utf8');
  expect(document).toContain(`$ npm run cost\n${(await runProgram('bin/cost.ts', [])).stdout.trimEnd()}\n`);
  for (const [, agents = '', ...usd] of document.matchAll(/^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$/gm)) {
    const { stdout } = await runProgram('bin/cost.ts', ['--agents', agents.replaceAll(',', ''), '--json']);
    const { total: whole, privateCa } = JSON.parse(stdout) as { total: number; privateCa: ReturnType<typeof privateCaBills> };
    const expected = [whole - Number(agents.replaceAll(',', '')), ...Object.values(privateCa).map((lines) => total(lines))];
    expect([agents, ...usd]).toEqual([agents, ...expected.map((value) => Math.round(value).toLocaleString('en'))]);
  }
});
