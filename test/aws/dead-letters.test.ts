import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { deadLetters, readDeadLetter } from '../../lambdas/aws/dead-letters.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { applyEnvironment } from '../../local/environment.ts';
import { startS3, type EmbeddedS3 } from '../../local/s3.ts';

const record = { eventName: 'INSERT', dynamodb: { Keys: { pk: { S: 'OUTBOX#1' }, sk: { S: 'OUTBOX' } }, NewImage: { pk: { S: 'OUTBOX#1' }, sk: { S: 'OUTBOX' } }, SequenceNumber: '1' } };
const event = { Records: [record] };

// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
const invocationRecord = {
  requestContext: { requestId: 'r-1', functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:kakunin-retire-keys', condition: 'RetryAttemptsExhausted', approximateInvokeCount: 11 },
  responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
  version: '1.0',
  timestamp: '2026-05-17T10:00:00.000Z',
  DDBStreamBatchInfo: {
    shardId: 'shardId-1', startSequenceNumber: '1', endSequenceNumber: '1', approximateArrivalOfFirstRecord: '2026-05-17T09:00:00Z', approximateArrivalOfLastRecord: '2026-05-17T09:00:00Z',
    batchSize: 1, streamArn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/kakunin-registry/stream/2026-01-01T00:00:00.000',
  },
  payload: JSON.stringify(event),
};
const letter = {
  key: 'k', functionName: 'kakunin-retire-keys', tableName: 'kakunin-registry', givenUpAt: '2026-05-17T10:00:00.000Z', attempts: 11, condition: 'RetryAttemptsExhausted', functionError: 'Unhandled',
  records: [record],
};
const read = (changes: object) => readDeadLetter('k', JSON.stringify({ ...invocationRecord, ...changes }));

describe('a dead letter', () => {
  test('is read as Lambda writes it, the event as text or not', () => {
    expect(read({})).toEqual(letter);
    expect(read({ payload: event })).toEqual(letter);
  });

  test('of records the function only reported, or was never given', () => {
    const unanswered = { ...letter, functionError: undefined };
    expect(read({ responseContext: { statusCode: 200, executedVersion: '$LATEST' } })).toEqual(unanswered);
    expect(read({ responseContext: undefined })).toEqual(unanswered);
    expect(read({ responseContext: null })).toEqual(unanswered);
  });

  test('of a version of the function', () => {
    expect(read({ requestContext: { ...invocationRecord.requestContext, functionArn: `${invocationRecord.requestContext.functionArn}:live` } })).toEqual(letter);
  });

  test.each([
    ['no JSON', 'x', 'Not JSON'],
    ['a list', '[]', 'expected object'],
    ['without the event', JSON.stringify({ ...invocationRecord, payload: undefined }), 'payload: '],
    ['with a broken event', JSON.stringify({ ...invocationRecord, payload: '{' }), 'payload: Not JSON'],
    ['without records', JSON.stringify({ ...invocationRecord, payload: { Records: [] } }), 'payload.Records: '],
    ['with a record that has no key', JSON.stringify({ ...invocationRecord, payload: { Records: [{ dynamodb: {} }] } }), 'payload.Records.0.dynamodb.Keys: '],
    ['of another source', JSON.stringify({ ...invocationRecord, DDBStreamBatchInfo: { streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/x' } }), 'DDBStreamBatchInfo.streamArn: No stream of a table'],
  ])('%s is none, and says why', (_, text, why) => {
    expect(readDeadLetter('k', text)).toEqual({ key: 'k', unreadable: expect.stringContaining(why) });
  });
});

describe('the bucket', () => {
  const bucketName = 'dead-letters.example';
  let service: EmbeddedS3;
  let restoreEnvironment: () => void;

  beforeAll(async () => {
    service = await startS3({ buckets: [bucketName] });
    restoreEnvironment = applyEnvironment({ AWS_ENDPOINT_URL_S3: service.endpoint, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  });
  afterAll(async () => {
    s3().destroy();
    restoreEnvironment();
    await service.close();
  });

  test('holds more than one page of them; each is read, and removed once for all', async () => {
    const bucket = deadLetters(s3(), bucketName);
    expect(await bucket.keys()).toEqual([]);
    const keys = Array.from({ length: 1001 }, (_, index) => `aws/lambda/m/shardId-1/2026/05/17/${String(index).padStart(4, '0')}`);
    for (const Key of keys) await s3().send(new PutObjectCommand({ Bucket: bucketName, Key, Body: Key === keys[1000] ? JSON.stringify(invocationRecord) : 'x' }));
    expect(await bucket.keys()).toEqual(keys);
    const last = keys[1000] ?? '';
    expect(await bucket.read(last)).toEqual({ ...letter, key: last });
    await bucket.remove(last);
    await bucket.remove(last);
    expect(await bucket.read(last)).toBeUndefined();
    expect(await bucket.keys()).toHaveLength(1000);
  });

  test('is a refusal where it is not there', async () => {
    await expect(deadLetters(s3(), 'elsewhere').keys()).rejects.toMatchObject({ name: 'Refusal', code: 'DISTRIBUTION_UNAVAILABLE', cause: { name: 'NoSuchBucket' } });
  });
});
