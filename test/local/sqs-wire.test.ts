import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CreateQueueCommand, QueueDoesNotExist, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { QueueDefinition } from '../../local/sqs/queue-settings.ts';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';

let sqs: EmbeddedSqs;
let QueueUrl: string;

beforeAll(async () => {
  sqs = await startSqs({ region: 'eu-central-1', accountId: '123456789012', queues: [{ name: 'queue' }, { name: 'other' }] });
  QueueUrl = sqs.queueUrl('queue');
});

afterAll(async () => sqs.close());

const signed = { authorization: 'AWS4-HMAC-SHA256 Credential=local' };

async function post(target: string | undefined, body: unknown, headers: Record<string, string> = signed, path = '/') {
  const response = await fetch(sqs.endpoint + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.0', ...(target === undefined ? {} : { 'x-amz-target': target }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, answer: JSON.parse((await response.text()) || 'null') as Record<string, never> };
}

const call = (operation: string, input: object) => post(`AmazonSQS.${operation}`, { QueueUrl, ...input });
const clientOf = (endpoint: string) => new SQSClient({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 });

describe('the wire protocol', () => {
  test.each<[string, string | undefined, unknown, Record<string, string>, number, string, string]>([
    ['no target', undefined, {}, signed, 400, 'UnknownOperationException', 'UnknownOperation'],
    ['a target of another service', 'TrentService.ListKeys', {}, signed, 400, 'UnknownOperationException', 'UnknownOperation'],
    ['an operation of AWS that is not here', 'AmazonSQS.CreateQueue', {}, signed, 400, 'com.amazonaws.sqs#UnsupportedOperation', 'AWS.SimpleQueueService.UnsupportedOperation'],
    ['an unsigned request', 'AmazonSQS.SendMessage', {}, {}, 400, 'MissingAuthenticationTokenException', 'MissingAuthenticationToken'],
    ['a body that is not JSON', 'AmazonSQS.SendMessage', '{', signed, 400, 'SerializationException', 'Serialization'],
    ['a member of another type', 'AmazonSQS.SendMessage', { QueueUrl: 7 }, signed, 400, 'SerializationException', 'Serialization'],
    ['a missing member', 'AmazonSQS.SendMessage', {}, signed, 400, 'com.amazon.coral.service#MissingRequiredParameterException', 'MissingParameter'],
    ['a queue that is not there', 'AmazonSQS.GetQueueUrl', { QueueName: 'absent' }, signed, 400, 'com.amazonaws.sqs#QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'],
    ['a body too large', 'AmazonSQS.SendMessage', { QueueUrl: 'x'.repeat(8 * 1024 * 1024) }, signed, 413, 'RequestEntityTooLargeException', 'RequestEntityTooLarge'],
  ])('%s', async (_, target, body, headers, status, type, code) => {
    const response = await post(target, body, headers);
    expect(response.status).toBe(status);
    expect(response.answer).toEqual({ __type: type, message: expect.any(String) });
    expect(response.headers.get('x-amzn-query-error')).toBe(`${code};Sender`);
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.0');
  });

  test('only POST / is SQS', async () => {
    expect((await post('AmazonSQS.SendMessage', {}, signed, '/123456789012/queue')).answer).toMatchObject({ __type: 'UnknownOperationException' });
    expect((await fetch(sqs.endpoint)).status).toBe(400);
  });

  test('the SDK makes errors of its classes out of them', async () => {
    const client = clientOf(sqs.endpoint);
    const error = await client.send(new SendMessageCommand({ QueueUrl: `${QueueUrl}x`, MessageBody: 'm' })).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(QueueDoesNotExist);
    expect(error).toMatchObject({ name: 'QueueDoesNotExist', message: 'The specified queue does not exist.', Code: 'AWS.SimpleQueueService.NonExistentQueue' });
    await expect(client.send(new CreateQueueCommand({ QueueName: 'new' }))).rejects.toMatchObject({
      message: expect.stringMatching(/^This SQS does not implement CreateQueue; it implements ChangeMessageVisibility, .*SendMessageBatch\.$/),
    });
    client.destroy();
  });

  test('an attribute may be called __proto__', async () => {
    const MessageAttributes = '{"__proto__":{"DataType":"String","StringValue":"x"}}';
    await post('AmazonSQS.SendMessage', `{"QueueUrl":"${QueueUrl}","MessageBody":"m","MessageAttributes":${MessageAttributes}}`);
    const { answer } = await call('ReceiveMessage', { MessageAttributeNames: ['__proto__'] });
    expect(JSON.stringify(answer['Messages'])).toContain(`"MessageAttributes":${MessageAttributes}`);
  });
});

describe('requests', () => {
  const attribute = (value: object, name = 'a') => ({ MessageBody: 'm', MessageAttributes: { [name]: value } });
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}`, { DataType: 'String', StringValue: 'x' }]));
  const text = { DataType: 'String', StringValue: 'x' };
  const entries = (count: number) => ({ Entries: Array.from({ length: count }, (_, index) => ({ Id: `${index}`, MessageBody: 'm', ReceiptHandle: 'x', VisibilityTimeout: 0 })) });
  const invalid = 'InvalidParameterValueException';

  test.each<[string, string, object, string, RegExp]>([
    ['an empty message', 'SendMessage', { MessageBody: '' }, 'MissingRequiredParameterException', /must contain the parameter MessageBody/],
    ['a control character', 'SendMessage', { MessageBody: 'a\u0008' }, 'InvalidMessageContents', /#x9 \| #xA/],
    ['a noncharacter', 'SendMessage', { MessageBody: '\uFFFE' }, 'InvalidMessageContents', /#x9 \| #xA/],
    ['a lone surrogate', 'SendMessage', { MessageBody: '\uD800' }, 'InvalidMessageContents', /#x9 \| #xA/],
    ['a control character in an attribute', 'SendMessage', attribute({ DataType: 'String', StringValue: '\u0000' }), 'InvalidMessageContents', /#x9 \| #xA/],
    ['a delay too long', 'SendMessage', { MessageBody: 'm', DelaySeconds: 901 }, invalid, /Value 901 for parameter DelaySeconds is invalid/],
    ['a negative delay', 'SendMessage', { MessageBody: 'm', DelaySeconds: -1 }, invalid, /Value -1 for parameter DelaySeconds is invalid/],
    ['half a second of delay', 'SendMessage', { MessageBody: 'm', DelaySeconds: 0.5 }, 'SerializationException', /whole number/],
    ['eleven attributes', 'SendMessage', { MessageBody: 'm', MessageAttributes: many }, invalid, /\[11\] exceeds the allowed maximum \[10\]/],
    ['an attribute without a type', 'SendMessage', attribute({ StringValue: 'x' }), invalid, /type of message \(user\) attribute 'a' is invalid/],
    ['an attribute of another type', 'SendMessage', attribute({ DataType: 'Stringy', StringValue: 'x' }), invalid, /type of message \(user\) attribute 'a' is invalid/],
    ['an empty attribute', 'SendMessage', attribute({ DataType: 'String', StringValue: '' }), invalid, /must contain a non-empty value of type 'String'/],
    ['an attribute with the value of another type', 'SendMessage', attribute({ DataType: 'Binary', StringValue: 'x' }), invalid, /non-empty value of type 'Binary'/],
    ['an attribute with two values', 'SendMessage', attribute({ ...text, BinaryValue: 'AA==' }), invalid, /non-empty value of type 'String'/],
    ['a number that is none', 'SendMessage', attribute({ DataType: 'Number', StringValue: '1x' }), invalid, /must contain a number/],
    ['a reserved attribute', 'SendMessage', attribute(text, 'Aws.x'), invalid, /name 'Aws.x' is invalid/],
    ['an attribute with two periods', 'SendMessage', attribute(text, 'a..b'), invalid, /name 'a..b' is invalid/],
    ['an attribute with a long name', 'SendMessage', attribute(text, 'a'.repeat(257)), invalid, /is invalid/],
    ['a deduplication id', 'SendMessage', { MessageBody: 'm', MessageDeduplicationId: 'd' }, invalid, /not valid for this queue type/],
    ['a message group with a blank', 'SendMessage', { MessageBody: 'm', MessageGroupId: 'a b' }, invalid, /MessageGroupId is invalid/],
    ['system attributes', 'SendMessage', { MessageBody: 'm', MessageSystemAttributes: { AWSTraceHeader: text } }, 'UnsupportedOperation', /MessageSystemAttributes, so it must be absent/],
    ['no messages', 'ReceiveMessage', { MaxNumberOfMessages: 0 }, invalid, /Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided/],
    ['eleven messages', 'ReceiveMessage', { MaxNumberOfMessages: 11 }, invalid, /Value 11 for parameter MaxNumberOfMessages/],
    ['a poll too long', 'ReceiveMessage', { WaitTimeSeconds: 21 }, invalid, /WaitTimeSeconds/],
    ['an invisibility too long', 'ReceiveMessage', { VisibilityTimeout: 43_201 }, invalid, /VisibilityTimeout/],
    ['an attribute SQS does not know', 'ReceiveMessage', { MessageSystemAttributeNames: ['Colour'] }, 'InvalidAttributeName', /Unknown Attribute Colour/],
    ['an attempt\'s id', 'ReceiveMessage', { ReceiveRequestAttemptId: 'x' }, 'UnsupportedOperation', /ReceiveRequestAttemptId/],
    ['a handle that is none', 'DeleteMessage', { ReceiptHandle: 'x' }, 'ReceiptHandleIsInvalid', /receipt handle is invalid/],
    ['no handle', 'DeleteMessage', {}, 'MissingRequiredParameterException', /ReceiptHandle/],
    ['no time', 'ChangeMessageVisibility', { ReceiptHandle: 'x' }, 'MissingRequiredParameterException', /VisibilityTimeout/],
    ['a handle of another queue', 'ChangeMessageVisibility', { ReceiptHandle: btoa('["other","x",1]'), VisibilityTimeout: 0 }, 'ReceiptHandleIsInvalid', /receipt handle is invalid/],
    ['a message that is not there', 'ChangeMessageVisibility', { ReceiptHandle: btoa('["queue","x",1]'), VisibilityTimeout: 0 }, invalid, /does not exist or is not available/],
    ['a queue attribute SQS does not know', 'GetQueueAttributes', { AttributeNames: ['Colour'] }, 'InvalidAttributeName', /Unknown Attribute Colour/],
    ['no entries', 'SendMessageBatch', { Entries: [] }, 'EmptyBatchRequest', /at least one SendMessageBatchRequestEntry/],
    ['eleven entries', 'SendMessageBatch', entries(11), 'TooManyEntriesInBatchRequest', /Maximum number of entries per request are 10. You have sent 11/],
    ['eleven deletions', 'DeleteMessageBatch', entries(11), 'TooManyEntriesInBatchRequest', /You have sent 11/],
    ['eleven changes', 'ChangeMessageVisibilityBatch', entries(11), 'TooManyEntriesInBatchRequest', /You have sent 11/],
    ['an entry twice', 'DeleteMessageBatch', { Entries: [...entries(2).Entries, ...entries(1).Entries] }, 'BatchEntryIdsNotDistinct', /Id 0 repeated/],
    ['an entry without id', 'DeleteMessageBatch', { Entries: [{ ReceiptHandle: 'x' }] }, 'InvalidBatchEntryId', /at most 80 letters long/],
    ['an entry with a long id', 'SendMessageBatch', { Entries: [{ Id: 'x'.repeat(81), MessageBody: 'm' }] }, 'InvalidBatchEntryId', /at most 80 letters long/],
    ['an entry with an id of other characters', 'SendMessageBatch', { Entries: [{ Id: 'a:b', MessageBody: 'm' }] }, 'InvalidBatchEntryId', /at most 80 letters long/],
    ['another account', 'GetQueueUrl', { QueueName: 'queue', QueueOwnerAWSAccountId: '999999999999' }, 'QueueDoesNotExist', /does not exist/],
  ])('%s is refused by %s', async (_, operation, input, name, message) => {
    const { status, answer } = await call(operation, input);
    expect(answer).toEqual({ __type: expect.stringMatching(new RegExp(`(^|#)${name}$`)), message: expect.stringMatching(message) });
    expect(status).toBe(name === 'ReceiptHandleIsInvalid' ? 404 : 400);
    expect((await call('GetQueueAttributes', { AttributeNames: ['ApproximateNumberOfMessages'] })).answer).toEqual({ Attributes: { ApproximateNumberOfMessages: '0' } });
  });

  test.each<[string, string]>([
    ['queue', 'InvalidAddress'], ['http://127.0.0.1/queue', 'QueueDoesNotExist'], ['http://127.0.0.1/999999999999/queue', 'QueueDoesNotExist'],
    ['http://127.0.0.1/123456789012/queue/x', 'QueueDoesNotExist'], ['http://127.0.0.1/123456789012/constructor', 'QueueDoesNotExist'],
  ])('the queue %s is none', async (url, name) => {
    const { answer } = await call('SendMessage', { QueueUrl: url, MessageBody: 'm' });
    expect(answer['__type']).toBe(`com.amazonaws.sqs#${name}`);
  });

  test('of the queue\'s URL only the path counts', async () => {
    const elsewhere = 'https://sqs.eu-central-1.amazonaws.com/123456789012/other';
    expect((await call('SendMessage', { QueueUrl: elsewhere, MessageBody: 'm' })).status).toBe(200);
    expect((await call('ReceiveMessage', { QueueUrl: elsewhere })).answer['Messages']).toHaveLength(1);
  });
});

