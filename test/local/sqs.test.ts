import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  type Message,
  type QueueAttributeName,
  type ReceiveMessageCommandInput,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';

const region = 'eu-west-1';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const start = new Date('2026-03-01T12:00:00.250Z').getTime();

let sqs: EmbeddedSqs;
let client: SQSClient;
let now = start;
let QueueUrl: string;
let deadLetterUrl: string;
let slowUrl: string;

const advance = (seconds: number) => void (now += seconds * 1000);

beforeAll(async () => {
  sqs = await startSqs({
    clock: () => new Date(now),
    queues: [
      { name: 'work', redrive: { deadLetterQueue: 'work-dead-letters', maxReceiveCount: 3 } },
      { name: 'work-dead-letters' },
      { name: 'slow', visibilityTimeoutSeconds: 60, delaySeconds: 5, receiveMessageWaitTimeSeconds: 1, messageRetentionPeriodSeconds: 600, maximumMessageSizeBytes: 1024 },
    ],
  });
  client = new SQSClient({ endpoint: sqs.endpoint, region, credentials, maxAttempts: 1 });
  [QueueUrl, deadLetterUrl, slowUrl] = ['work', 'work-dead-letters', 'slow'].map((name) => sqs.queueUrl(name)) as [string, string, string];
});
beforeEach(async () => {
  advance(3600);
  for (const url of [QueueUrl, deadLetterUrl, slowUrl]) await client.send(new PurgeQueueCommand({ QueueUrl: url }));
});
afterAll(async () => {
  client.destroy();
  await sqs.close();
});

