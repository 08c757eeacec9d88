import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ChangeMessageVisibilityBatchCommand, GetQueueAttributesCommand, GetQueueUrlCommand, ReceiveMessageCommand, SendMessageBatchCommand, type QueueAttributeName, type SQSClient } from '@aws-sdk/client-sqs';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { queueClient, sqsClient, type QueueClient } from './queue-client.ts';

const start = new Date('2026-03-01T12:00:00.250Z').getTime();

let sqs: EmbeddedSqs;
let client: SQSClient;
let now = start;
let work: QueueClient;
let deadLetters: QueueClient;
let slow: QueueClient;
const url = (queue: string) => sqs.queueUrl(queue);

const advance = (seconds: number) => void (now += seconds * 1000);

beforeAll(async () => {
  sqs = await startSqs({
    clock: () => new Date(now),
    queues: [
      { name: 'work', redrive: { deadLetterQueue: 'dead', maxReceiveCount: 3 } },
      { name: 'dead' },
      { name: 'slow', visibilityTimeoutSeconds: 60, delaySeconds: 5, receiveMessageWaitTimeSeconds: 1, messageRetentionPeriodSeconds: 600, maximumMessageSizeBytes: 1024 },
    ],
  });
  client = sqsClient(sqs.endpoint);
  [work, deadLetters, slow] = ['work', 'dead', 'slow'].map((name) => queueClient(client, url(name))) as [QueueClient, QueueClient, QueueClient];
});
beforeEach(async () => {
  advance(3600);
  for (const queue of [work, deadLetters, slow]) await queue.purge();
});
afterAll(async () => {
  client.destroy();
  await sqs.close();
});

describe('sending and receiving', () => {
  test('a message arrives as it was sent, with what SQS knows of it', async () => {
    const body = 'Größe \u{1F511} \t\r\n <&>" \uE000\uFFFD';
    const sent = await work.send(body);
    expect(sent.MD5OfMessageBody).toBe(createHash('md5').update(body).digest('hex'));
    expect(sent.MessageId).toMatch(/^[0-9a-f-]{36}$/);
    const sentAt = now;
    advance(1);
    const [first] = await work.receive({ MessageSystemAttributeNames: ['All'] });
    expect(first).toEqual({
      MessageId: sent.MessageId, Body: body, MD5OfBody: sent.MD5OfMessageBody, ReceiptHandle: expect.any(String),
      Attributes: { SenderId: '000000000000', SentTimestamp: String(sentAt), ApproximateReceiveCount: '1', ApproximateFirstReceiveTimestamp: String(sentAt + 1000) },
    });
    advance(30);
    const [second] = await work.receive({ AttributeNames: ['ApproximateReceiveCount' as QueueAttributeName], MessageSystemAttributeNames: ['ApproximateFirstReceiveTimestamp'] });
    expect(second?.Attributes).toEqual({ ApproximateReceiveCount: '2', ApproximateFirstReceiveTimestamp: String(sentAt + 1000) });
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
    expect(await work.receive()).toEqual([]);
  });

  test('without being asked, a receive gives one message and no attributes', async () => {
    await work.send('one', { MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } } });
    await work.send('two');
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl: url('work') }));
    expect(Messages).toHaveLength(1);
    expect(Object.keys(Messages?.[0] ?? {}).sort()).toEqual(['Body', 'MD5OfBody', 'MessageId', 'ReceiptHandle']);
  });

  test('messages come in the order sent, each to one receiver', async () => {
    for (let index = 0; index < 25; index++) await work.send(`${index}`);
    const first = await work.receiveBodies();
    expect(first).toEqual(Array.from({ length: 10 }, (_, index) => `${index}`));
    const rest = (await Promise.all([work.receiveBodies(), work.receiveBodies(), work.receiveBodies({ MaxNumberOfMessages: 3 })])).flat();
    expect(new Set([...first, ...rest]).size).toBe(first.length + rest.length);
    expect((await work.receiveBodies()).length + rest.length).toBe(15);
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
    expect((await work.send('msg', { MessageAttributes: kenobi })).MD5OfMessageAttributes).toBe('4c360f3fdafd970e05fae2f149d997f5');
    const [message] = await work.receive({ MessageAttributeNames });
    expect(message?.MD5OfMessageAttributes).toBe(md5);
    expect(message?.MessageAttributes && Object.keys(message.MessageAttributes)).toEqual(names);
  });

  test('attributes may be binary, numbers, or of a type of one\'s own', async () => {
    const trace = Buffer.from('traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01');
    expect((await work.send('test', { MessageAttributes: { attr1: { DataType: 'Binary', BinaryValue: trace } } })).MD5OfMessageAttributes).toBe('8cbe4db156db8a94db8b801b7addb984');
    const MessageAttributes = { n: { DataType: 'Number.int', StringValue: '-12.5e3' }, s: { DataType: 'String.x', StringValue: 'y' }, b: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) } };
    await work.send('all', { MessageAttributes });
    const [binary, all] = await work.receive({ MessageAttributeNames: ['All'] });
    expect(Buffer.from(binary?.MessageAttributes?.['attr1']?.BinaryValue ?? [])).toEqual(trace);
    expect(Object.entries(all?.MessageAttributes ?? {}).map(([name, { DataType }]) => [name, DataType])).toEqual([['n', 'Number.int'], ['s', 'String.x'], ['b', 'Binary']]);
  });

  test('a message group is kept, as in a fair queue, and holds nothing up', async () => {
    await work.send('one', { MessageGroupId: 'tenant-1' });
    await work.send('two', { MessageGroupId: 'tenant-1' });
    const messages = await work.receive({ MessageSystemAttributeNames: ['MessageGroupId'] });
    expect(messages.map(({ Attributes }) => Attributes?.MessageGroupId)).toEqual(['tenant-1', 'tenant-1']);
  });
});

