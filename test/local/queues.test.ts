import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { join } from 'node:path';
import { startQueueConsumer, type QueueConsumer, type QueueConsumerOptions } from '../../local/queues.ts';
import { reportedFailures } from '../../local/queues/batch-failures.ts';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { eventually } from './processes.ts';
import { queueClient, sqsClient } from './queue-client.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

let sqs: EmbeddedSqs;
let client: SQSClient;
let consumers: QueueConsumer[];
let troubles: string[];

beforeEach(async () => {
  consumers = [];
  troubles = [];
  await start();
});
afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  client.destroy();
  await sqs.close();
  await removeTemporaryDirectories();
});

async function start(dataDirectory?: string): Promise<void> {
  sqs = await startSqs({
    queues: [{ name: 'work', visibilityTimeoutSeconds: 1, redrive: { deadLetterQueue: 'dead', maxReceiveCount: 2 } }, { name: 'dead' }, { name: 'long' }],
    ...(dataDirectory !== undefined && { dataDirectory }),
  });
  client = sqsClient(sqs.endpoint);
}

const queue = (name: string) => queueClient(client, sqs.queueUrl(name));
const send = (body: string, more: Partial<SendMessageCommandInput> = {}) => queue('work').send(body, more);
const counts = (name = 'work') => queue(name).counts();

async function sendAll(count: number, name = 'work'): Promise<string[]> {
  const sent = Array.from({ length: count }, (_, index) => `${index}`);
  await queue(name).sendAll(sent);
  return sent;
}

async function consume(handler: (records: SQSRecord[]) => unknown, options: Partial<QueueConsumerOptions> = {}): Promise<QueueConsumer> {
  const consumer = await startQueueConsumer({
    sqs, queueName: 'work', functionName: 'toy', timeoutSeconds: 1, handler: async ({ Records }: SQSEvent) => handler(Records), onTrouble: (message) => void troubles.push(message), ...options,
  });
  consumers.push(consumer);
  return consumer;
}

const bodies = (records: readonly SQSRecord[]) => records.map(({ body }) => body);

test('messages arrive as Lambda delivers them, and are deleted', async () => {
  const { MessageId } = await send('hello', { MessageAttributes: { text: { DataType: 'String', StringValue: 'x' }, bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 255]) } }, MessageGroupId: 'acme' });
  const seen: SQSRecord[] = [];
  await (await consume((records) => void seen.push(...records))).idle();
  const timestamp = expect.stringMatching(/^\d{13}$/);
  expect(seen).toEqual([{
    messageId: MessageId,
    receiptHandle: expect.any(String),
    body: 'hello',
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: timestamp, ApproximateFirstReceiveTimestamp: timestamp, SenderId: '000000000000', MessageGroupId: 'acme' },
    messageAttributes: {
      text: { stringValue: 'x', stringListValues: [], binaryListValues: [], dataType: 'String' },
      bytes: { binaryValue: 'Af8=', stringListValues: [], binaryListValues: [], dataType: 'Binary' },
    },
    md5OfBody: '5d41402abc4b2a76b9719d911017c592',
    md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:000000000000:work',
    awsRegion: 'eu-west-1',
  }]);
  expect(await counts()).toEqual([0, 0, 0]);
});

test('all arrive once, in batches no larger than asked for, no more of them at once than allowed', async () => {
  const sent = await sendAll(200);
  const seen: string[] = [];
  const sizes = new Set<number>();
  let underWay = 0;
  let most = 0;
  const consumer = await consume(async (records) => {
    most = Math.max(most, ++underWay);
    sizes.add(records.length);
    await sleep(20);
    seen.push(...bodies(records));
    underWay--;
  }, { batchSize: 4, maximumConcurrency: 3 });
  await consumer.idle();
  expect(seen.sort()).toEqual(sent.sort());
  expect(Math.max(...sizes)).toBe(4);
  expect(most).toBe(3);
  expect(await counts()).toEqual([0, 0, 0]);
});

test('a message is seen within a fraction of a second, and idle keeps nobody waiting', async () => {
  const arrivals: number[] = [];
  const consumer = await consume(() => void arrivals.push(performance.now()));
  const latencies: number[] = [];
  for (let round = 0; round < 5; round++) {
    await sleep(50);
    const before = performance.now();
    await send('m');
    await eventually(() => arrivals.length > round);
    latencies.push((arrivals[round] ?? Infinity) - before);
  }
  expect(latencies.sort((a, b) => a - b)[2]).toBeLessThan(200);
  const before = performance.now();
  for (let round = 0; round < 10; round++) await consumer.idle();
  expect(performance.now() - before).toBeLessThan(2000);
});