const send = (MessageBody: string, more: Partial<SendMessageCommandInput> = {}) => client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
const receive = async (more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> => (await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ?? [];
const receiveBodies = async (more: Partial<ReceiveMessageCommandInput> = {}) => (await receive(more)).map(({ Body }) => Body);
const remove = (ReceiptHandle: string | undefined, url = QueueUrl) => client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
const hide = (ReceiptHandle: string | undefined, VisibilityTimeout: number) => client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
async function counts(url = QueueUrl) {
  const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
  return [Attributes?.ApproximateNumberOfMessages, Attributes?.ApproximateNumberOfMessagesNotVisible, Attributes?.ApproximateNumberOfMessagesDelayed].map(Number);
}

describe('sending and receiving', () => {
  test('a message arrives as it was sent, with what SQS knows of it', async () => {
    const body = 'Größe \u{1F511} \t\r\n <&>" \uE000\uFFFD';
    const sent = await send(body);
    expect(sent.MD5OfMessageBody).toBe(createHash('md5').update(body).digest('hex'));
    expect(sent.MessageId).toMatch(/^[0-9a-f-]{36}$/);
    const sentAt = now;
    advance(1);
    const [first] = await receive({ MessageSystemAttributeNames: ['All'] });
    expect(first).toEqual({
      MessageId: sent.MessageId, Body: body, MD5OfBody: sent.MD5OfMessageBody, ReceiptHandle: expect.any(String),
      Attributes: { SenderId: '000000000000', SentTimestamp: String(sentAt), ApproximateReceiveCount: '1', ApproximateFirstReceiveTimestamp: String(sentAt + 1000) },
    });
    advance(30);
    const [second] = await receive({ AttributeNames: ['ApproximateReceiveCount' as QueueAttributeName], MessageSystemAttributeNames: ['ApproximateFirstReceiveTimestamp'] });
    expect(second?.Attributes).toEqual({ ApproximateReceiveCount: '2', ApproximateFirstReceiveTimestamp: String(sentAt + 1000) });
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
    expect(await receive()).toEqual([]);
  });

  test('without being asked, a receive gives one message and no attributes', async () => {
    await send('one', { MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } } });
    await send('two');
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages).toHaveLength(1);
    expect(Object.keys(Messages?.[0] ?? {}).sort()).toEqual(['Body', 'MD5OfBody', 'MessageId', 'ReceiptHandle']);
  });

  test('messages come in the order sent, each to one receiver', async () => {
    for (let index = 0; index < 25; index++) await send(`${index}`);
    const first = await receiveBodies();
    expect(first).toEqual(Array.from({ length: 10 }, (_, index) => `${index}`));
    const rest = (await Promise.all([receiveBodies(), receiveBodies(), receiveBodies({ MaxNumberOfMessages: 3 })])).flat();
    expect(new Set([...first, ...rest]).size).toBe(first.length + rest.length);
    expect((await receiveBodies()).length + rest.length).toBe(15);
  });

  const kenobi = { General: { DataType: 'String', StringValue: 'Kenobi' }, Hello: { DataType: 'String', StringValue: 'There' }, 'Help.Me': { DataType: 'String', StringValue: 'Me' } };
  // The digests are those AWS answers with.
  test.each([
    [['All'], '4c360f3fdafd970e05fae2f149d997f5', ['General', 'Hello', 'Help.Me']],
    [['.*'], '4c360f3fdafd970e05fae2f149d997f5', ['General', 'Hello', 'Help.Me']],
    [['Hello', 'General'], 'fca026605781cb4126a1e9044df24232', ['General', 'Hello']],
    [['Hello', 'Absent'], 'a311262e065454b75da111d535b8dacd', ['Hello']],
    [['Hel.*'], '83fee93c1bcd8b9a5a923ffacdc636c7', ['Hello', 'Help.Me']],
    [['Absent', 'hello'], undefined, undefined],
  ])('of the message attributes, %j are', async (MessageAttributeNames, md5, names) => {
    expect((await send('msg', { MessageAttributes: kenobi })).MD5OfMessageAttributes).toBe('4c360f3fdafd970e05fae2f149d997f5');
    const [message] = await receive({ MessageAttributeNames });
    expect(message?.MD5OfMessageAttributes).toBe(md5);
    expect(message?.MessageAttributes && Object.keys(message.MessageAttributes)).toEqual(names);
  });

  test('attributes may be binary, numbers, or of a type of one\'s own', async () => {
    const trace = Buffer.from('traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01');
    expect((await send('test', { MessageAttributes: { attr1: { DataType: 'Binary', BinaryValue: trace } } })).MD5OfMessageAttributes).toBe('8cbe4db156db8a94db8b801b7addb984');
    const MessageAttributes = { n: { DataType: 'Number.int', StringValue: '-12.5e3' }, s: { DataType: 'String.x', StringValue: 'y' }, b: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) } };
    await send('all', { MessageAttributes });
    const [binary, all] = await receive({ MessageAttributeNames: ['All'] });
    expect(Buffer.from(binary?.MessageAttributes?.['attr1']?.BinaryValue ?? [])).toEqual(trace);
    expect(Object.entries(all?.MessageAttributes ?? {}).map(([name, { DataType }]) => [name, DataType])).toEqual([['n', 'Number.int'], ['s', 'String.x'], ['b', 'Binary']]);
  });

  test('a message group is kept, as in a fair queue, and holds nothing up', async () => {
    await send('one', { MessageGroupId: 'tenant-1' });
    await send('two', { MessageGroupId: 'tenant-1' });
    const messages = await receive({ MessageSystemAttributeNames: ['MessageGroupId'] });
    expect(messages.map(({ Attributes }) => Attributes?.MessageGroupId)).toEqual(['tenant-1', 'tenant-1']);
  });
});

