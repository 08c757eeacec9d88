import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { answerLost, awsError, notPerformed, type Fault, type Pattern } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import type { CertificateEnd, KeyEnd } from '../../lambdas/authority/certificate-end.ts';
import { certificateEnd, createKeys } from '../support/ends.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { deliverMessages } from '../support/stream.ts';

// The end of a certificate is the end of its key: what the function that is called with it does while KMS or DynamoDB
// does not do its part.

const perSecond = 50;

let runtime: FaultyRuntime;
let registry: RegistryView;

beforeAll(async () => {
  process.env['KEY_RETIREMENTS_PER_SECOND'] = String(perSecond);
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  await runtime.stop();
});

const newEnds = async (count: number) => (await createKeys(runtime, count)).map((keyArn) => certificateEnd({ keyArn }));
const callsToKms = () => runtime.kms.calls.filter(({ operation }) => operation === 'ScheduleKeyDeletion');
const noteKeyDeletion: Pattern = { operation: 'UpdateItem', where: (input) => String(input['Key']?.pk?.S).startsWith('EFFECT#') };

async function stateOf({ keyArn, certificateId }: CertificateEnd) {
  return { state: (await registry.key(keyArn))?.KeyState, effect: await registry.keyDeletion(certificateId) };
}
const retired = { state: 'PendingDeletion', effect: { scheduledAt: expect.any(String), deletionDate: expect.any(String) } };

test('KMS is asked no more often than its quota allows, and evenly', async () => {
  const ends = await newEnds(60);
  runtime.calm();
  expect(await deliverMessages('retire-keys', ends, 120)).toEqual([]);
  const times = callsToKms().map(({ startedAt }) => startedAt).sort((a, b) => a - b);
  expect(times).toHaveLength(60);
  expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThanOrEqual((59 / perSecond) * 1000 - 100);
  // A second may begin anywhere. A machine that is slow lets what was due come at once, hence the tenth.
  for (const start of times) expect(times.filter((time) => time >= start && time < start + 1000).length).toBeLessThanOrEqual(perSecond * 1.1);
});

test('one that is done costs KMS no second call, however often its message comes', async () => {
  const [end] = (await newEnds(1)) as [CertificateEnd];
  expect(await deliverMessages('retire-keys', [end])).toEqual([]);
  const before = await stateOf(end);
  runtime.calm();
  expect(await deliverMessages('retire-keys', [end, end])).toEqual([]);
  expect(callsToKms()).toEqual([]);
  expect(await stateOf(end)).toEqual(before);
});

describe('KMS', () => {
  const passing: [string, Fault][] = [['throttles', awsError('ThrottlingException')], ['fails', awsError('KMSInternalException')], ['cannot be reached', notPerformed]];
  test.each(passing)('%s for a while: the function waits, and all keys are retired in one delivery', async (_, fault) => {
    const ends = await newEnds(10);
    runtime.calm();
    const injection = runtime.kms.inject(requests.scheduleKeyDeletion, fault, { times: 12 });
    expect(await deliverMessages('retire-keys', ends)).toEqual([]);
    expect(injection.hits).toBe(12);
    expect(callsToKms()).toHaveLength(22);
    expect(await Promise.all(ends.map(stateOf))).toEqual(ends.map(() => retired));
  });

  test('did it and the answer was lost: done, though nobody was told until when', async () => {
    const [end] = (await newEnds(1)) as [CertificateEnd];
    runtime.kms.inject(requests.scheduleKeyDeletion, answerLost, { times: 1 });
    expect(await deliverMessages('retire-keys', [end])).toEqual([]);
    expect(await stateOf(end)).toEqual({ state: 'PendingDeletion', effect: { scheduledAt: expect.any(String) } });
  });

  test('is gone for longer than the function may run: what is not done is reported in time, and done the next time', async () => {
    const ends = await newEnds(3);
    await runtime.kms.down();
    const startedAt = performance.now();
    expect(new Set(await deliverMessages('retire-keys', ends, 18))).toEqual(new Set(ends));
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await runtime.kms.up();
    expect(await deliverMessages('retire-keys', ends)).toEqual([]);
    expect(await Promise.all(ends.map(stateOf))).toEqual(ends.map(() => retired));
  });

  test.each(['AccessDeniedException', 'NotFoundException'])('says %s: that one fails, at once, and the others are done', async (name) => {
    const [refused, ...others] = (await newEnds(3)) as [CertificateEnd, CertificateEnd, CertificateEnd];
    runtime.kms.inject({ ...requests.scheduleKeyDeletion, concerning: refused.keyArn }, awsError(name));
    const startedAt = performance.now();
    expect(await deliverMessages('retire-keys', [refused, ...others])).toEqual([refused]);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect(await Promise.all(others.map(stateOf))).toEqual(others.map(() => retired));
    expect(await stateOf(refused)).toEqual({ state: 'Enabled', effect: undefined });
  });
});

