import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
  type ListObjectsV2CommandInput, type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { startS3, type EmbeddedS3 } from '../../local/s3.ts';

let s3: EmbeddedS3;
let client: S3Client;

beforeAll(async () => {
  s3 = await startS3({ buckets: ['published', 'listed'] });
  client = clientOf(s3.endpoint);
});

afterAll(async () => {
  client.destroy();
  await s3.close();
});

function clientOf(endpoint: string): S3Client {
  return new S3Client({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, forcePathStyle: true, maxAttempts: 1 });
}

const put = (Key: string, Body: NonNullable<PutObjectCommandInput['Body']>, more: Partial<Omit<PutObjectCommandInput, 'Body'>> = {}) =>
  client.send(new PutObjectCommand({ Bucket: 'published', Key, Body, ...more }));

async function get(Key: string, more: object = {}) {
  const { Body, ...rest } = await client.send(new GetObjectCommand({ Bucket: 'published', Key, ...more }));
  return { ...rest, content: Buffer.from(await Body?.transformToByteArray() ?? []) };
}

const md5 = (content: string | Buffer) => `"${createHash('md5').update(content).digest('hex')}"`;

describe('an object', () => {
  test('comes back with everything it was put with', async () => {
    const began = Math.floor(Date.now() / 1000) * 1000;
    const metadata = { 'crl-number': '12345678901234567890', empty: '', note: 'plain ASCII' };
    const answer = await put('crl/0.crl', 'content', {
      ContentType: 'application/pkix-crl', CacheControl: 'public, max-age=60', ContentDisposition: 'inline', ContentLanguage: 'en', Metadata: metadata,
    });
    expect(answer).toMatchObject({ ETag: md5('content'), ChecksumCRC32: expect.any(String), $metadata: { requestId: expect.stringMatching(/^[0-9A-F]{16}$/) } });

    const got = await get('crl/0.crl');
    const described = {
      ETag: md5('content'), ContentLength: 7, ContentType: 'application/pkix-crl', CacheControl: 'public, max-age=60',
      ContentDisposition: 'inline', ContentLanguage: 'en', Metadata: metadata,
    };
    expect(got).toMatchObject(described);
    expect(got.content.toString()).toBe('content');
    expect(got.LastModified?.getTime()).toBeGreaterThanOrEqual(began);
    expect(got.LastModified?.getTime()).toBeLessThanOrEqual(Date.now());
    const head = await client.send(new HeadObjectCommand({ Bucket: 'published', Key: 'crl/0.crl' }));
    expect(head).toMatchObject({ ...described, LastModified: got.LastModified });
    expect(await s3.read('published', 'crl/0.crl')).toEqual({
      body: new Uint8Array(Buffer.from('content')), contentType: 'application/pkix-crl', cacheControl: 'public, max-age=60', etag: md5('content'), lastModified: got.LastModified,
    });
  });

  test('has the content type of S3 if it was given none, and may be empty', async () => {
    const answer = await fetch(`${s3.endpoint}/published/plain`, { method: 'PUT', headers: { authorization: 'signed' } });
    expect(answer.status).toBe(200);
    expect(await get('plain')).toMatchObject({ ContentType: 'binary/octet-stream', ContentLength: 0, ETag: md5('') });
    expect(await s3.read('published', 'plain')).not.toHaveProperty('cacheControl');
  });

  test('is replaced as a whole', async () => {
    await put('replaced', 'one', { CacheControl: 'no-cache', Metadata: { a: '1' } });
    await put('replaced', 'two', { Metadata: { b: '2' } });
    const got = await get('replaced');
    expect(got.content.toString()).toBe('two');
    expect(got.Metadata).toEqual({ b: '2' });
    expect(got.CacheControl).toBeUndefined();
  });

  test('is deleted, and deleting it again succeeds', async () => {
    await put('deleted', 'x');
    const remove = () => client.send(new DeleteObjectCommand({ Bucket: 'published', Key: 'deleted' }));
    expect((await remove()).$metadata.httpStatusCode).toBe(204);
    await expect(get('deleted')).rejects.toMatchObject({ name: 'NoSuchKey', message: 'The specified key does not exist.', $metadata: { httpStatusCode: 404 } });
    await expect(client.send(new HeadObjectCommand({ Bucket: 'published', Key: 'deleted' }))).rejects.toMatchObject({ name: 'NotFound' });
    expect(await s3.read('published', 'deleted')).toBeUndefined();
    await remove();
  });

  test('of 10 MiB arrives as it was', async () => {
    const content = randomBytes(10 * 1024 * 1024);
    expect((await put('large', content)).ETag).toBe(md5(content));
    expect((await get('large')).content.equals(content)).toBe(true);
  });

  const longest = `${'long/'.repeat(204)}last`;
  test.each(['../../etc/passwd', 'a/../b', './x', '/absolute', 'double//slash', 'nul\0', '%00', 'a b+c?d#e&f=g', 'Größe/鍵/🔑', 'back\\slash', 'the longest name'])('may be called %j', async (name) => {
    const key = name === 'the longest name' ? longest : name;
    await put(key, `content of ${key}`);
    expect((await get(key)).content.toString()).toBe(`content of ${key}`);
    expect(Buffer.from((await s3.read('published', key))?.body ?? []).toString()).toBe(`content of ${key}`);
    expect(await s3.read('listed', key)).toBeUndefined();
  });
});