describe('visibility', () => {
  test('a received message is invisible for the queue\'s time, or the receive\'s', async () => {
    await send('m');
    await receive();
    advance(29.999);
    expect(await receive()).toEqual([]);
    advance(0.001);
    expect(await receiveBodies({ VisibilityTimeout: 5 })).toEqual(['m']);
    advance(5);
    expect(await receiveBodies({ VisibilityTimeout: 0 })).toEqual(['m']);
    expect(await counts()).toEqual([1, 0, 0]);
  });

  test('it can be changed, from now on, and until the message is received again', async () => {
    await send('m');
    const [first] = await receive();
    advance(20);
    await hide(first?.ReceiptHandle, 60);
    advance(59);
    expect(await receive()).toEqual([]);
    await hide(first?.ReceiptHandle, 0);
    const [second] = await receive();
    expect(second?.Body).toBe('m');
    await expect(hide(first?.ReceiptHandle, 0)).rejects.toMatchObject({ name: 'InvalidParameterValue', message: expect.stringContaining('not available for visibility timeout change') });
    advance(30);
    // Visible again, and not received by anybody else since.
    await hide(second?.ReceiptHandle, 10);
    expect(await receive()).toEqual([]);
  });

  test('it ends twelve hours after the receive', async () => {
    await send('m');
    const [message] = await receive({ VisibilityTimeout: 43_200 });
    advance(3600);
    await expect(hide(message?.ReceiptHandle, 43_200 - 3599)).rejects.toMatchObject({ name: 'InvalidParameterValue', message: expect.stringContaining('beyond the limit [43200 seconds]') });
    await hide(message?.ReceiptHandle, 43_200 - 3600);
    advance(43_200 - 3600);
    expect(await receiveBodies()).toEqual(['m']);
  });

  test('a delay of the message, or of the queue, comes before it', async () => {
    await send('late', { DelaySeconds: 900 });
    await send('now');
    await send('slow', { QueueUrl: slowUrl });
    await send('hurried', { QueueUrl: slowUrl, DelaySeconds: 0 });
    expect(await receiveBodies()).toEqual(['now']);
    expect(await receiveBodies({ QueueUrl: slowUrl })).toEqual(['hurried']);
    expect(await counts()).toEqual([0, 1, 1]);
    advance(5);
    expect(await receiveBodies({ QueueUrl: slowUrl })).toEqual(['slow']);
    advance(895);
    expect(await receiveBodies()).toContain('late');
  });
});

describe('deleting', () => {
  test('removes the message, also when it is visible again or removed already', async () => {
    await send('m');
    const [message] = await receive();
    advance(31);
    await remove(message?.ReceiptHandle);
    await remove(message?.ReceiptHandle);
    expect(await receive()).toEqual([]);
    expect(await counts()).toEqual([0, 0, 0]);
  });

  test('by the handle of an earlier receive removes nothing', async () => {
    await send('m');
    const [first] = await receive({ VisibilityTimeout: 0 });
    const [second] = await receive();
    await remove(first?.ReceiptHandle);
    expect(await counts()).toEqual([0, 1, 0]);
    await remove(second?.ReceiptHandle);
    expect(await counts()).toEqual([0, 0, 0]);
  });

  test('PurgeQueue removes all, once a minute', async () => {
    advance(60);
    await send('visible');
    await send('delayed', { DelaySeconds: 10 });
    await receive();
    await send('another');
    await client.send(new PurgeQueueCommand({ QueueUrl }));
    expect(await counts()).toEqual([0, 0, 0]);
    await send('later');
    advance(59);
    await expect(client.send(new PurgeQueueCommand({ QueueUrl }))).rejects.toMatchObject({ name: 'PurgeQueueInProgress', $metadata: { httpStatusCode: 403 } });
    expect(await receiveBodies()).toEqual(['later']);
  });

  test('a message too old for its queue is gone', async () => {
    await send('old', { QueueUrl: slowUrl, DelaySeconds: 0 });
    advance(599);
    await send('young', { QueueUrl: slowUrl, DelaySeconds: 0 });
    expect(await counts(slowUrl)).toEqual([2, 0, 0]);
    advance(2);
    expect(await counts(slowUrl)).toEqual([1, 0, 0]);
    expect(await receiveBodies({ QueueUrl: slowUrl })).toEqual(['young']);
  });
});

test('a message that was received three times is a dead letter instead of a fourth', async () => {
  const { MessageId } = await send('poison', { MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } } });
  const sentAt = now;
  for (let time = 1; time <= 3; time++) {
    const [message] = await receive({ MessageSystemAttributeNames: ['All'] });
    expect(message?.Attributes?.ApproximateReceiveCount).toBe(String(time));
    advance(30);
  }
  await send('sound');
  expect(await counts(deadLetterUrl)).toEqual([0, 0, 0]);
  expect(await receiveBodies()).toEqual(['sound']);
  expect(await counts()).toEqual([0, 1, 0]);
  const [dead] = await receive({ QueueUrl: deadLetterUrl, MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] });
  expect(dead).toMatchObject({
    MessageId, Body: 'poison', MessageAttributes: { a: { StringValue: 'x' } },
    Attributes: { SentTimestamp: String(sentAt), ApproximateReceiveCount: '4', DeadLetterQueueSourceArn: 'arn:aws:sqs:eu-west-1:000000000000:work' },
  });
  await expect(remove(dead?.ReceiptHandle)).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
  await remove(dead?.ReceiptHandle, deadLetterUrl);
  expect(await counts(deadLetterUrl)).toEqual([0, 0, 0]);
});

