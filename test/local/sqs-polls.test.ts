import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ReceiveMessageCommand, type ReceiveMessageCommandInput, type SQSClient } from '@aws-sdk/client-sqs';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { eventually } from './processes.ts';
import { queueClient, sqsClient, type QueueClient } from './queue-client.ts';

let sqs: EmbeddedSqs;
let client: SQSClient;
let work: QueueClient;
let other: QueueClient;
let slow: QueueClient;

beforeEach(async () => {
  sqs = await startSqs({ queues: [{ name: 'work' }, { name: 'other' }, { name: 'slow', receiveMessageWaitTimeSeconds: 1 }] });
  client = sqsClient(sqs.endpoint);
  [work, other, slow] = ['work', 'other', 'slow'].map((name) => queueClient(client, sqs.queueUrl(name))) as [QueueClient, QueueClient, QueueClient];
});
afterEach(async () => {
  client.destroy();
  await sqs.close();
});

describe('long polls', () => {
  const poll = (queue = work, more: Partial<ReceiveMessageCommandInput> = {}) => queue.receiveBodies({ WaitTimeSeconds: 20, ...more });

  test.each<[string, () => Promise<unknown>]>([
    ['is sent', () => work.send('m')],
    ['is sent in a batch', () => work.sendAll(['m'])],
  ])('end once a message %s', async (_, cause) => {
    const polled = poll();
    await sleep(50);
    await cause();
    expect(await polled).toEqual(['m']);
  });

  test('end once a message becomes visible', async () => {
    await work.send('m');
    const [message] = await work.receive();
    const polled = poll();
    await sleep(50);
    await work.hide(message?.ReceiptHandle, 0);
    expect(await polled).toEqual(['m']);
  });

  test('give each message to one of many', async () => {
    const polls = Array.from({ length: 5 }, () => poll(work, { MaxNumberOfMessages: 1 }));
    await sleep(50);
    for (let index = 0; index < 5; index++) await work.send(`${index}`);
    expect((await Promise.all(polls)).flat().sort()).toEqual(['0', '1', '2', '3', '4']);
  });

  test('end without a message when their time is over, which may be the queue\'s', async () => {
    const before = performance.now();
    expect(await poll(work, { WaitTimeSeconds: 1 })).toEqual([]);
    expect(await slow.receiveBodies()).toEqual([]);
    const seconds = (performance.now() - before) / 1000;
    expect(seconds).toBeGreaterThan(1.95);
    expect(seconds).toBeLessThan(10);
    expect(await slow.receiveBodies({ WaitTimeSeconds: 0 })).toEqual([]);
  });

  test('end with endPolls, and nobody else\'s', async () => {
    const ended: string[][] = [];
    void poll().then((bodies) => ended.push(bodies));
    const unaffected = poll(other);
    await eventually(() => {
      sqs.endPolls('work');
      return ended.length > 0;
    });
    expect(ended).toEqual([[]]);
    await other.send('m');
    expect(await unaffected).toEqual(['m']);
  });

  test('take nothing for a client that has gone', async () => {
    const gone = new AbortController();
    const polled = client.send(new ReceiveMessageCommand({ QueueUrl: sqs.queueUrl('work'), WaitTimeSeconds: 20 }), { abortSignal: gone.signal });
    await sleep(50);
    gone.abort();
    await expect(polled).rejects.toMatchObject({ name: 'AbortError' });
    await sleep(50);
    await work.send('m');
    expect(await work.receiveBodies()).toEqual(['m']);
  });

  test('see what becomes visible by itself', async () => {
    await work.send('m', { DelaySeconds: 1 });
    const before = performance.now();
    expect(await poll()).toEqual(['m']);
    expect(performance.now() - before).toBeGreaterThan(900);
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});