test('a key that is still being created is not taken for one that is pending deletion', async () => {
  const [end] = (await newEnds(1)) as [CertificateEnd];
  const creating = awsError('KMSInvalidStateException', { message: 'arn:aws:kms:eu-west-1:000000000000:key/k is being created.' });
  runtime.kms.inject(requests.scheduleKeyDeletion, creating, { times: 2 });
  expect(await deliverMessages('retire-keys', [end])).toEqual([]);
  expect(callsToKms().length).toBe(3);
  expect(await stateOf(end)).toEqual(retired);
});

test('a key that somebody had deleted long ago is done with', async () => {
  const [end] = (await newEnds(1)) as [CertificateEnd];
  const ended = { ...end, endedAt: new Date(Date.now() - 8 * 86_400_000).toISOString() };
  runtime.kms.inject(requests.scheduleKeyDeletion, awsError('NotFoundException'));
  expect(await deliverMessages('retire-keys', [ended])).toEqual([]);
  expect((await stateOf(end)).effect).toEqual({ scheduledAt: expect.any(String) });
});

test('a deletion that could not be noted fails, and is noted when it comes again', async () => {
  const [end] = (await newEnds(1)) as [CertificateEnd];
  const fault = runtime.dynamodb.inject(noteKeyDeletion, awsError('InternalServerError'));
  expect(await deliverMessages('retire-keys', [end])).toEqual([end]);
  fault.remove();
  expect(await stateOf(end)).toEqual({ state: 'PendingDeletion', effect: undefined });
  expect(await deliverMessages('retire-keys', [end])).toEqual([]);
  expect(await stateOf(end)).toEqual({ state: 'PendingDeletion', effect: { scheduledAt: expect.any(String) } });
});

test('the note that was made first stays', async () => {
  const [end] = (await newEnds(1)) as [CertificateEnd];
  const hold = runtime.dynamodb.hold({ operation: 'GetItem', where: (input) => String(input['Key']?.pk?.S).startsWith('EFFECT#') }, { times: 1, where: 'before the answer' });
  const late = deliverMessages('retire-keys', [end]); // It has found no note …
  await hold.reached;
  expect(await deliverMessages('retire-keys', [end])).toEqual([]);
  const before = await stateOf(end);
  hold.release(); // … and goes on when there is one.
  expect(await late).toEqual([]);
  expect(await stateOf(end)).toEqual(before);
});

test('an expired certificate’s key is retired like a revoked one’s', async () => {
  const [keyArn = ''] = await createKeys(runtime, 1);
  const end = certificateEnd({ keyArn, cause: 'expired' });
  expect(await deliverMessages('retire-keys', [end])).toEqual([]);
  expect(await stateOf(end)).toEqual(retired);
});

test('an abandoned key is retired, and nothing is noted of the certificate that it was created for, whose own key is still to come', async () => {
  const [keyArn = '', ownKeyArn = ''] = await createKeys(runtime, 2);
  const { certificateId, agentId, tenantId } = certificateEnd({ keyArn: ownKeyArn });
  const abandoned: KeyEnd = { cause: 'abandoned', keyArn, certificateId, agentId, tenantId };
  expect(await deliverMessages('retire-keys', [abandoned])).toEqual([]);
  expect([(await registry.key(keyArn))?.KeyState, await registry.keyDeletion(certificateId)]).toEqual(['PendingDeletion', undefined]);
  expect(await deliverMessages('retire-keys', [abandoned, certificateEnd({ keyArn: ownKeyArn, certificateId })])).toEqual([]);
  expect([(await registry.key(ownKeyArn))?.KeyState, await registry.keyDeletion(certificateId)]).toEqual(['PendingDeletion', retired.effect]);
  const { agentId: _, ...incomplete } = abandoned;
  expect(await deliverMessages<object>('retire-keys', [incomplete])).toEqual([incomplete]);
});

test('an agent’s key is born with a policy that lets the retiring role do this and nothing else', async () => {
  runtime.calm();
  const { status } = await runtime.certify(await runtime.newAgent());
  expect(status).toBe(201);
  const { Policy = '' } = runtime.kms.calls.find(({ operation }) => operation === 'CreateKey')?.input ?? {};
  const { Statement } = JSON.parse(Policy);
  expect(Statement.map(({ Principal, Action }: { Principal: { AWS: string }; Action: unknown }) => [Principal.AWS.replace(/^.*::\d+:/, ''), Action])).toEqual([
    ['root', 'kms:*'], ['role/kakunin-local-certifier', ['kms:GetPublicKey', 'kms:ScheduleKeyDeletion']], ['role/kakunin-local-key-retirer', 'kms:ScheduleKeyDeletion'],
    // And what the role may that signs in agents' names (test/api/sign.test.ts).
    ['role/kakunin-local-message-signer', 'kms:Sign'],
  ]);
});
