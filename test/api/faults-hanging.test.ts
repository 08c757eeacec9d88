import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

// A service that takes the request and never answers. API Gateway gives up after 29 s and Lambda ends the function after
// 28 s, wherever it is: by then the request must have been answered and what it did taken back.

const requestSeconds = 28;

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  await runtime.certify(await runtime.newAgent());
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

/** Certifies an agent while matching requests of its issuance hang, and answers what came of it. */
async function certifyWhileHanging(...hanging: ('createKey' | 'getPublicKey' | 'sign' | 'scheduleKeyDeletion')[]) {
  const agentId = await runtime.newAgent();
  const holds = hanging.map((call) => runtime.kms.hold(call === 'sign' ? requests[call] : { ...requests[call], concerning: agentId }));
  const startedAt = performance.now();
  const answer = await runtime.certify(agentId);
  const seconds = (performance.now() - startedAt) / 1000;
  const { lease } = await runtime.aftermath.agent(agentId);
  const keys = await runtime.aftermath.agentKeys(agentId);
  for (const hold of holds) hold.release();

  expect([answer.status, answer.body.code]).toEqual([503, 'KMS_UNAVAILABLE']);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expectDiscreet(answer);
  expect(seconds).toBeLessThan(requestSeconds);
  expect(lease === undefined || lease.expiresAt <= new Date().toISOString()).toBe(true);
  return { agentId, lease, keys };
}

test('whichever call to KMS hangs, it is given up in time and undone, and then certify works', async () => {
  const [create, read, sign] = await Promise.all([
    certifyWhileHanging('createKey'),
    certifyWhileHanging('getPublicKey'),
    certifyWhileHanging('sign', 'scheduleKeyDeletion'),
  ]);
  expect(read.keys.map(({ state }) => state)).toEqual(['PendingDeletion']);
  // Not even its deletion was answered, so it stays noted for the next issuance.
  expect(sign.keys.map(({ arn, state }) => [arn, state])).toEqual([[sign.lease.keyArn, 'Enabled']]);

  for (const { agentId } of [create, read, sign]) {
    const { status, body } = await runtime.certify(agentId);
    expect(status).toBe(201);
    const enabled = (await runtime.aftermath.agentKeys(agentId)).filter(({ state }) => state === 'Enabled').map(({ arn }) => arn);
    // CreateKey was performed once it was let go, and nobody was there to learn what it had made.
    expect(agentId === create.agentId ? enabled.filter((arn) => arn === body.data.kms_key_arn) : enabled).toEqual([body.data.kms_key_arn]);
  }
}, 90_000);

test('a reservation that was performed but hangs is found to be ours when it is repeated', async () => {
  const agentId = await runtime.newAgent();
  const hold = runtime.dynamodb.hold({ ...requests.reserve, concerning: agentId }, { where: 'before the answer', times: 1 });
  const { status } = await runtime.certify(agentId);
  expect([status, hold.held]).toEqual([201, 1]);
}, 60_000);
