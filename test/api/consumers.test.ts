import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBRecord } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { queueConsumers, streamConsumers, type QueueConsumerName, type StreamConsumerName } from '../../lambdas/triggers.ts';
import type { TableName } from '../../lambdas/schema.ts';
import { localCredentials, region } from '../../local/account.ts';
import { openDeadLetterBucket, type DeadLetterBucket } from '../../local/dead-letters.ts';
import { processBatch } from '../../local/streams/batch.ts';
import { admin } from '../bin/admin-program.ts';
import { queueClient, sqsClient } from '../local/queue-client.ts';
import { removeTemporaryDirectories, temporaryDirectory } from '../local/temporary-directory.ts';
import { openGate, type Gate } from '../support/consumers/gate.ts';
import { rowsOf, type Case, type Delivery, type Row } from '../support/consumers/rows.ts';
import { stateOf, type Witnesses } from '../support/consumers/state.ts';
import { keyPool } from '../support/key-pool.ts';
import { receiverAuthority, startReceiver, type Receiver } from '../support/receiver.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { deliver, deliverMessages, openStream, type StreamReader } from '../support/stream.ts';

/*
 * Every function on a stream or a queue, and everything that at-least-once delivery, somebody else's mistakes and its own death can do to it:
 * what there is in the end must be what there is where nothing of the kind happens.
 */

type Name = StreamConsumerName | QueueConsumerName;

const names = [...Object.keys(streamConsumers), ...Object.keys(queueConsumers)] as Name[];
const isStream = (name: Name): name is StreamConsumerName => Object.hasOwn(streamConsumers, name);

let gate: Gate;
let receiver: Receiver;
let runtime: TestRuntime;
let sqs: SQSClient;
let deadLetterBucket: DeadLetterBucket;
let witnesses: Witnesses;
let rows: Record<Name, Row>;
let streams: Record<TableName, StreamReader>;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
  // The SDK remarks on every URL of a queue that does not lead through the gate.
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  const authority = receiverAuthority();
  receiver = await startReceiver(authority.issue('IP:127.0.0.1'));
  const trustAnchorFile = join(await temporaryDirectory(), 'receivers.pem');
  await writeFile(trustAnchorFile, authority.certificate);
  process.env['WEBHOOK_ALLOWED_NETWORKS'] = '127.0.0.1/32';
  process.env['WEBHOOK_CA_FILE'] = trustAnchorFile;
  gate = openGate();
  runtime = await startTestRuntime({ interpose: gate.interpose, automaticConsumers: false, kms: { keyMaterial: keyPool() } });
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: runtime.dynamodbEndpoint, region, credentials: localCredentials }));
  const kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
  sqs = sqsClient(runtime.sqsEndpoint);
  deadLetterBucket = openDeadLetterBucket(runtime.s3Endpoint, runtime.bucketNames.deadLetters);
  witnesses = { runtime, documents, kms, performed: gate.performed, received: receiver.received };
  streams = { registry: openStream(runtime.dynamodbEndpoint, runtime.tableNames.registry), risk: openStream(runtime.dynamodbEndpoint, runtime.tableNames.risk) };
  rows = rowsOf({ runtime, documents, streams, receiverUrl: `https://127.0.0.1:${receiver.port}` });
});
afterAll(async () => {
  for (const stream of Object.values(streams)) stream.close();
  for (const client of [witnesses.documents, witnesses.kms, sqs]) client.destroy();
  deadLetterBucket.close();
  await runtime.stop();
  await gate.close();
  await receiver.close();
  await removeTemporaryDirectories();
});

/** Calls the function with one batch; answers what it reports as failed. */
async function give(name: Name, deliveries: readonly Delivery[]): Promise<Delivery[]> {
  if (!isStream(name)) return deliverMessages(name, deliveries as readonly string[]);
  const failed = await deliver(name, deliveries as readonly DynamoDBRecord[]);
  return (deliveries as readonly DynamoDBRecord[]).filter(({ dynamodb }) => failed.includes(dynamodb?.SequenceNumber ?? ''));
}

