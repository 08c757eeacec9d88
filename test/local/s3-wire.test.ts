import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as send } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CopyObjectCommand, CreateMultipartUploadCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startS3, type EmbeddedS3 } from '../../local/s3.ts';

let s3: EmbeddedS3;

beforeAll(async () => {
  s3 = await startS3({ buckets: ['bucket'] });
  await ask('PUT', '/bucket/key', {}, 'content');
});

afterAll(async () => s3.close());

// By node:http, because fetch resolves `..` and refuses some methods.
async function ask(method: string, path: string, headers: Record<string, string> = {}, body: string | Buffer = '') {
  const request = send(s3.endpoint, { method, path, headers: { authorization: 'AWS4-HMAC-SHA256', 'content-length': Buffer.byteLength(body), ...headers } });
  request.end(body);
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode, headers: response.headers, text, code: /<Code>(\w+)</.exec(text)?.[1], message: /<Message>(.*)<\/Message>/.exec(text)?.[1] };
}

const clientOf = (endpoint: string) =>
  new S3Client({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, forcePathStyle: true, maxAttempts: 1 });

describe('errors', () => {
  const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

  test.each<[string, string, string, Record<string, string>, number, string]>([
    ['a bucket that is not there', 'GET', '/elsewhere/key', {}, 404, 'NoSuchBucket'],
    ['a bucket by the name of a property', 'GET', '/constructor/key', {}, 404, 'NoSuchBucket'],
    ['a key that is not there', 'GET', '/bucket/absent', {}, 404, 'NoSuchKey'],
    ['a key above the bucket', 'GET', '/bucket/../bucket/key', {}, 404, 'NoSuchKey'],
    ['a path that is not percent-encoded', 'GET', '/bucket/%zz', {}, 400, 'InvalidURI'],
    ['a path that is not UTF-8', 'GET', '/bucket/%ff', {}, 400, 'InvalidURI'],
    ['a path that is none', 'GET', '*', {}, 400, 'InvalidURI'],
    ['a key too long', 'PUT', `/bucket/${'%C3%A4'.repeat(513)}`, {}, 400, 'KeyTooLongError'],
    ['metadata too large', 'PUT', '/bucket/key', { 'x-amz-meta-a': 'x'.repeat(1024), 'x-amz-meta-b': 'x'.repeat(1023) }, 400, 'MetadataTooLarge'],
    ['a Content-MD5 that is none', 'PUT', '/bucket/key', { 'content-md5': 'AAAA' }, 400, 'InvalidDigest'],
    ['a checksum that is none', 'PUT', '/bucket/key', { 'x-amz-checksum-crc32': '!' }, 400, 'InvalidRequest'],
    ['a body that is not the one that was signed', 'PUT', '/bucket/key', { 'x-amz-content-sha256': sha256('another') }, 400, 'XAmzContentSHA256Mismatch'],
    ['another condition than *', 'PUT', '/bucket/key', { 'if-none-match': '"x"' }, 501, 'NotImplemented'],
    ['two conditions', 'PUT', '/bucket/key', { 'if-none-match': '*', 'if-match': '"x"' }, 501, 'NotImplemented'],
    ['a method of another protocol', 'PATCH', '/bucket/key', {}, 405, 'MethodNotAllowed'],
    ['a POST on an object', 'POST', '/bucket/key', {}, 405, 'MethodNotAllowed'],
    ['a list of buckets', 'GET', '/', {}, 501, 'NotImplemented'],
    ['a new bucket', 'PUT', '/new-bucket', {}, 501, 'NotImplemented'],
    ['a list of the first kind', 'GET', '/bucket', {}, 501, 'NotImplemented'],
    ['a delimiter', 'GET', '/bucket?list-type=2&delimiter=/', {}, 501, 'NotImplemented'],
    ['a page of no size', 'GET', '/bucket?list-type=2&max-keys=many', {}, 400, 'InvalidArgument'],
    ['an encoding that is none', 'GET', '/bucket?list-type=2&encoding-type=base64', {}, 400, 'InvalidArgument'],
    ['a version', 'GET', '/bucket/key?versionId=1', {}, 501, 'NotImplemented'],
    ['a part of an object', 'GET', '/bucket/key', { range: 'bytes=0-1' }, 501, 'NotImplemented'],
    ['an ACL', 'PUT', '/bucket/key', { 'x-amz-acl': 'public-read' }, 501, 'NotImplemented'],
    ['a conditional delete', 'DELETE', '/bucket/key', { 'if-match': '"x"' }, 501, 'NotImplemented'],
  ])('%s', async (_, method, path, headers, status, code) => {
    const answer = await ask(method, path, headers);
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect(answer.headers['content-type']).toBe('application/xml');
    const requestId = answer.headers['x-amz-request-id'];
    expect(requestId).toMatch(/^[0-9A-F]{16}$/);
    expect(answer.text).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error>.*<\/Error>$/);
    expect(answer.text).toContain(`<RequestId>${requestId}</RequestId><HostId>${answer.headers['x-amz-id-2']}</HostId>`);
    expect((await ask('GET', '/bucket/key')).text).toBe('content');
  });

  test('an unsigned request learns nothing, not even whether the bucket is there', async () => {
    for (const path of ['/bucket/key', '/elsewhere/key', '/']) {
      const answer = await fetch(s3.endpoint + path);
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain('<Code>AccessDenied</Code><Message>Access Denied</Message>');
    }
  });

  test('a HEAD has the status and no body', async () => {
    const { status, text } = await ask('HEAD', '/bucket/absent');
    expect({ status, text }).toEqual({ status: 404, text: '' });
  });

  test('what is not text for XML is escaped', async () => {
    const { text } = await ask('GET', '/bucket/%3C&%26%22%0D%00');
    expect(text).toContain('<Key>&#60;&#38;&#38;&#34;&#13;&#0;</Key>');
    expect(text).toContain('<Resource>/bucket/%3C&#38;%26%22%0D%00</Resource>');
  });

  test('an operation that is not here is answered with those that are', async () => {
    const client = clientOf(s3.endpoint);
    const implemented = 'it implements DeleteObject, GetObject, HeadObject, ListObjectsV2, PutObject.';
    await expect(client.send(new CopyObjectCommand({ Bucket: 'bucket', Key: 'copy', CopySource: 'bucket/key' }))).rejects.toMatchObject({
      name: 'NotImplemented', message: `This S3 does not implement CopyObject; ${implemented}`,
    });
    await expect(client.send(new CreateMultipartUploadCommand({ Bucket: 'bucket', Key: 'parts' }))).rejects.toMatchObject({
      name: 'NotImplemented', message: `This S3 does not implement POST on an object; ${implemented}`,
    });
    client.destroy();
  });

  test('64 MiB are taken and a byte more is not', async () => {
    const largest = Buffer.alloc(64 * 1024 * 1024);
    expect((await ask('PUT', '/bucket/largest', {}, largest)).status).toBe(200);
    const answer = await ask('PUT', '/bucket/larger', {}, Buffer.alloc(largest.length + 1));
    expect(answer).toMatchObject({ status: 400, code: 'EntityTooLarge' });
    expect((await ask('HEAD', '/bucket/larger')).status).toBe(404);
    await ask('DELETE', '/bucket/largest');
  });
});