test('idle waits for what the function sends on', async () => {
  const seen: string[] = [];
  const consumer = await consume(async (records) => {
    for (const body of bodies(records)) {
      seen.push(body);
      if (Number(body) > 0) await send(`${Number(body) - 1}`);
    }
  });
  await send('5');
  await consumer.idle();
  expect(seen).toEqual(['5', '4', '3', '2', '1', '0']);
});

test('messages that are reported as failed come again after their visibility timeout, the others never', async () => {
  await sendAll(10);
  const seen: { body: string; time: number; receives: string }[] = [];
  const consumer = await consume((records) => {
    seen.push(...records.map(({ body, attributes }) => ({ body, time: performance.now(), receives: attributes.ApproximateReceiveCount })));
    return { batchItemFailures: records.filter(({ body, attributes }) => body === '3' && attributes.ApproximateReceiveCount === '1').map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
  await consumer.idle();
  expect(seen).toHaveLength(10);
  expect(await counts()).toEqual([0, 1, 0]);
  await eventually(() => seen.length > 10);
  await consumer.idle();
  const threes = seen.filter(({ body }) => body === '3');
  expect(threes.map(({ receives }) => receives)).toEqual(['1', '2']);
  expect((threes[1]?.time ?? 0) - (threes[0]?.time ?? 0)).toBeGreaterThan(950);
  expect(await counts()).toEqual([0, 0, 0]);
  expect(troubles).toEqual([]);
});

test.each<[string, () => unknown, RegExp]>([
  ['throws', () => { throw new Error('unlucky'); }, /^toy failed with 2 messages of work, which come again or are dead letters: Error: unlucky$/],
  ['hangs', () => new Promise(() => undefined), /did not finish within 0\.3 s/],
])('the messages of a function that %s are dead letters after two times', async (_, fail, message) => {
  await sendAll(2);
  let calls = 0;
  const consumer = await consume(() => {
    calls++;
    return fail();
  }, { timeoutSeconds: 0.3 });
  await eventually(async () => (await counts('dead'))[0] === 2, 15);
  await consumer.idle();
  expect(await counts()).toEqual([0, 0, 0]);
  expect(calls).toBeGreaterThanOrEqual(2);
  expect(troubles).toHaveLength(calls);
  expect(troubles[0]).toMatch(message);
});

test('what somebody else has received meanwhile is not deleted', async () => {
  await send('m');
  let received: unknown[] = [];
  const consumer = await consume(async ([record]) => {
    // As after a visibility timeout that was too short.
    await queue('work').hide(record?.receiptHandle, 0);
    received = await queue('work').receive({ VisibilityTimeout: 60 });
  }, { maximumConcurrency: 1 });
  await consumer.idle();
  expect(received).toMatchObject([{ Body: 'm' }]);
  expect(await counts()).toEqual([0, 1, 0]);
});

describe('a batching window', () => {
  test('gathers more than one receive can give', async () => {
    const sent = await sendAll(25, 'long');
    const sizes: number[] = [];
    const seen: string[] = [];
    const collect = (records: SQSRecord[]) => {
      sizes.push(records.length);
      seen.push(...bodies(records));
    };
    await consume(collect, { queueName: 'long', batchSize: 20, maximumBatchingWindowSeconds: 1 });
    await eventually(() => seen.length === 25);
    expect(sizes).toEqual([20, 5]);
    expect(seen.sort()).toEqual(sent.sort());
  });

  test('is over after its time, or when somebody waits for the queue to be idle', async () => {
    const times: number[] = [];
    const consumer = await consume(() => void times.push(performance.now()), { queueName: 'long', batchSize: 20, maximumBatchingWindowSeconds: 1 });
    const before = performance.now();
    await sendAll(1, 'long');
    await eventually(() => times.length === 1);
    expect((times[0] ?? 0) - before).toBeGreaterThan(900);
    const again = performance.now();
    await sendAll(1, 'long');
    await consumer.idle();
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - again).toBeLessThan(700);
  });
});

describe('stopping', () => {
  test('waits for what is under way, deletes it, and begins nothing more', async () => {
    await sendAll(30);
    let begun = 0;
    let ended = 0;
    const consumer = await consume(async () => {
      begun++;
      await sleep(200);
      ended++;
    }, { maximumConcurrency: 2 });
    await eventually(() => begun === 2);
    await consumer.stop();
    await consumer.stop();
    expect([begun, ended]).toEqual([2, 2]);
    expect(await counts()).toEqual([10, 0, 0]);
    await send('m');
    await sleep(100);
    expect(begun).toBe(2);
  });

  test('is quick where nothing comes, and rejects for those who wait', async () => {
    const consumer = await consume(() => new Promise((resolve) => setTimeout(resolve, 300)));
    await sleep(50);
    await send('m');
    const idle = consumer.idle();
    const before = performance.now();
    await Promise.all([expect(idle).rejects.toThrow('toy was stopped before it had read all of work.'), consumer.stop()]);
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('loses nothing: what was sent meanwhile is there at the next start', async () => {
    client.destroy();
    await sqs.close();
    const dataDirectory = join(await temporaryDirectory(), 'sqs');
    await start(dataDirectory);
    const seen: string[] = [];
    const collect = (records: SQSRecord[]) => void seen.push(...bodies(records));
    const first = await consume(collect);
    const sending = sendAll(100);
    await eventually(() => seen.length > 10);
    await first.stop();
    const sent = await sending;
    client.destroy();
    await sqs.close();
    await start(dataDirectory);
    expect(seen.length).toBeLessThan(100);
    await (await consume(collect)).idle();
    expect(seen.sort()).toEqual(sent.sort());
  });
});

test('a queue that cannot be reached is tried again, and said once', async () => {
  const port = Number(new URL(sqs.endpoint).port);
  const seen: string[] = [];
  const current = { endpoint: sqs.endpoint, queueUrl: (name: string) => sqs.queueUrl(name), endPolls: (name: string) => sqs.endPolls(name) };
  const consumer = await consume((records) => void seen.push(...bodies(records)), { sqs: current });
  await sqs.close();
  await eventually(() => troubles.length > 0);
  client.destroy();
  sqs = await startSqs({ port, queues: [{ name: 'work' }] });
  client = sqsClient(sqs.endpoint);
  await send('m');
  await eventually(() => seen.length === 1);
  await consumer.idle();
  expect(troubles).toEqual([expect.stringMatching(/^The queue work cannot be read for toy, trying again: /)]);
});

test.each<[string, Partial<QueueConsumerOptions>, RegExp]>([
  ['large batches and no time for them', { batchSize: 11 }, /^Batches of 11 messages for toy take time to gather: set a batching window of at least 1 s, or at most 10 messages\.$/],
  ['a function slower than messages are invisible', { timeoutSeconds: 2 }, /^A message of work is invisible for 1 s, and toy may take 2 s: make the visibility timeout longer/],
  ['a queue that is not there', { queueName: 'absent' }, /^There is no queue absent; there are work, dead, long\.$/],
])('%s: refused', async (_, options, message) => {
  await expect(consume(() => undefined, options)).rejects.toThrow(message);
});

test.each<[string, unknown, string[]]>([
  ['nothing', undefined, []],
  ['null', null, []],
  ['an empty object', {}, []],
  ['a null list', { batchItemFailures: null }, []],
  ['an empty list', { batchItemFailures: [] }, []],
  ['one', { batchItemFailures: [{ itemIdentifier: 'b' }] }, ['b']],
  ['one twice', { batchItemFailures: [{ itemIdentifier: 'b' }, { itemIdentifier: 'b' }] }, ['b']],
  ['all', { batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'b' }] }, ['a', 'b']],
  ['no list', { batchItemFailures: 'b' }, ['a', 'b']],
  ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }, ['a', 'b']],
  ['a null identifier', { batchItemFailures: [{ itemIdentifier: null }] }, ['a', 'b']],
  ['another key', { batchItemFailures: [{ messageId: 'b' }] }, ['a', 'b']],
  ['a null failure', { batchItemFailures: [null] }, ['a', 'b']],
  ['a message of another batch', { batchItemFailures: [{ itemIdentifier: 'b' }, { itemIdentifier: 'c' }] }, ['a', 'b']],
])('a function that reports %s', (_, result, failed) => {
  expect([...reportedFailures(['a', 'b'], result)]).toEqual(failed);
});