/** The same with a function whose process dies once it has had so many answers; nobody hears what it says. */
async function giveAndDie(name: Name, deliveries: readonly Delivery[], answers: number): Promise<void> {
  gate.let(answers);
  await give(name, deliveries).catch(() => undefined);
  gate.let();
}

const reversed = <Value>(values: readonly Value[]) => values.toReversed();
/** Every second first, and so neither as it was nor backwards. */
const shuffled = <Value>(values: readonly Value[]) => [...values.filter((_, index) => index % 2 === 1), ...values.filter((_, index) => index % 2 === 0)];

const queueOf = async (name: string) => queueClient(sqs, (await sqs.send(new GetQueueUrlCommand({ QueueName: `kakunin-${name}` }))).QueueUrl ?? '');

/** Has the function fail until Lambda gives up, and what it could not do put where Lambda puts it. */
async function giveUp(name: Name, deliveries: readonly Delivery[]): Promise<void> {
  gate.let(0);
  if (isStream(name)) {
    const buried: DynamoDBRecord[][] = [];
    await processBatch(deliveries as readonly DynamoDBRecord[], { maximumRetryAttempts: 1, bisectBatchOnError: true }, {
      invoke: async (records) => ({ batchItemFailures: (await give(name, records)).map((record) => ({ itemIdentifier: (record as DynamoDBRecord).dynamodb?.SequenceNumber })) }),
      checkpoint: () => Promise.resolve(), backOff: () => Promise.resolve(), bury: async (records) => void buried.push([...records]),
    });
    gate.let();
    expect(buried.flat()).toEqual(deliveries);
    for (const records of buried) await setAside(name, records);
  } else {
    expect(await give(name, deliveries)).toEqual(deliveries);
    gate.let();
    await setAside(name, deliveries);
  }
}

async function setAside(name: Name, deliveries: readonly Delivery[]): Promise<void> {
  if (!isStream(name)) return (await queueOf(`${name}-dead-letters`)).sendAll(deliveries as readonly string[]);
  const tableName = runtime.tableNames[streamConsumers[name].table];
  await deadLetterBucket.put({
    functionName: name, tableName, records: deliveries as readonly DynamoDBRecord[], shardId: 'shard', attempts: 11, requestId: randomUUID(), crashed: false, error: 'reported', buriedAt: new Date().toISOString(),
    streamArn: `arn:aws:dynamodb:${region}:000000000000:table/${tableName}/stream/2026`,
  });
}

/** Replays all dead letters, and gives the function what comes of it. */
async function replay(name: Name): Promise<void> {
  if (isStream(name)) await fresh(name);
  else await (await queueOf(name)).drain();
  expect(await admin('dead-letter', 'replay', '--all')).toMatchObject({ status: 0 });
  const again: Delivery[] = isStream(name) ? await fresh(name) : await (await queueOf(name)).drain();
  expect(await give(name, again)).toEqual([]);
}

const fresh = (name: StreamConsumerName) => streams[streamConsumers[name].table].fresh();

test('there is a row for every function on a stream or a queue, and no other', () => {
  expect(Object.keys(rows).sort()).toEqual([...names].sort());
});