describe('starting and closing', () => {
  test('closing waits neither for long polls, kept-alive connections nor half-sent requests, and may be repeated', async () => {
    const closing = await startSqs({ queues: [{ name: 'queue' }] });
    const client = clientOf(closing.endpoint);
    await client.send(new SendMessageCommand({ QueueUrl: closing.queueUrl('queue'), MessageBody: 'm' }));
    await client.send(new ReceiveMessageCommand({ QueueUrl: closing.queueUrl('queue') }));
    const polled = client.send(new ReceiveMessageCommand({ QueueUrl: closing.queueUrl('queue'), WaitTimeSeconds: 20 })).catch((error: unknown) => error);
    const socket = connect(Number(new URL(closing.endpoint).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined).write('POST / HTTP/1.1\r\nhost: sqs\r\ncontent-length: 10\r\n\r\n{');
    await new Promise((resolve) => setTimeout(resolve, 50));

    const start = performance.now();
    await Promise.all([closing.close(), closing.close()]);
    await closing.close();
    expect(performance.now() - start).toBeLessThan(500);
    expect(await polled).toBeInstanceOf(Error);
    client.destroy();
    await expect(fetch(closing.endpoint)).rejects.toThrow();
  });

  test('a port that is taken is an error', async () => {
    await expect(startSqs({ queues: [], port: Number(new URL(sqs.endpoint).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test.each<[string, QueueDefinition[], RegExp]>([
    ['without a name', [{ name: '' }], /^"" is no name for a queue: it takes 1 to 80 letters, digits, hyphens and underscores\.$/],
    ['with a long name', [{ name: 'q'.repeat(81) }], /is no name for a queue/],
    ['of first in, first out', [{ name: 'q.fifo' }], /"q.fifo" is no name for a queue/],
    ['twice', [{ name: 'q' }, { name: 'q' }], /^Two queues have the same name: give each one of its own\.$/],
    ['with a visibility too long', [{ name: 'q', visibilityTimeoutSeconds: 43_201 }], /^visibilityTimeoutSeconds of the queue q is 43201: it takes a whole number from 0 to 43200\.$/],
    ['with half a delay', [{ name: 'q', delaySeconds: 0.5 }], /delaySeconds of the queue q is 0.5/],
    ['with messages too large', [{ name: 'q', maximumMessageSizeBytes: 1_048_577 }], /maximumMessageSizeBytes of the queue q/],
    ['with a dead-letter queue that is not there', [{ name: 'q', redrive: { deadLetterQueue: 'dead', maxReceiveCount: 3 } }], /^The dead-letter queue dead of the queue q is not among the queues: define it too\.$/],
    ['that gives up before it begins', [{ name: 'q', redrive: { deadLetterQueue: 'q', maxReceiveCount: 0 } }], /maxReceiveCount of the queue q is 0/],
  ])('a queue %s is refused', async (_, queues, message) => {
    await expect(startSqs({ queues })).rejects.toThrow(message);
  });
});
