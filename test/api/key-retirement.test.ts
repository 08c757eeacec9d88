import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { answerLost, awsError, notPerformed, type Fault, type Pattern } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { certificateIdOfRecord, createKeys, endRecord } from '../support/ends.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { deliver } from '../support/stream.ts';

// The end of a certificate is the end of its key: what the function on the registry's stream does while KMS or DynamoDB
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

const newRecords = async (count: number) => (await createKeys(runtime, count)).map((keyArn) => endRecord({ keyArn }));
const sequenceNumbers = (records: readonly DynamoDBRecord[]) => records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '');
const callsToKms = () => runtime.kms.calls.filter(({ operation }) => operation === 'ScheduleKeyDeletion');
const noteKeyDeletion: Pattern = { operation: 'UpdateItem', where: (input) => String(input['Key']?.pk?.S).startsWith('EFFECT#') };

async function stateOf(record: DynamoDBRecord) {
  const key = await registry.key(record.dynamodb?.NewImage?.['keyArn']?.S ?? '');
  return { state: key?.KeyState, effect: await registry.keyDeletion(certificateIdOfRecord(record)) };
}
const retired = { state: 'PendingDeletion', effect: { scheduledAt: expect.any(String), deletionDate: expect.any(String) } };

test('KMS is asked no more often than its quota allows, and evenly', async () => {
  const records = await newRecords(60);
  runtime.calm();
  expect(await deliver('retire-keys', records)).toEqual([]);
  const times = callsToKms().map(({ startedAt }) => startedAt).sort((a, b) => a - b);
  expect(times).toHaveLength(60);
  expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThanOrEqual((59 / perSecond) * 1000 - 100);
  // A second may begin anywhere. A machine that is slow lets what was due come at once, hence the tenth.
  for (const start of times) expect(times.filter((time) => time >= start && time < start + 1000).length).toBeLessThanOrEqual(perSecond * 1.1);
});

test('one that is done costs KMS no second call, however often its record comes', async () => {
  const [record] = (await newRecords(1)) as [DynamoDBRecord];
  expect(await deliver('retire-keys', [record])).toEqual([]);
  const before = await stateOf(record);
  runtime.calm();
  expect(await deliver('retire-keys', [record, record])).toEqual([]);
  expect(callsToKms()).toEqual([]);
  expect(await stateOf(record)).toEqual(before);
});

describe('KMS', () => {
  const passing: [string, Fault][] = [['throttles', awsError('ThrottlingException')], ['fails', awsError('KMSInternalException')], ['cannot be reached', notPerformed]];
  test.each(passing)('%s for a while: the function waits, and all keys are retired in one delivery', async (_, fault) => {
    const records = await newRecords(10);
    runtime.calm();
    const injection = runtime.kms.inject(requests.scheduleKeyDeletion, fault, { times: 12 });
    expect(await deliver('retire-keys', records)).toEqual([]);
    expect(injection.hits).toBe(12);
    expect(callsToKms()).toHaveLength(22);
    expect(await Promise.all(records.map(stateOf))).toEqual(records.map(() => retired));
  });

  test('did it and the answer was lost: done, though nobody was told until when', async () => {
    const [record] = (await newRecords(1)) as [DynamoDBRecord];
    runtime.kms.inject(requests.scheduleKeyDeletion, answerLost, { times: 1 });
    expect(await deliver('retire-keys', [record])).toEqual([]);
    expect(await stateOf(record)).toEqual({ state: 'PendingDeletion', effect: { scheduledAt: expect.any(String) } });
  });

  test('is gone for longer than the function may run: what is not done is reported in time, and done the next time', async () => {
    const records = await newRecords(3);
    await runtime.kms.down();
    const startedAt = performance.now();
    expect((await deliver('retire-keys', records, 18)).sort()).toEqual(sequenceNumbers(records).sort());
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await runtime.kms.up();
    expect(await deliver('retire-keys', records)).toEqual([]);
    expect(await Promise.all(records.map(stateOf))).toEqual(records.map(() => retired));
  });

  test.each(['AccessDeniedException', 'NotFoundException'])('says %s: that record fails, at once, and the others are done', async (name) => {
    const [refused, ...others] = (await newRecords(3)) as [DynamoDBRecord, DynamoDBRecord, DynamoDBRecord];
    runtime.kms.inject({ ...requests.scheduleKeyDeletion, concerning: refused.dynamodb?.NewImage?.['keyArn']?.S ?? '' }, awsError(name));
    const startedAt = performance.now();
    expect(await deliver('retire-keys', [refused, ...others])).toEqual(sequenceNumbers([refused]));
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect(await Promise.all(others.map(stateOf))).toEqual(others.map(() => retired));
    expect(await stateOf(refused)).toEqual({ state: 'Enabled', effect: undefined });
  });
});

