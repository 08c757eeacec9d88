import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { startS3, type EmbeddedS3 } from '../../local/s3.ts';
import { launch } from './processes.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

const Bucket = 'published';

let dataDirectory: string;
let running: EmbeddedS3[];

beforeEach(async () => {
  dataDirectory = join(await temporaryDirectory(), 's3');
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map(async (s3) => s3.close()));
  await removeTemporaryDirectories();
});

async function start(buckets: readonly string[] = [Bucket]) {
  const s3 = await startS3({ dataDirectory, buckets });
  running.push(s3);
  return { s3, client: clientOf(s3.endpoint) };
}

function clientOf(endpoint: string): S3Client {
  return new S3Client({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, forcePathStyle: true, maxAttempts: 1 });
}

const put = (client: S3Client, Key: string, Body: NonNullable<PutObjectCommandInput['Body']>, more: Partial<Omit<PutObjectCommandInput, 'Body'>> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));

async function get(client: S3Client, Key: string) {
  const { Body, $metadata: _, ...rest } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return { ...rest, content: Buffer.from(await Body?.transformToByteArray() ?? []) };
}

const keys = async (client: S3Client) => (await client.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key) ?? [];

describe('a restart', () => {
  test('keeps objects as they were, and the deleted away', async () => {
    const before = await start();
    const content = Buffer.from([0, 10, 13, 255, ...Buffer.from('\n{"format":1}\n')]);
    await put(before.client, 'a', content, { ContentType: 'application/pkix-crl', CacheControl: 'max-age=1', Metadata: { 'crl-number': '7' }, ChecksumAlgorithm: 'SHA256' });
    await put(before.client, 'empty', Buffer.alloc(0));
    await put(before.client, 'b', 'gone');
    await before.client.send(new DeleteObjectCommand({ Bucket, Key: 'b' }));
    const stored = await get(before.client, 'a');
    await before.s3.close();

    const { client } = await start();
    expect(await get(client, 'a')).toEqual(stored);
    expect(stored.content).toEqual(content);
    expect(await keys(client)).toEqual(['a', 'empty']);
    await expect(put(client, 'a', 'x', { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await put(client, 'a', 'x', { IfMatch: stored.ETag });
  });

  test('loses nothing that was answered before kill -9', async () => {
    const script = `import { startS3 } from ${JSON.stringify(new URL('../../local/s3.ts', import.meta.url).href)};
      console.log((await startS3({ dataDirectory: ${JSON.stringify(dataDirectory)}, buckets: ['published'] })).endpoint);
      console.log('ready');`;
    const program = launch(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script]);
    await program.ready;
    const remote = clientOf(program.stdout().split('\n')[0] ?? '');
    const answered = new Map<string, number>();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let version = 1; ; version++) {
        await put(remote, `object ${writer}`, `${version};`.repeat(10_000));
        answered.set(`object ${writer}`, version);
        if (answered.size === 8 && version > 3) program.child.kill('SIGKILL');
      }
    });
    await Promise.allSettled(writers);
    await program.exit;
    remote.destroy();

    const { client } = await start();
    expect(answered.size).toBe(8);
    for (const [key, version] of answered) {
      const content = (await get(client, key)).content.toString();
      // Either the last that was answered or the one that was under way, whole.
      expect([version, version + 1].map((one) => `${one};`.repeat(10_000))).toContain(content);
    }
  });

  test('removes what a crash left half written, and leaves other files alone', async () => {
    const before = await start();
    await put(before.client, 'key', 'content');
    await before.s3.close();
    const [name = ''] = await readdir(dataDirectory);
    await writeFile(join(dataDirectory, `${name}.unfinished`), '{"format":');
    await writeFile(join(dataDirectory, 'README'), 'mine');
    const { client } = await start();
    expect(await keys(client)).toEqual(['key']);
    expect((await readdir(dataDirectory)).sort()).toEqual(['README', name].sort());
  });

  test('with other buckets shows only theirs and keeps the rest', async () => {
    const before = await start();
    await put(before.client, 'key', 'content');
    await before.s3.close();
    const other = await start(['another']);
    await expect(get(other.client, 'key')).rejects.toMatchObject({ name: 'NoSuchBucket' });
    expect(await other.s3.read(Bucket, 'key')).toBeUndefined();
    await other.s3.close();
    expect((await get((await start()).client, 'key')).content.toString()).toBe('content');
  });
});