describe('visibility', () => {
  test('a received message is invisible for the queue\'s time, or the receive\'s', async () => {
    await work.send('m');
    await work.receive();
    advance(29.999);
    expect(await work.receive()).toEqual([]);
    advance(0.001);
    expect(await work.receiveBodies({ VisibilityTimeout: 5 })).toEqual(['m']);
    advance(5);
    expect(await work.receiveBodies({ VisibilityTimeout: 0 })).toEqual(['m']);
    expect(await work.counts()).toEqual([1, 0, 0]);
  });

  test('it can be changed, from now on, and until the message is received again', async () => {
    await work.send('m');
    const [first] = await work.receive();
    advance(20);
    await work.hide(first?.ReceiptHandle, 60);
    advance(59);
    expect(await work.receive()).toEqual([]);
    await work.hide(first?.ReceiptHandle, 0);
    const [second] = await work.receive();
    expect(second?.Body).toBe('m');
    await expect(work.hide(first?.ReceiptHandle, 0)).rejects.toMatchObject({ name: 'InvalidParameterValue', message: expect.stringContaining('not available for visibility timeout change') });
    advance(30);
    // Visible again, and not received by anybody else since.
    await work.hide(second?.ReceiptHandle, 10);
    expect(await work.receive()).toEqual([]);
  });

  test('it ends twelve hours after the receive', async () => {
    await work.send('m');
    const [message] = await work.receive({ VisibilityTimeout: 43_200 });
    advance(3600);
    await expect(work.hide(message?.ReceiptHandle, 43_200 - 3599)).rejects.toMatchObject({ name: 'InvalidParameterValue', message: expect.stringContaining('beyond the limit [43200 seconds]') });
    await work.hide(message?.ReceiptHandle, 43_200 - 3600);
    advance(43_200 - 3600);
    expect(await work.receiveBodies()).toEqual(['m']);
  });

  test('a delay of the message, or of the queue, comes before it', async () => {
    await work.send('late', { DelaySeconds: 900 });
    await work.send('now');
    await slow.send('slow');
    await slow.send('hurried', { DelaySeconds: 0 });
    expect(await work.receiveBodies()).toEqual(['now']);
    expect(await slow.receiveBodies()).toEqual(['hurried']);
    expect(await work.counts()).toEqual([0, 1, 1]);
    advance(5);
    expect(await slow.receiveBodies()).toEqual(['slow']);
    advance(895);
    expect(await work.receiveBodies()).toContain('late');
  });
});