describe('an upload is checked against', () => {
  const crc32Of = (content: string) => Buffer.from(crc32(content).toString(16).padStart(8, '0'), 'hex').toString('base64');
  const digest = (algorithm: string, content: string) => createHash(algorithm).update(content).digest('base64');

  test.each<[string, (content: string) => Partial<Omit<PutObjectCommandInput, 'Body'>>]>([
    ['its Content-MD5', (content) => ({ ContentMD5: digest('md5', content) })],
    ['its CRC32', (content) => ({ ChecksumCRC32: crc32Of(content) })],
    ['its SHA-256', (content) => ({ ChecksumSHA256: digest('sha256', content) })],
    ['its SHA-1', (content) => ({ ChecksumSHA1: digest('sha1', content) })],
  ])('%s', async (_, checksums) => {
    await put('checked', 'right', checksums('right'));
    await expect(put('checked', 'right', checksums('wrong'))).rejects.toMatchObject({ name: 'BadDigest', $metadata: { httpStatusCode: 400 } });
    expect((await get('checked')).content.toString()).toBe('right');
  });

  test('the checksum that follows a stream', async () => {
    const stream = (content: string) => Readable.from([Buffer.from(content.slice(0, 2)), Buffer.from(content.slice(2))]);
    for (const ChecksumAlgorithm of ['CRC32', 'SHA256', 'SHA1'] as const) {
      await put('streamed', stream('streamed'), { ContentLength: 8, ChecksumAlgorithm, ContentEncoding: 'gzip' });
      const got = await get('streamed');
      expect(got).toMatchObject({ ContentLength: 8, ContentEncoding: 'gzip', [`Checksum${ChecksumAlgorithm}`]: expect.any(String) });
      expect(got.content.toString()).toBe('streamed');
    }
  });

  test('algorithms it does not know, which it says', async () => {
    await expect(put('checked', 'x', { ChecksumCRC32C: 'AAAAAA==' })).rejects.toMatchObject({ name: 'NotImplemented', message: 'The upload has x-amz-checksum-crc32c, which this S3 does not implement.' });
  });
});