test.each<[string, Partial<Omit<PutObjectCommandInput, 'Body'>>]>([
  ['If-None-Match: *', { IfNoneMatch: '*' }],
  ['If-Match', { IfMatch: `"${createHash('md5').update('before').digest('hex')}"` }],
])('while it is written, %s lets one of 50 at once win', async (_, condition) => {
  const { s3, client } = await start();
  if (condition.IfMatch !== undefined) await put(client, 'contended', 'before');
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_one, index) => put(client, 'contended', `writer ${index}`, condition)));
  const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
  expect(winners).toHaveLength(1);
  await s3.close();
  expect((await get((await start()).client, 'contended')).content.toString()).toBe(`writer ${winners[0]}`);
});

test('a change that cannot be written is refused and not made', async () => {
  const { client } = await start();
  await put(client, 'key', 'before');
  await rename(dataDirectory, `${dataDirectory}-away`);
  await expect(put(client, 'key', 'after')).rejects.toMatchObject({ name: 'InternalError', message: expect.stringContaining('ENOENT'), $metadata: { httpStatusCode: 500 } });
  await expect(client.send(new DeleteObjectCommand({ Bucket, Key: 'key' }))).rejects.toMatchObject({ name: 'InternalError' });
  expect((await get(client, 'key')).content.toString()).toBe('before');
  await rename(`${dataDirectory}-away`, dataDirectory);
  await put(client, 'key', 'after');
});

describe('files', () => {
  test('stay in the directory whatever the key, one for each', async () => {
    const { client } = await start();
    const hostile = ['../escaped', '../../escaped', '/etc/escaped', 'a/../../escaped', '..', '.', 'nul\0', '%00', '%2e%2e%2f', '..\\escaped', 'Case', 'case', 'é', 'e\u0301', '🔑', 'x'.repeat(1024)];
    for (const key of hostile) await put(client, key, key);
    const names = await readdir(dataDirectory);
    expect(names).toHaveLength(hostile.length);
    expect(names.every((name) => /^[0-9a-f]{64}\.object$/.test(name))).toBe(true);
    expect(await readdir(dirname(dataDirectory))).toEqual(['s3']);
    for (const key of hostile) expect((await get(client, key)).content.toString()).toBe(key);
    for (const key of hostile) await client.send(new DeleteObjectCommand({ Bucket, Key: key }));
    expect(await readdir(dataDirectory)).toEqual([]);
  });

  test('are for their owner only', async () => {
    const { client } = await start();
    await put(client, 'key', 'content');
    const [name = ''] = await readdir(dataDirectory);
    expect((await stat(join(dataDirectory, name))).mode & 0o777).toBe(0o600);
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o700);
  });

  test.each<[string, (stored: string) => string]>([
    ['cut short', (stored) => stored.slice(0, -1)],
    ['cut off in its description', (stored) => stored.slice(0, 20)],
    ['empty', () => ''],
    ['with another body', (stored) => stored.replace(/content$/, 'CONTENT')],
    ['with another format', (stored) => stored.replace('"format":1', '"format":2')],
    ['with the key of another', (stored) => stored.replace('"key":"key"', '"key":"../"')],
  ])('one %s is refused by name', async (_, damage) => {
    const { s3, client } = await start();
    await put(client, 'key', 'content');
    await s3.close();
    const file = join(dataDirectory, (await readdir(dataDirectory))[0] ?? '');
    await writeFile(file, damage(await readFile(file, 'utf8')));
    await expect(start()).rejects.toThrow(new RegExp(`^The object file ${file} is damaged: restore it from a backup, or move it away .*\\.$`));
  });
});

test('closing lets a write under way come to its end', async () => {
  const { s3, client } = await start();
  const outcomes = Promise.allSettled(Array.from({ length: 10 }, (_, index) => put(client, `key ${index}`, 'x'.repeat(100_000))));
  await sleep(15);
  await s3.close();
  const files = await readdir(dataDirectory);
  expect(files.every((name) => name.endsWith('.object'))).toBe(true);
  const succeeded = (await outcomes).filter(({ status }) => status === 'fulfilled');
  expect(await keys((await start()).client)).toHaveLength(files.length);
  expect(files.length).toBeGreaterThanOrEqual(succeeded.length);
});