describe('aws-chunked', () => {
  const framed = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '5', 'x-amz-trailer': 'x-amz-checksum-crc32' };
  const trailer = 'x-amz-checksum-crc32:NhCmhg==';

  test.each([
    ['with a trailer', framed, `2\r\nhe\r\n3\r\nllo\r\n0\r\n${trailer}\r\n\r\n`],
    ['signed', { 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }, '5;chunk-signature=ab\r\nhello\r\n0;chunk-signature=cd\r\n\r\n'],
  ])('%s', async (_, headers, body) => {
    expect((await ask('PUT', '/bucket/framed', headers, body)).status).toBe(200);
    const answer = await ask('GET', '/bucket/framed');
    expect(answer.text).toBe('hello');
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  test.each([
    ['without its end', '5\r\nhello\r\n', 'IncompleteBody'],
    ['cut off in a chunk', '9\r\nhello', 'IncompleteBody'],
    ['with a chunk that goes on', '2\r\nhello\r\n0\r\n\r\n', 'IncompleteBody'],
    ['with a size that is none', '-5\r\nhello\r\n0\r\n\r\n', 'IncompleteBody'],
    ['of another length', `4\r\nhell\r\n0\r\n${trailer}\r\n\r\n`, 'IncompleteBody'],
    ['without the trailer', '5\r\nhello\r\n0\r\n\r\n', 'MalformedTrailerError'],
    ['with a trailer that is none', '5\r\nhello\r\n0\r\nnonsense\r\n\r\n', 'MalformedTrailerError'],
    ['with the checksum of another', `5\r\nhellO\r\n0\r\n${trailer}\r\n\r\n`, 'BadDigest'],
  ])('%s is refused', async (_, body, code) => {
    expect(await ask('PUT', '/bucket/refused', framed, body)).toMatchObject({ status: 400, code });
    expect((await ask('GET', '/bucket/refused')).status).toBe(404);
  });
});

describe('starting and closing', () => {
  test('a body that stays incomplete is never an object, and closing waits neither for it nor for kept-alive connections', async () => {
    const closing = await startS3({ buckets: ['bucket'] });
    const client = clientOf(closing.endpoint);
    await client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'x' }));
    const socket = connect(Number(new URL(closing.endpoint).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined).write('PUT /bucket/half HTTP/1.1\r\nhost: s3\r\nauthorization: signed\r\ncontent-length: 10\r\n\r\nhalf');
    await new Promise((resolve) => setTimeout(resolve, 20));

    const start = performance.now();
    await Promise.all([closing.close(), closing.close()]);
    await closing.close();
    expect(performance.now() - start).toBeLessThan(500);
    expect(await closing.read('bucket', 'half')).toBeUndefined();
    await expect(client.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }))).rejects.toThrow('ECONNREFUSED');
    client.destroy();
  });

  test('a port that is taken is an error', async () => {
    await expect(startS3({ buckets: [], port: Number(new URL(s3.endpoint).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test.each(['ab', 'Upper', '../up', 'a..b', '-dash', 'sla/sh', ''])('%j is no name for a bucket', async (name) => {
    await expect(startS3({ buckets: [name] })).rejects.toThrow(`"${name}" is no name for a bucket`);
  });
});