describe('deleting', () => {
  test('removes the message, also when it is visible again or removed already', async () => {
    await work.send('m');
    const [message] = await work.receive();
    advance(31);
    await work.remove(message?.ReceiptHandle);
    await work.remove(message?.ReceiptHandle);
    expect(await work.receive()).toEqual([]);
    expect(await work.counts()).toEqual([0, 0, 0]);
  });

  test('by the handle of an earlier receive removes nothing', async () => {
    await work.send('m');
    const [first] = await work.receive({ VisibilityTimeout: 0 });
    const [second] = await work.receive();
    await work.remove(first?.ReceiptHandle);
    expect(await work.counts()).toEqual([0, 1, 0]);
    await work.remove(second?.ReceiptHandle);
    expect(await work.counts()).toEqual([0, 0, 0]);
  });

  test('PurgeQueue removes all, once a minute', async () => {
    advance(60);
    await work.send('visible');
    await work.send('delayed', { DelaySeconds: 10 });
    await work.receive();
    await work.send('another');
    await work.purge();
    expect(await work.counts()).toEqual([0, 0, 0]);
    await work.send('later');
    advance(59);
    await expect(work.purge()).rejects.toMatchObject({ name: 'PurgeQueueInProgress', $metadata: { httpStatusCode: 403 } });
    expect(await work.receiveBodies()).toEqual(['later']);
  });

  test('a message too old for its queue is gone', async () => {
    await slow.send('old', { DelaySeconds: 0 });
    advance(599);
    await slow.send('young', { DelaySeconds: 0 });
    expect(await slow.counts()).toEqual([2, 0, 0]);
    advance(2);
    expect(await slow.counts()).toEqual([1, 0, 0]);
    expect(await slow.receiveBodies()).toEqual(['young']);
  });
});

test('a message that was received three times is a dead letter instead of a fourth', async () => {
  const { MessageId } = await work.send('poison', { MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } } });
  const sentAt = now;
  for (let time = 1; time <= 3; time++) {
    const [message] = await work.receive({ MessageSystemAttributeNames: ['All'] });
    expect(message?.Attributes?.ApproximateReceiveCount).toBe(String(time));
    advance(30);
  }
  await work.send('sound');
  expect(await deadLetters.counts()).toEqual([0, 0, 0]);
  expect(await work.receiveBodies()).toEqual(['sound']);
  expect(await work.counts()).toEqual([0, 1, 0]);
  const [dead] = await deadLetters.receive({ MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] });
  expect(dead).toMatchObject({
    MessageId, Body: 'poison', MessageAttributes: { a: { StringValue: 'x' } },
    Attributes: { SentTimestamp: String(sentAt), ApproximateReceiveCount: '4', DeadLetterQueueSourceArn: 'arn:aws:sqs:eu-west-1:000000000000:work' },
  });
  await expect(work.remove(dead?.ReceiptHandle)).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
  await deadLetters.remove(dead?.ReceiptHandle);
  expect(await deadLetters.counts()).toEqual([0, 0, 0]);
});