describe.each(names)('%s', (name) => {
  let undisturbed: string[];
  let calls: number;

  const state = ({ subject }: Case) => stateOf(witnesses, subject);
  const prepare = () => rows[name].prepare();
  const expectUndisturbed = async (one: Case) => expect(await state(one)).toEqual(undisturbed);

  beforeAll(async () => {
    const one = await prepare();
    const before = await state(one);
    const begun = gate.performed.length;
    expect(await give(name, one.deliveries)).toEqual([]);
    calls = gate.performed.length - begun;
    undisturbed = await state(one);
    // It does something, or nothing could be told from this.
    expect(undisturbed).not.toEqual(before);
    expect(one.deliveries.length).toBeGreaterThan(2);
  });

  test('the same of another tenant comes to the same', async () => {
    const one = await prepare();
    expect(await give(name, one.deliveries)).toEqual([]);
    await expectUndisturbed(one);
  });

  test.each([2, 3])('the same batch %i times', async (times) => {
    const one = await prepare();
    for (let time = 0; time < times; time++) expect(await give(name, one.deliveries)).toEqual([]);
    await expectUndisturbed(one);
  });

  test('the same batch twice at once', async () => {
    const one = await prepare();
    const failed = await Promise.all([give(name, one.deliveries), give(name, one.deliveries)]);
    // Who meets the other may ask for it once more, and not for ever.
    for (const again of failed) expect(await give(name, again)).toEqual([]);
    await expectUndisturbed(one);
  });

  test.each(Object.entries({ reversed, shuffled }))('%s', async (_, order) => {
    const one = await prepare();
    expect(await give(name, order(one.deliveries))).toEqual([]);
    await expectUndisturbed(one);
  });

  test('one by one, each twice, then all at once', async () => {
    const one = await prepare();
    for (const delivery of one.deliveries) expect(await give(name, [delivery, delivery])).toEqual([]);
    expect(await give(name, one.deliveries)).toEqual([]);
    await expectUndisturbed(one);
  });

  test('what nobody can deal with fails alone, and holds up nothing beside it', async () => {
    const one = await prepare();
    const { poison: kinds, spoils = () => true } = rows[name];
    const poison = Object.entries(kinds).map(([what, spoil]) => [what, spoil(one.deliveries.find((delivery) => spoils(what, delivery)) as never)] as const);
    for (const [what, delivery] of poison) expect([what, await give(name, [delivery])]).toEqual([what, [delivery]]);
    const [first, ...others] = one.deliveries as [Delivery, ...Delivery[]];
    const spoiled = poison.map(([, delivery]) => delivery);
    const failed = await give(name, [...spoiled.slice(0, 1), first, ...spoiled.slice(1), ...others]);
    expect(new Set(failed)).toEqual(new Set(spoiled));
    await expectUndisturbed(one);
  });

  test('dead after each of its answers, and then given the batch again', async () => {
    const after = [...new Set(Array.from({ length: 5 }, (_, part) => Math.floor((part * (calls - 1)) / 4)))];
    for (const answers of after) {
      const one = await prepare();
      await giveAndDie(name, one.deliveries, answers);
      expect(await give(name, one.deliveries)).toEqual([]);
      expect({ answers, state: await state(one) }).toEqual({ answers, state: undisturbed });
    }
  });

  test('refused after each of its answers, and then given what it has said to have failed, and nothing else', async () => {
    const after = [...new Set(Array.from({ length: 5 }, (_, part) => Math.floor((part * (calls - 1)) / 4)))];
    for (const answers of after) {
      const one = await prepare();
      gate.let(answers);
      // What it throws at is all of the batch.
      const failed = await give(name, one.deliveries).catch(() => one.deliveries);
      gate.let();
      expect(await give(name, failed)).toEqual([]);
      expect({ answers, state: await state(one) }).toEqual({ answers, state: undisturbed });
    }
  });

  test('dead again and again, a call further each time', async () => {
    const one = await prepare();
    for (let answers = 0; answers < calls; answers += 1 + Math.floor(calls / 12)) await giveAndDie(name, one.deliveries, answers);
    expect(await give(name, one.deliveries)).toEqual([]);
    await expectUndisturbed(one);
  });

  test('dead in the middle, and then given the batch in halves, the second one first', async () => {
    const one = await prepare();
    await giveAndDie(name, one.deliveries, Math.floor(calls / 2));
    const middle = Math.ceil(one.deliveries.length / 2);
    for (const half of [one.deliveries.slice(middle), one.deliveries.slice(0, middle)]) expect(await give(name, half)).toEqual([]);
    await expectUndisturbed(one);
  });

  test('given up, listed, replayed, and replayed once more', async () => {
    const one = await prepare();
    await giveUp(name, one.deliveries);
    const listed = JSON.parse((await admin('dead-letter', 'list', '--json')).out) as { function: string }[];
    expect(listed.map((letter) => letter.function)).toEqual(one.deliveries.map(() => name));
    await replay(name);
    await expectUndisturbed(one);
    expect(JSON.parse((await admin('dead-letter', 'list', '--json')).out)).toEqual([]);
    await setAside(name, one.deliveries);
    await replay(name);
    await expectUndisturbed(one);
  });
});
