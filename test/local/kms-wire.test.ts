import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { startKms, type EmbeddedKms } from '../../local/kms.ts';

let kms: EmbeddedKms;

beforeAll(async () => {
  kms = await startKms({ region: 'eu-central-1', accountId: '123456789012' });
});

afterAll(async () => kms.close());

const signed = { authorization: 'AWS4-HMAC-SHA256 Credential=local' };

async function post(target: string | undefined, body: string, headers: Record<string, string> = signed, path = '/') {
  const response = await fetch(kms.endpoint + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', ...(target === undefined ? {} : { 'x-amz-target': target }), ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, answer: JSON.parse((await response.text()) || 'null') as unknown };
}

describe('the wire protocol', () => {
  test.each<[string, string | undefined, string, Record<string, string>, number, string]>([
    ['no target', undefined, '{}', signed, 400, 'UnknownOperationException'],
    ['a target of another service', 'DynamoDB_20120810.ListTables', '{}', signed, 400, 'UnknownOperationException'],
    ['an operation of AWS that is not here', 'TrentService.ReEncrypt', '{}', signed, 400, 'UnsupportedOperationException'],
    ['a property of objects', 'TrentService.constructor', '{}', signed, 400, 'UnsupportedOperationException'],
    ['an unsigned request', 'TrentService.ListKeys', '{}', {}, 400, 'MissingAuthenticationTokenException'],
    ['a body that is not JSON', 'TrentService.ListKeys', '{', signed, 400, 'SerializationException'],
    ['no body', 'TrentService.ListKeys', '', signed, 400, 'SerializationException'],
    ['a body that is no object', 'TrentService.ListKeys', '[]', signed, 400, 'SerializationException'],
    ['a member of another type', 'TrentService.DescribeKey', '{"KeyId":7}', signed, 400, 'SerializationException'],
    ['a blob that is not base64', 'TrentService.Sign', '{"KeyId":"x","Message":"*"}', signed, 400, 'SerializationException'],
    ['a missing member', 'TrentService.DescribeKey', '{"KeyId":null}', signed, 400, 'ValidationException'],
    ['a body too large', 'TrentService.ListKeys', JSON.stringify({ Marker: 'x'.repeat(1024 * 1024) }), signed, 413, 'RequestEntityTooLargeException'],
  ])('%s', async (_, target, body, headers, status, type) => {
    const response = await post(target, body, headers);
    expect(response.status).toBe(status);
    expect(response.answer).toEqual({ __type: type, message: expect.any(String) });
    expect(response.headers.get('x-amzn-errortype')).toBe(type);
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
  });

  test('an operation that is not here is answered with those that are', async () => {
    const { answer } = await post('TrentService.ReEncrypt', '{}');
    expect(answer).toMatchObject({ message: expect.stringMatching(/^This KMS does not implement ReEncrypt; it implements CancelKeyDeletion, CreateGrant, CreateKey, .*Verify\.$/) });
  });

  test('only POST / is KMS', async () => {
    expect((await post('TrentService.ListKeys', '{}', signed, '/keys')).answer).toMatchObject({ __type: 'UnknownOperationException' });
    expect((await fetch(kms.endpoint)).status).toBe(400);
  });

  test('keys belong to the region and account the KMS was started with', async () => {
    const { answer } = await post('TrentService.CreateKey', '{"KeySpec":"RSA_2048","KeyUsage":"SIGN_VERIFY"}');
    expect(answer).toMatchObject({ KeyMetadata: { Arn: expect.stringMatching(/^arn:aws:kms:eu-central-1:123456789012:key\//), AWSAccountId: '123456789012' } });
  });
});

describe('closing', () => {
  test('waits neither for kept-alive connections nor for half-sent requests, and may be repeated', async () => {
    const closing = await startKms();
    const client = new KMSClient({ endpoint: closing.endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 });
    await client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }));
    const socket = connect(Number(new URL(closing.endpoint).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined).write('POST / HTTP/1.1\r\nhost: kms\r\ncontent-length: 10\r\n\r\n{');
    await new Promise((resolve) => setTimeout(resolve, 20));

    const start = performance.now();
    await Promise.all([closing.close(), closing.close()]);
    await closing.close();
    expect(performance.now() - start).toBeLessThan(500);
    client.destroy();
    await expect(fetch(closing.endpoint)).rejects.toThrow();
  });

  test('a port that is taken is an error', async () => {
    await expect(startKms({ port: Number(new URL(kms.endpoint).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