describe('batches', () => {
  test('are answered entry by entry', async () => {
    const Entries = [{ Id: 'good', MessageBody: 'm' }, { Id: 'late', MessageBody: 'l', DelaySeconds: 901 }, { Id: 'none', MessageBody: '' }, { Id: 'control', MessageBody: '\u0000' }, { Id: 'too_long', MessageBody: 'x'.repeat(1025) }];
    const sent = await client.send(new SendMessageBatchCommand({ QueueUrl: url('slow'), Entries }));
    expect(sent.Successful).toEqual([{ Id: 'good', MessageId: expect.any(String), MD5OfMessageBody: createHash('md5').update('m').digest('hex') }]);
    expect(sent.Failed?.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault])).toEqual([
      ['late', 'InvalidParameterValue', true], ['none', 'MissingParameter', true], ['control', 'InvalidMessageContents', true], ['too_long', 'InvalidParameterValue', true],
    ]);
    expect(await slow.counts()).toEqual([0, 0, 1]);
  });

  test('change and delete, as single requests do', async () => {
    for (const body of ['a', 'b', 'c']) await work.send(body);
    const [a, b, c] = await work.receive();
    const changed = await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url('work'), Entries: [{ Id: '1', ReceiptHandle: a?.ReceiptHandle, VisibilityTimeout: 0 }, { Id: '2', ReceiptHandle: 'x', VisibilityTimeout: 0 }, { Id: '3', ReceiptHandle: b?.ReceiptHandle, VisibilityTimeout: 43_201 }] }));
    expect(changed.Successful).toEqual([{ Id: '1' }]);
    expect(changed.Failed?.map(({ Id, Code }) => [Id, Code])).toEqual([['2', 'ReceiptHandleIsInvalid'], ['3', 'InvalidParameterValue']]);
    expect(await work.counts()).toEqual([1, 2, 0]);
    const deleted = await work.removeAll([b ?? {}, c ?? {}]);
    expect(deleted).toMatchObject({ Successful: [{ Id: '0' }, { Id: '1' }] });
    expect(deleted.Failed).toBeUndefined();
    expect(await work.counts()).toEqual([1, 0, 0]);
  });

  test('hold 1 MiB in all, and so does a message', async () => {
    const half = 'x'.repeat(512 * 1024);
    const ofHalves = (last: string) => client.send(new SendMessageBatchCommand({ QueueUrl: url('work'), Entries: [{ Id: 'a', MessageBody: half }, { Id: 'b', MessageBody: last }] }));
    expect((await ofHalves(half)).Successful).toHaveLength(2);
    await expect(ofHalves(`${half}x`)).rejects.toMatchObject({ name: 'BatchRequestTooLong', message: 'Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.' });
    const attributes = { MessageAttributes: { nm: { DataType: 'String', StringValue: 'val' } } };
    await work.send(`${half}${half}`.slice(11), attributes);
    await expect(work.send(`${half}${half}`.slice(10), attributes)).rejects.toMatchObject({ name: 'InvalidParameterValue', message: 'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.' });
    // Twice as long on the wire.
    await work.send('"'.repeat(1024 * 1024));
    expect(await work.counts()).toEqual([4, 0, 0]);
  });
});

describe('queues', () => {
  test('have the attributes they were given', async () => {
    const attributes = async (queue: string, AttributeNames: QueueAttributeName[] | undefined) => (await client.send(new GetQueueAttributesCommand({ QueueUrl: url(queue), AttributeNames }))).Attributes;
    expect(await attributes('slow', ['All'])).toEqual({
      QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:slow', ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0', ApproximateNumberOfMessagesDelayed: '0',
      CreatedTimestamp: String(Math.floor(start / 1000)), LastModifiedTimestamp: String(Math.floor(start / 1000)),
      VisibilityTimeout: '60', MaximumMessageSize: '1024', MessageRetentionPeriod: '600', DelaySeconds: '5', ReceiveMessageWaitTimeSeconds: '1',
    });
    expect(await attributes('work', ['RedrivePolicy', 'VisibilityTimeout', 'Policy'])).toEqual({
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":3}', VisibilityTimeout: '30',
    });
    expect(await attributes('work', undefined)).toEqual({});
  });

  test('are found by name, at the host that was asked', async () => {
    expect(await client.send(new GetQueueUrlCommand({ QueueName: 'work' }))).toMatchObject({ QueueUrl: `${sqs.endpoint}/000000000000/work` });
    expect(sqs.queueUrl('work')).toBe(`${sqs.endpoint}/000000000000/work`);
    expect(sqs.queueUrl('work', 'http://127.0.0.1:1')).toBe('http://127.0.0.1:1/000000000000/work');
    expect(() => sqs.queueUrl('absent')).toThrow('There is no queue absent; there are work, dead, slow.');
  });
});
