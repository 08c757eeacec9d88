import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { distributed, rsaKey, testAuthority } from '../pki/authority-fixture.ts';
import { movedClock } from '../support/clock.ts';
import { rewritten } from '../support/faults.ts';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';

// An issuing certificate that ends before an agent's would: whatever is built under it must not be signed. It is
// remembered for a minute, so that minute has to be over.

let runtime: FaultyRuntime;
const clock = movedClock();

const tenYearsLessAMonth = (10 * 365 - 30) * 86_400_000;

beforeAll(async () => {
  const keys = { root: rsaKey(2048), issuing: rsaKey(2048) };
  const { issuingCertificateDer } = testAuthority(distributed, new Date(Date.now() - tenYearsLessAMonth), keys);
  const otherCertificate = rewritten((answer) => (answer['Item'] === undefined ? answer : { Item: { ...answer['Item'], certificatePem: { S: certificateToPem(issuingCertificateDer) } } }));
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  runtime.dynamodb.inject({ ...requests.readAuthority, where: (input) => input['Key']?.pk?.S === 'CA#issuing' }, otherCertificate);
  clock.moveTo(new Date(Date.now() + 61_000).toISOString());
});
afterAll(async () => {
  clock.restore();
  await runtime.stop();
});

test('what violates the profile is not signed, nothing is stored, and no key is left', async () => {
  const agentId = await runtime.newAgent();
  runtime.kms.reset();
  const answer = await runtime.certify(agentId);
  expect([answer.status, answer.body.code]).toEqual([500, 'INTERNAL_ERROR']);
  expectDiscreet(answer);

  expect(runtime.kms.calls.map(({ operation }) => operation)).toEqual(['CreateKey', 'GetPublicKey', 'ScheduleKeyDeletion']);
  expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
  const { status, lease, activeCertificate } = await runtime.aftermath.agent(agentId);
  expect([status, lease, activeCertificate]).toEqual(['pending', undefined, undefined]);
  expect(await runtime.aftermath.activeCertificates(agentId)).toEqual([]);
  expect((await runtime.aftermath.audit(agentId)).map(({ eventType }) => eventType)).toEqual(['agent.created']);
});