describe('long polls', () => {
  const poll = (more: Partial<ReceiveMessageCommandInput> = {}) => receiveBodies({ WaitTimeSeconds: 20, ...more });

  test.each<[string, () => Promise<unknown>]>([
    ['is sent', () => send('m')],
    ['is sent in a batch', () => client.send(new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', MessageBody: 'm' }] }))],
  ])('end once a message %s', async (_, cause) => {
    const polled = poll();
    await sleep(50);
    await cause();
    expect(await polled).toEqual(['m']);
  });

  test('end once a message becomes visible', async () => {
    await send('m');
    const [message] = await receive();
    const polled = poll();
    await sleep(50);
    await hide(message?.ReceiptHandle, 0);
    expect(await polled).toEqual(['m']);
  });

  test('give each message to one of many', async () => {
    const polls = Array.from({ length: 5 }, () => poll({ MaxNumberOfMessages: 1 }));
    await sleep(50);
    for (let index = 0; index < 5; index++) await send(`${index}`);
    expect((await Promise.all(polls)).flat().sort()).toEqual(['0', '1', '2', '3', '4']);
  });

  test('end without a message when their time is over, which may be the queue\'s', async () => {
    const before = performance.now();
    expect(await poll({ WaitTimeSeconds: 1 })).toEqual([]);
    expect(await receiveBodies({ QueueUrl: slowUrl })).toEqual([]);
    const seconds = (performance.now() - before) / 1000;
    expect(seconds).toBeGreaterThan(1.95);
    expect(seconds).toBeLessThan(4);
    expect(await receiveBodies({ QueueUrl: slowUrl, WaitTimeSeconds: 0 })).toEqual([]);
  });

  test('end with endPolls, and nobody else\'s', async () => {
    const [ended, other] = [poll(), poll({ QueueUrl: deadLetterUrl })];
    await sleep(50);
    sqs.endPolls('work');
    expect(await ended).toEqual([]);
    await send('m', { QueueUrl: deadLetterUrl });
    expect(await other).toEqual(['m']);
  });

  test('take nothing for a client that has gone', async () => {
    const gone = new AbortController();
    const polled = client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), { abortSignal: gone.signal });
    await sleep(50);
    gone.abort();
    await expect(polled).rejects.toMatchObject({ name: 'AbortError' });
    await sleep(50);
    await send('m');
    expect(await receiveBodies()).toEqual(['m']);
  });

  test('see what becomes visible by itself, by the machine\'s clock', async () => {
    const other = await startSqs({ queues: [{ name: 'q' }] });
    const otherClient = new SQSClient({ endpoint: other.endpoint, region, credentials, maxAttempts: 1 });
    const ofQueue = { QueueUrl: other.queueUrl('q') };
    await otherClient.send(new SendMessageCommand({ ...ofQueue, MessageBody: 'm', DelaySeconds: 1 }));
    const before = performance.now();
    expect((await otherClient.send(new ReceiveMessageCommand({ ...ofQueue, WaitTimeSeconds: 20 }))).Messages).toHaveLength(1);
    expect(performance.now() - before).toBeGreaterThan(900);
    expect(performance.now() - before).toBeLessThan(5000);
    otherClient.destroy();
    await other.close();
  });
});

