import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { types } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Refusal } from '../../lambdas/authority/errors.ts';
import { distribution } from '../../lambdas/aws/distribution.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { problem } from '../../lambdas/http/problem.ts';
import { applyEnvironment } from '../../local/environment.ts';
import { startS3, type EmbeddedS3 } from '../../local/s3.ts';

// Jest runs tests in a realm of their own, where an error that Node itself raises is no instance of Error, and the SDK
// replaces it by one that has lost its code. Outside Jest there is one realm.
Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    return (this === Error && types.isNativeError(value)) || (Function.prototype[Symbol.hasInstance] as (value: unknown) => boolean).call(this as () => void, value);
  },
});

let service: EmbeddedS3;
let published: ReturnType<typeof distribution>;
let restoreEnvironment: () => void;

const bucketName = 'published.example';
const crl = { contentType: 'application/pkix-crl', cacheControlMaxAgeSeconds: 60 };
/** With a number for the sake of the order, and times that do not matter. */
const numbered = (number: bigint) => ({ ...crl, crl: { number, thisUpdate: '2026-06-01T00:00:00.000Z', nextUpdate: '2026-06-02T01:00:00.000Z' } });
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

beforeAll(async () => {
  service = await startS3({ buckets: [bucketName] });
  restoreEnvironment = applyEnvironment({ AWS_ENDPOINT_URL_S3: service.endpoint, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  published = distribution(s3(), bucketName);
});

afterAll(async () => {
  s3().destroy();
  restoreEnvironment();
  await service.close();
});

describe('what is published', () => {
  test('is read as it was written', async () => {
    const publication = numbered(2n ** 159n);
    expect(await published.write('crl/0.crl', bytes('first'), publication)).toBe(true);
    const head = await published.head('crl/0.crl');
    expect(head).toEqual({ etag: expect.stringMatching(/^"[0-9a-f]{32}"$/), contentLength: 5, crl: publication.crl });
    const read = await published.read('crl/0.crl');
    expect({ ...read, body: Buffer.from(read?.body ?? []).toString() }).toEqual({ ...head, body: 'first' });
    expect(await service.read(bucketName, 'crl/0.crl')).toMatchObject({ contentType: 'application/pkix-crl', cacheControl: 'public, max-age=60' });
  });

  test('need not be a CRL', async () => {
    await published.write('ca/root.cer', bytes('certificate'), { contentType: 'application/pkix-cert', cacheControlMaxAgeSeconds: 86_400 });
    expect(await published.head('ca/root.cer')).toEqual({ etag: expect.any(String), contentLength: 11 });
    expect(await published.read('ca/root.cer')).not.toHaveProperty('crl');
  });

  test('is undefined before it is there', async () => {
    expect(await published.read('crl/none.crl')).toBeUndefined();
    expect(await published.head('crl/none.crl')).toBeUndefined();
  });

  const stamp = { 'crl-number': '16', 'this-update': '2026-06-01T00:00:00.000Z', 'next-update': '2026-06-02T01:00:00.000Z' };
  const odd: [string, Record<string, string>][] = [
    ['a number that is none', { ...stamp, 'crl-number': '0x10' }],
    ['no number', { 'this-update': stamp['this-update'], 'next-update': stamp['next-update'] }],
    ['no thisUpdate', { 'crl-number': '16', 'next-update': stamp['next-update'] }],
    ['a fraction of a second', { ...stamp, 'this-update': '2026-06-01T00:00:00.001Z' }],
    ['a nextUpdate that is no time', { ...stamp, 'next-update': 'tomorrow' }],
  ];
  test.each(odd)('is not taken for no CRL where it has %s', async (_, Metadata) => {
    await s3().send(new PutObjectCommand({ Bucket: bucketName, Key: 'crl/odd.crl', Body: 'x', Metadata }));
    for (const look of [published.head, published.read]) await expect(look('crl/odd.crl')).rejects.toThrow('The metadata of the published object crl/odd.crl are not those of a CRL');
  });
});

describe('a condition', () => {
  test('that does not hold is an answer, and nothing is written', async () => {
    const path = 'crl/conditional.crl';
    expect(await published.write(path, bytes('x'), { ...crl, ifMatch: '"00000000000000000000000000000000"' })).toBe(false);
    expect(await published.write(path, bytes('one'), { ...numbered(1n), ifMatch: 'absent' })).toBe(true);
    expect(await published.write(path, bytes('x'), { ...crl, ifMatch: 'absent' })).toBe(false);
    const { etag = '' } = await published.head(path) ?? {};
    expect(await published.write(path, bytes('two'), { ...numbered(2n), ifMatch: etag })).toBe(true);
    expect(await published.write(path, bytes('x'), { ...crl, ifMatch: etag })).toBe(false);
    expect(await published.head(path)).toMatchObject({ crl: { number: 2n } });
  });

  test('orders publishers that work at the same time', async () => {
    const path = 'crl/contended.crl';
    const publish = async (number: bigint): Promise<void> => {
      for (;;) {
        const current = await published.head(path);
        if (current?.crl !== undefined && current.crl.number > number) return;
        if (await published.write(path, bytes(`CRL ${number}`), { ...numbered(number), ifMatch: current?.etag ?? 'absent' })) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => publish(BigInt(index + 1))));
    const last = await published.read(path);
    expect(last?.crl?.number).toBe(20n);
    expect(Buffer.from(last?.body ?? []).toString()).toBe('CRL 20');
  });
});

describe('trouble with S3', () => {
  const opened: { server: Server; client: S3Client }[] = [];

  afterEach(() => {
    for (const { server, client } of opened.splice(0)) {
      client.destroy();
      server.closeAllConnections();
      server.close();
    }
  });

  const clientOf = (endpoint: string) => new S3Client({
    endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, forcePathStyle: true, maxAttempts: 1,
    requestHandler: { requestTimeout: 300, throwOnRequestTimeout: true },
  });

  /** A distribution whose S3 answers everything alike. */
  async function answering(status: number, code: string, headers: Record<string, string> = {}) {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status, headers).end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>secret</Message></Error>`));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    opened.push({ server, client });
    return distribution(client, bucketName);
  }

  const failure = (call: Promise<unknown>) => call.then(() => undefined, (error: unknown) => error);
  const calls = (of: typeof published) => [of.read('x'), of.head('x'), of.write('x', bytes('x'), crl), of.write('x', bytes('x'), { ...crl, ifMatch: 'absent' })].map(failure);

  test.each([
    [403, 'AccessDenied'], [403, 'InvalidAccessKeyId'], [403, 'SignatureDoesNotMatch'], [403, 'RequestTimeTooSkewed'],
    [400, 'ExpiredToken'], [400, 'InvalidToken'], [409, 'OperationAborted'], [500, 'InternalError'], [503, 'SlowDown'],
  ])('%i %s is a refusal that a client may see', async (status, code) => {
    for (const error of await Promise.all(calls(await answering(status, code)))) {
      expect(error).toMatchObject({ name: 'Refusal', code: 'DISTRIBUTION_UNAVAILABLE' });
      expect((error as Refusal).message).not.toContain('secret');
    }
  });

  test('a bucket that is not there is a refusal where S3 says so, which it cannot to a HEAD', async () => {
    const nowhere = distribution(clientOf(service.endpoint), 'elsewhere');
    await expect(nowhere.read('x')).rejects.toMatchObject({ code: 'DISTRIBUTION_UNAVAILABLE' });
    expect(await nowhere.head('x')).toBeUndefined();
    await expect(nowhere.write('x', bytes('x'), { ...crl, ifMatch: 'absent' })).rejects.toMatchObject({ code: 'DISTRIBUTION_UNAVAILABLE' });
  });

  test('nobody there, nobody who answers and an answer torn off are refusals', async () => {
    const nobody = clientOf('http://127.0.0.1:1');
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    const torn = createServer((_, response) => {
      response.writeHead(200, { etag: '"x"', 'content-length': '10' }).write('torn');
      setTimeout(() => response.destroy(), 20);
    }).listen(0, '127.0.0.1');
    await Promise.all([once(silent, 'listening'), once(torn, 'listening')]);
    for (const server of [silent, torn]) opened.push({ server, client: clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) });
    for (const client of [nobody, ...opened.map((one) => one.client)]) {
      expect(await failure(distribution(client, bucketName).read('x'))).toMatchObject({ code: 'DISTRIBUTION_UNAVAILABLE' });
    }
    expect(await failure(distribution(nobody, bucketName).write('x', bytes('x'), crl))).toMatchObject({ code: 'DISTRIBUTION_UNAVAILABLE' });
  });

  test.each([[412, 'PreconditionFailed'], [409, 'ConditionalRequestConflict'], [404, 'NoSuchKey']])('%i %s of a conditional write is no trouble', async (status, code) => {
    const contended = await answering(status, code);
    expect(await contended.write('x', bytes('x'), { ...crl, ifMatch: '"x"' })).toBe(false);
    // Without a condition there is none that could fail.
    await expect(contended.write('x', bytes('x'), crl)).rejects.toMatchObject({ name: code });
  });

  test('a request that S3 does not understand is a fault of ours', async () => {
    const error = await failure((await answering(400, 'InvalidArgument')).write('x', bytes('x'), crl));
    expect(error).not.toBeInstanceOf(Refusal);
    expect(error).toMatchObject({ name: 'InvalidArgument' });
  });

  test('is 503 to a client, to be tried again in five seconds', () => {
    expect(problem(new Refusal('DISTRIBUTION_UNAVAILABLE', 'Try again.'), 'id')).toMatchObject({ status: 503, headers: { 'retry-after': '5' }, body: { code: 'DISTRIBUTION_UNAVAILABLE' } });
  });
});