describe('a condition', () => {
  test('If-None-Match: * writes only what is not there', async () => {
    await put('once', 'first', { IfNoneMatch: '*' });
    await expect(put('once', 'second', { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed', Condition: 'If-None-Match', $metadata: { httpStatusCode: 412 } });
    expect((await get('once')).content.toString()).toBe('first');
    await client.send(new DeleteObjectCommand({ Bucket: 'published', Key: 'once' }));
    await put('once', 'third', { IfNoneMatch: '*' });
  });

  test('If-Match writes only over that very object', async () => {
    await expect(put('matched', 'x', { IfMatch: md5('x') })).rejects.toMatchObject({ name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } });
    const { ETag } = await put('matched', 'one');
    await expect(put('matched', 'two', { IfMatch: md5('another') })).rejects.toMatchObject({ name: 'PreconditionFailed', Condition: 'If-Match' });
    await put('matched', 'two', { IfMatch: ETag });
    await expect(put('matched', 'three', { IfMatch: ETag })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await put('matched', 'three', { IfMatch: md5('two').replaceAll('"', '') });
    expect((await get('matched')).content.toString()).toBe('three');
  });

  test.each<[string, () => Partial<Omit<PutObjectCommandInput, 'Body'>>]>([
    ['If-None-Match: *', () => ({ IfNoneMatch: '*' })],
    ['If-Match', () => ({ IfMatch: md5('before') })],
  ])('%s lets one of 50 at once win', async (name, condition) => {
    const key = `contended ${name}`;
    if (name === 'If-Match') await put(key, 'before');
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, index) => put(key, `writer ${index}`, condition())));
    const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    expect((await get(key)).content.toString()).toBe(`writer ${winners[0]}`);
    expect(outcomes.filter((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).name === 'PreconditionFailed')).toHaveLength(49);
  });

  test('If-None-Match spares a reader what it has', async () => {
    await put('cached', 'x', { CacheControl: 'max-age=5' });
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${s3.endpoint}/published/cached`, { method, headers: { authorization: 'signed', 'if-none-match': `"other", W/${md5('x')}` } });
      expect(answer.status).toBe(304);
      expect(await answer.text()).toBe('');
      expect(answer.headers.get('etag')).toBe(md5('x'));
      expect(answer.headers.get('cache-control')).toBe('max-age=5');
    }
    await expect(get('cached', { IfNoneMatch: md5('x') })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
    expect((await get('cached', { IfNoneMatch: md5('y') })).content.toString()).toBe('x');
    await expect(get('cached', { IfMatch: md5('y') })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });
});

describe('a list', () => {
  const keys = ['a', 'a/1', 'a/2', 'b&<>', 'b\r', '\uff5e', '🔑'];
  const list = (more: Partial<ListObjectsV2CommandInput> = {}) => client.send(new ListObjectsV2Command({ Bucket: 'listed', ...more }));

  beforeAll(async () => {
    await Promise.all(keys.map((Key) => client.send(new PutObjectCommand({ Bucket: 'listed', Key, Body: Key }))));
  });

  test('has all keys in the order of their bytes', async () => {
    const { Contents, ...rest } = await list();
    expect(rest).toMatchObject({ Name: 'listed', KeyCount: keys.length, MaxKeys: 1000, IsTruncated: false });
    // UTF-16 would have the key before the full-width tilde.
    expect(Contents?.map(({ Key }) => Key)).toEqual(['a', 'a/1', 'a/2', 'b\r', 'b&<>', '\uff5e', '🔑']);
    expect(Contents?.[0]).toEqual({ Key: 'a', ETag: md5('a'), Size: 1, LastModified: expect.any(Date), StorageClass: 'STANDARD' });
  });

  test('has those with a prefix, after a key, and in another encoding', async () => {
    expect((await list({ Prefix: 'a/' })).Contents?.map(({ Key }) => Key)).toEqual(['a/1', 'a/2']);
    expect((await list({ Prefix: 'a', StartAfter: 'a/1' })).Contents?.map(({ Key }) => Key)).toEqual(['a/2']);
    expect((await list({ Prefix: 'b', EncodingType: 'url' })).Contents?.map(({ Key }) => Key)).toEqual(['b%0D', 'b%26%3C%3E']);
    expect((await list({ Prefix: 'none' })).Contents).toBeUndefined();
  });

  test('comes in pages', async () => {
    const found: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await list({ MaxKeys: 2, ContinuationToken });
      expect(page.KeyCount).toBeLessThanOrEqual(2);
      found.push(...(page.Contents ?? []).map(({ Key }) => Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(new Set(found)).toEqual(new Set(keys));
    expect(found).toHaveLength(keys.length);
  });
});