describe('batches', () => {
  test('are answered entry by entry', async () => {
    const Entries = [{ Id: 'good', MessageBody: 'm' }, { Id: 'late', MessageBody: 'l', DelaySeconds: 901 }, { Id: 'none', MessageBody: '' }, { Id: 'control', MessageBody: '\u0000' }, { Id: 'too_long', MessageBody: 'x'.repeat(1025) }];
    const sent = await client.send(new SendMessageBatchCommand({ QueueUrl: slowUrl, Entries }));
    expect(sent.Successful).toEqual([{ Id: 'good', MessageId: expect.any(String), MD5OfMessageBody: createHash('md5').update('m').digest('hex') }]);
    expect(sent.Failed?.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault])).toEqual([
      ['late', 'InvalidParameterValue', true], ['none', 'MissingParameter', true], ['control', 'InvalidMessageContents', true], ['too_long', 'InvalidParameterValue', true],
    ]);
    expect(await counts(slowUrl)).toEqual([0, 0, 1]);
  });

  test('change and delete, as single requests do', async () => {
    for (const body of ['a', 'b', 'c']) await send(body);
    const [a, b, c] = await receive();
    const changed = await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: [{ Id: '1', ReceiptHandle: a?.ReceiptHandle, VisibilityTimeout: 0 }, { Id: '2', ReceiptHandle: 'x', VisibilityTimeout: 0 }, { Id: '3', ReceiptHandle: b?.ReceiptHandle, VisibilityTimeout: 43_201 }] }));
    expect(changed.Successful).toEqual([{ Id: '1' }]);
    expect(changed.Failed?.map(({ Id, Code }) => [Id, Code])).toEqual([['2', 'ReceiptHandleIsInvalid'], ['3', 'InvalidParameterValue']]);
    expect(await counts()).toEqual([1, 2, 0]);
    const deleted = await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: [b, c].map((message, index) => ({ Id: `${index}`, ReceiptHandle: message?.ReceiptHandle })) }));
    expect(deleted).toMatchObject({ Successful: [{ Id: '0' }, { Id: '1' }] });
    expect(deleted.Failed).toBeUndefined();
    expect(await counts()).toEqual([1, 0, 0]);
  });

  test('hold 1 MiB in all, and so does a message', async () => {
    const half = 'x'.repeat(512 * 1024);
    const ofHalves = (last: string) => client.send(new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', MessageBody: half }, { Id: 'b', MessageBody: last }] }));
    expect((await ofHalves(half)).Successful).toHaveLength(2);
    await expect(ofHalves(`${half}x`)).rejects.toMatchObject({ name: 'BatchRequestTooLong', message: 'Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.' });
    const attributes = { MessageAttributes: { nm: { DataType: 'String', StringValue: 'val' } } };
    await send(`${half}${half}`.slice(11), attributes);
    await expect(send(`${half}${half}`.slice(10), attributes)).rejects.toMatchObject({ name: 'InvalidParameterValue', message: 'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.' });
    // Twice as long on the wire.
    await send('"'.repeat(1024 * 1024));
    expect(await counts()).toEqual([4, 0, 0]);
  });
});

describe('queues', () => {
  test('have the attributes they were given', async () => {
    const attributes = async (url: string, AttributeNames: QueueAttributeName[] | undefined) => (await client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames }))).Attributes;
    expect(await attributes(slowUrl, ['All'])).toEqual({
      QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:slow', ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0', ApproximateNumberOfMessagesDelayed: '0',
      CreatedTimestamp: String(Math.floor(start / 1000)), LastModifiedTimestamp: String(Math.floor(start / 1000)),
      VisibilityTimeout: '60', MaximumMessageSize: '1024', MessageRetentionPeriod: '600', DelaySeconds: '5', ReceiveMessageWaitTimeSeconds: '1',
    });
    expect(await attributes(QueueUrl, ['RedrivePolicy', 'VisibilityTimeout', 'Policy'])).toEqual({
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:work-dead-letters","maxReceiveCount":3}', VisibilityTimeout: '30',
    });
    expect(await attributes(QueueUrl, undefined)).toEqual({});
  });

  test('are found by name, at the host that was asked', async () => {
    expect(await client.send(new GetQueueUrlCommand({ QueueName: 'work' }))).toMatchObject({ QueueUrl: `${sqs.endpoint}/000000000000/work` });
    expect(sqs.queueUrl('work')).toBe(`${sqs.endpoint}/000000000000/work`);
    expect(sqs.queueUrl('work', 'http://127.0.0.1:1')).toBe('http://127.0.0.1:1/000000000000/work');
    expect(() => sqs.queueUrl('absent')).toThrow('There is no queue absent; there are work, work-dead-letters, slow.');
  });
});