test('a key that is still being created is not taken for one that is pending deletion', async () => {
  const [record] = (await newRecords(1)) as [DynamoDBRecord];
  const creating = awsError('KMSInvalidStateException', { message: 'arn:aws:kms:eu-west-1:000000000000:key/k is being created.' });
  runtime.kms.inject(requests.scheduleKeyDeletion, creating, { times: 2 });
  expect(await deliver('retire-keys', [record])).toEqual([]);
  expect(callsToKms().length).toBe(3);
  expect(await stateOf(record)).toEqual(retired);
});

test('a key that somebody had deleted long ago is done with', async () => {
  const [record] = (await newRecords(1)) as [DynamoDBRecord];
  const ended = { ...record, dynamodb: { ...record.dynamodb, NewImage: { ...record.dynamodb?.NewImage, endedAt: { S: new Date(Date.now() - 8 * 86_400_000).toISOString() } } } };
  runtime.kms.inject(requests.scheduleKeyDeletion, awsError('NotFoundException'));
  expect(await deliver('retire-keys', [ended])).toEqual([]);
  expect((await stateOf(record)).effect).toEqual({ scheduledAt: expect.any(String) });
});

test('a deletion that could not be noted fails, and is noted when it comes again', async () => {
  const [record] = (await newRecords(1)) as [DynamoDBRecord];
  const fault = runtime.dynamodb.inject(noteKeyDeletion, awsError('InternalServerError'));
  expect(await deliver('retire-keys', [record])).toEqual(sequenceNumbers([record]));
  fault.remove();
  expect(await stateOf(record)).toEqual({ state: 'PendingDeletion', effect: undefined });
  expect(await deliver('retire-keys', [record])).toEqual([]);
  expect(await stateOf(record)).toEqual({ state: 'PendingDeletion', effect: { scheduledAt: expect.any(String) } });
});

test('the note that was made first stays', async () => {
  const [record] = (await newRecords(1)) as [DynamoDBRecord];
  const hold = runtime.dynamodb.hold({ operation: 'GetItem', where: (input) => String(input['Key']?.pk?.S).startsWith('EFFECT#') }, { times: 1, where: 'before the answer' });
  const late = deliver('retire-keys', [record]); // It has found no note …
  await hold.reached;
  expect(await deliver('retire-keys', [record])).toEqual([]);
  const before = await stateOf(record);
  hold.release(); // … and goes on when there is one.
  expect(await late).toEqual([]);
  expect(await stateOf(record)).toEqual(before);
});

test('an expired certificate’s key is retired like a revoked one’s', async () => {
  const [keyArn = ''] = await createKeys(runtime, 1);
  const record = endRecord({ keyArn, cause: 'expired' });
  expect(await deliver('retire-keys', [record])).toEqual([]);
  expect(await stateOf(record)).toEqual(retired);
});

test('an agent’s key is born with a policy that lets the retiring role do this and nothing else', async () => {
  runtime.calm();
  const { status } = await runtime.certify(await runtime.newAgent());
  expect(status).toBe(201);
  const { Policy = '' } = runtime.kms.calls.find(({ operation }) => operation === 'CreateKey')?.input ?? {};
  const { Statement } = JSON.parse(Policy);
  expect(Statement.map(({ Principal, Action }: { Principal: { AWS: string }; Action: unknown }) => [Principal.AWS.replace(/^.*::\d+:/, ''), Action])).toEqual([
    ['root', 'kms:*'], ['role/kakunin-local', ['kms:GetPublicKey', 'kms:ScheduleKeyDeletion']], ['role/kakunin-local', 'kms:ScheduleKeyDeletion'],
    // And what the role may that signs in agents' names (test/api/sign.test.ts).
    ['role/kakunin-local', 'kms:Sign'],
  ]);
});
