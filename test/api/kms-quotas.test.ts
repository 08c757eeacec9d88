import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openHttpClient, type HttpClient } from '../../bench/harness/http-client.ts';
import { recoveryBoundSeconds } from '../../bench/load/overload.ts';
import { excess, stormCertify, stormRevoke, stormSign, type Storm, type StormServices } from '../../bench/load/storms.ts';
import { openAftermath, type Aftermath } from '../support/faults-aftermath.ts';
import { keyPool } from '../support/key-pool.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// A KMS with quotas, asked for ten times as much. They are smaller than AWS's, of which ten times as much would be more than a small
// machine does; npm run bench -- load asks for ten times AWS's own of CreateKey and ScheduleKeyDeletion.
const quotas = { CreateKey: 2, Sign: 6, ScheduleKeyDeletion: 1 };

let runtime: TestRuntime;
let client: HttpClient;
let aftermath: Aftermath;
let services: StormServices;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'; // A throttled KMS fills the log, as it should.
  process.env['KEY_RETIREMENTS_PER_SECOND'] = String(quotas.ScheduleKeyDeletion); // As a deployment has it of AWS's quota.
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool(), quotas }, concurrency: 64 });
  client = openHttpClient(runtime.url, runtime.keys.acme);
  aftermath = openAftermath(runtime);
  // How fast is for the bench to say, on a machine that has nothing else to do.
  services = { ...client, aftermath, signal: new AbortController().signal, boundMilliseconds: 20_000 };
}, 120_000);
afterAll(async () => {
  client.close();
  aftermath.close();
  await runtime.stop();
});

let certificates: readonly { readonly id: string; readonly agent_id: string }[];

/** Nobody hangs: with 5 s asked of the bench, on a machine of its own, and room for one that has others to serve. */
const longestAnswerMilliseconds = 12_000;
const slowestOf = ({ outcomes }: Pick<Storm, 'outcomes'>) => Math.max(...outcomes.map(({ latencyMilliseconds }) => latencyMilliseconds));

/** What came of it, in the test's output. */
function tell(request: string, { outcomes, succeeded, recoverySeconds }: Storm): void {
  process.stdout.write(`${request}: ${succeeded.length} of ${outcomes.length} succeeded, the slowest answer took ${Math.round(slowestOf({ outcomes }))} ms, as before after ${recoverySeconds.toFixed(1)} s\n`);
}

test('Ten times as many agents certified as KMS makes keys for: the quota is used, the rest is told to come back, and no key is left over', async () => {
  const seconds = 3;
  const storm = await stormCertify(services, { quotaPerSecond: quotas.CreateKey, seconds });
  tell('certify', storm);
  expect(storm.faults).toEqual([]);
  expect(slowestOf(storm)).toBeLessThan(longestAnswerMilliseconds);
  expect(storm.recoverySeconds).toBeLessThanOrEqual(recoveryBoundSeconds);
  expect(storm.outcomes.length).toBeGreaterThan((excess * quotas.CreateKey * seconds) / 2);
  expect(storm.succeeded.length).toBeGreaterThanOrEqual(quotas.CreateKey * seconds - 2);
  expect(storm.succeeded.length).toBeLessThan(storm.outcomes.length / 2);
  certificates = storm.succeeded.map(({ body }) => (JSON.parse(body) as { data: { id: string; agent_id: string } }).data);
}, 180_000);

test('Ten times as many signatures asked for as KMS makes: each that is answered verifies and is in the audit trail', async () => {
  const storm = await stormSign(services, { quotaPerSecond: quotas.Sign, seconds: 1.5, agentIds: certificates.map(({ agent_id }) => agent_id) });
  tell('sign', storm);
  expect(storm.faults).toEqual([]);
  expect(slowestOf(storm)).toBeLessThan(longestAnswerMilliseconds);
  expect(storm.recoverySeconds).toBeLessThanOrEqual(recoveryBoundSeconds);
  expect(storm.succeeded.length).toBeGreaterThanOrEqual(quotas.Sign);
  expect(storm.succeeded.length).toBeLessThan(storm.outcomes.length / 2);
}, 180_000);

test('Ten times as many certificates revoked as KMS retires keys: all are revoked at once, and their keys follow at its pace', async () => {
  const storm = await stormRevoke(services, { quotaPerSecond: quotas.ScheduleKeyDeletion, certificateIds: certificates.map(({ id }) => id) });
  tell('revoke', storm);
  expect(storm.faults).toEqual([]);
  expect(slowestOf(storm)).toBeLessThan(longestAnswerMilliseconds);
  expect(storm.recoverySeconds).toBeLessThanOrEqual(recoveryBoundSeconds);
  expect(storm.succeeded).toHaveLength(storm.outcomes.length);
  await runtime.idle();
  expect(runtime.deadLetters).toEqual([]);
  expect(storm.drainedSeconds).toBeGreaterThan(storm.succeeded.length / quotas.ScheduleKeyDeletion - 2);
}, 180_000);
