import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { rootCrlUrl } from '../../lambdas/pki/distribution-urls.ts';
import { crlToPem, parseCrl, verifyCrlSignature } from '../../lambdas/pki/crl.ts';
import { pemToDer } from '../../lambdas/pki/pem.ts';
import { subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { localCredentials, region } from '../../local/account.ts';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { download } from '../support/distribution.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlShardCount, publishedCrl } from '../support/published-crl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// The CRLs as they are published: where, in which forms, from the first moment on and for as long as there is nothing new.

let runtime: TestRuntime;
let s3: S3Client;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
  runtime = await startTestRuntime({ automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  s3 = new S3Client({ endpoint: runtime.s3Endpoint, region, credentials: localCredentials, forcePathStyle: true });
});
afterAll(async () => {
  s3.destroy();
  await runtime.stop();
});

const at = (path: string) => ({ Bucket: runtime.bucketNames.distribution, Key: path });
const metadataOf = async (path: string) => (await s3.send(new HeadObjectCommand(at(path)))).Metadata ?? {};
const remove = (path: string) => s3.send(new DeleteObjectCommand(at(path)));
const get = (accept?: string) => fetch(`${runtime.url}/crl`, { redirect: 'manual', headers: accept === undefined ? {} : { accept } });

async function read(path: string) {
  const { Body, Metadata, ContentType = '' } = await s3.send(new GetObjectCommand(at(path)));
  return { body: (await Body?.transformToByteArray()) ?? new Uint8Array(), Metadata: Metadata ?? {}, ContentType };
}

/** Makes it so long since the CRL was published. */
async function age(path: string, hours: number): Promise<void> {
  const { body, Metadata, ContentType } = await read(path);
  const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 - hours * 3_600_000).toISOString();
  await s3.send(new PutObjectCommand({ ...at(path), Body: body, ContentType, Metadata: { ...Metadata, 'this-update': thisUpdate } }));
}

const shardPaths = Array.from({ length: crlShardCount }, (_, crlShard) => `crl/shard-${crlShard}.crl`);

describe('from the first moment', () => {
  test('there is a CRL at the URL of every shard, with that URL in it, and one with everything', async () => {
    const { issuing } = await authorityPems(runtime.call);
    const publicKey = subjectPublicKeyInfoOf(pemToDer(issuing));
    for (const path of [...shardPaths, 'crl/complete.crl']) {
      const url = `${runtime.distributionUrl}/${path}`;
      const der = await download(url);
      const { issuingDistributionPoint, entryCount, crlNumber, thisUpdate, nextUpdate } = parseCrl(der);
      expect([issuingDistributionPoint, entryCount, crlNumber > 0n]).toEqual([path.includes('shard') ? url : undefined, 0, true]);
      expect(nextUpdate.getTime() - thisUpdate.getTime()).toBe(25 * 3_600_000);
      expect(verifyCrlSignature(der, publicKey)).toBe(true);
    }
  });

  test('there is a CRL of the root’s, for ninety days', async () => {
    const { root } = await authorityPems(runtime.call);
    const der = await download(rootCrlUrl(runtime.distributionUrl));
    const { entryCount, issuingDistributionPoint, thisUpdate, nextUpdate } = parseCrl(der);
    expect([entryCount, issuingDistributionPoint, nextUpdate.getTime() - thisUpdate.getTime()]).toEqual([0, undefined, 90 * 86_400_000]);
    expect(verifyCrlSignature(der, subjectPublicKeyInfoOf(pemToDer(root)))).toBe(true);
  });

  test('there are the CA certificates', async () => {
    const { issuing, root } = await authorityPems(runtime.call);
    for (const [name, pem] of [['issuing', issuing], ['root', root]] as const) {
      const response = await fetch(`${runtime.distributionUrl}/ca/${name}.cer`);
      expect([response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual(['application/pkix-cert', 'public, max-age=86400']);
      expect(Buffer.from(await response.arrayBuffer()).equals(pemToDer(pem))).toBe(true);
    }
  });

  test('a CRL says what it is and may be kept for a minute', async () => {
    for (const [path, contentType] of [['crl/shard-0.crl', 'application/pkix-crl'], ['crl/complete.crl', 'application/pkix-crl'], ['crl/complete.pem', 'application/x-pem-file']]) {
      const { headers } = await fetch(`${runtime.distributionUrl}/${path}`);
      expect([headers.get('content-type'), headers.get('cache-control')]).toEqual([contentType, 'public, max-age=60']);
    }
  });
});

describe('GET /crl', () => {
  test.each([[undefined, 'application/x-pem-file'], ['*/*', 'application/x-pem-file'], ['application/pkix-crl', 'application/pkix-crl'], ['text/html, application/pkix-crl;q=0.5', 'application/pkix-crl']])(
    'answers Accept: %s with the complete CRL as %s', async (accept, contentType) => {
      await revoke(runtime.call, (await certifiedAgent(runtime.call)).certificate.id);
      await runtime.idle();
      const der = await download(`${runtime.distributionUrl}/crl/complete.crl`);
      const { thisUpdate, nextUpdate, entryCount } = parseCrl(der);
      expect(entryCount).toBeGreaterThan(0);

      const response = await get(accept);
      expect([response.status, response.headers.get('content-type'), response.headers.get('vary')]).toEqual([200, contentType, 'Accept']);
      expect([response.headers.get('x-crl-generated-at'), response.headers.get('x-crl-next-update')]).toEqual([thisUpdate.toISOString(), nextUpdate.toISOString()]);
      expect(response.headers.get('cache-control')).toBe('public, max-age=60');
      const body = Buffer.from(await response.arrayBuffer());
      expect(body.equals(contentType === 'application/pkix-crl' ? der : crlToPem(der))).toBe(true);
    },
  );

  test.each([['application/x-pem-file', 'crl/complete.pem'], ['application/pkix-crl', 'crl/complete.crl']])('sends who wants %s to the distribution, where the CRL is too long for it', async (accept, path) => {
    const { body: original, ...object } = await read(path);
    const put = (body: Uint8Array) => s3.send(new PutObjectCommand({ ...at(path), ...object, Body: body }));
    await put(new Uint8Array(4 * 1024 * 1024));
    expect((await get(accept)).status).toBe(200);
    await put(new Uint8Array(4 * 1024 * 1024 + 1));
    const response = await get(accept);
    expect([response.status, response.headers.get('location'), response.headers.get('x-crl-generated-at')]).toEqual([307, `${runtime.distributionUrl}/${path}`, expect.any(String)]);
    expect((await (await fetch(`${runtime.url}/crl`, { headers: { accept } })).arrayBuffer()).byteLength).toBe(4 * 1024 * 1024 + 1);
    await put(original);
  });

  test('is 503 while there is none', async () => {
    await remove('crl/complete.pem');
    const { status, headers, body } = await runtime.call('GET', '/crl', { key: null });
    expect([status, headers.get('retry-after'), body.code]).toEqual([503, '30', 'CA_NOT_INITIALISED']);
    await runtime.runSchedule('refresh-crls');
    expect((await get()).status).toBe(200);
  });
});

const numbers = async () => Object.fromEntries(await Promise.all([...shardPaths, 'crl/complete.crl', 'crl/complete.pem'].map(async (path) => [path, Number((await metadataOf(path))['crl-number'])] as const)));

/** By how much a scheduled function makes the CRLs' numbers go up, where it does. */
async function progress(name: 'refresh-crls' | 'mint-authority'): Promise<Record<string, number>> {
  const before = await numbers();
  await runtime.runSchedule(name);
  const after = await numbers();
  return Object.fromEntries(Object.entries(after).map(([path, number]) => [path, number - (before[path] ?? 0)]).filter(([, difference]) => difference !== 0));
}

describe('every hour', () => {
  test('each CRL is published anew, whatever its age and in all its forms', async () => {
    const paths = Object.keys(await numbers());
    expect(await progress('refresh-crls')).toEqual(Object.fromEntries(paths.map((path) => [path, 1])));
    for (const path of paths) expect(Date.now() - Date.parse((await metadataOf(path))['this-update'] ?? '')).toBeLessThan(10_000);
  });

  test('what is missing is brought back, with a greater number than it ever had', async () => {
    const { 'crl/shard-3.crl': number } = await numbers();
    await remove('crl/shard-3.crl');
    await runtime.runSchedule('refresh-crls');
    expect((await numbers())['crl/shard-3.crl']).toBe((number ?? 0) + 1);
  });

  test('one that cannot be published is told of, and keeps no other from being published', async () => {
    await s3.send(new PutObjectCommand({ ...at('crl/shard-4.crl'), Body: 'x', Metadata: { 'crl-number': 'four' } }));
    const before = Number((await metadataOf('crl/shard-5.crl'))['crl-number']);
    await expect(runtime.runSchedule('refresh-crls')).rejects.toThrow('The metadata of the published object crl/shard-4.crl are not those of a CRL');
    expect(Number((await metadataOf('crl/shard-5.crl'))['crl-number'])).toBe(before + 1);
    await remove('crl/shard-4.crl');
  });

  test('fewer shards than there have been are noticed, and no complete CRL is made of them', async () => {
    await s3.send(new PutObjectCommand({ ...at(`crl/shard-${crlShardCount}.crl`), Body: 'x' }));
    const before = Number((await metadataOf('crl/complete.crl'))['crl-number']);
    await expect(runtime.runSchedule('refresh-crls')).rejects.toThrow('There are certificates whose CRL is number 16 or above, and CRL_SHARDS is 16');
    expect(Number((await metadataOf('crl/complete.crl'))['crl-number'])).toBe(before);
    await remove(`crl/shard-${crlShardCount}.crl`);
    await runtime.runSchedule('refresh-crls');
  });
});

describe('the authority’s daily look', () => {
  afterEach(() => runtime.runSchedule('mint-authority'));

  test('leaves a CRL that is fresh as it is', async () => {
    await age('crl/shard-1.crl', 19.9);
    expect(await progress('mint-authority')).toEqual({});
  });

  test('replaces one of twenty hours, and no other', async () => {
    await age('crl/shard-2.crl', 20.1);
    expect(await progress('mint-authority')).toEqual({ 'crl/shard-2.crl': 1 });
    expect(Date.now() - (await publishedCrl(`${runtime.distributionUrl}/crl/shard-2.crl`)).thisUpdate.getTime()).toBeLessThan(10_000);
  });

  test('replaces the complete one, in both its forms', async () => {
    await age('crl/complete.crl', 20.1);
    expect(await progress('mint-authority')).toEqual({ 'crl/complete.crl': 1, 'crl/complete.pem': 1 });
  });

  test('replaces the root’s CRL after half its time, and not before', async () => {
    const number = async () => Number((await metadataOf('crl/root.crl'))['crl-number']);
    const before = await number();
    await age('crl/root.crl', 44.9 * 24);
    await runtime.runSchedule('mint-authority');
    expect(await number()).toBe(before);
    await age('crl/root.crl', 45.1 * 24);
    await runtime.runSchedule('mint-authority');
    expect(await number()).toBe(before + 1);
  });

  test('brings back CA certificates, and leaves those that are there', async () => {
    const { LastModified } = await s3.send(new HeadObjectCommand(at('ca/root.cer')));
    await s3.send(new PutObjectCommand({ ...at('ca/issuing.cer'), Body: 'not a certificate' }));
    await runtime.runSchedule('mint-authority');
    const { issuing } = await authorityPems(runtime.call);
    expect(Buffer.from(await download(`${runtime.distributionUrl}/ca/issuing.cer`)).equals(pemToDer(issuing))).toBe(true);
    expect((await s3.send(new HeadObjectCommand(at('ca/root.cer')))).LastModified).toEqual(LastModified);
  });

  test('does everything else where one thing cannot be done, and says what cannot', async () => {
    await s3.send(new PutObjectCommand({ ...at('crl/root.crl'), Body: 'x', Metadata: { 'crl-number': 'one' } }));
    await Promise.all([remove('ca/issuing.cer'), remove('crl/shard-6.crl')]);
    await expect(runtime.runSchedule('mint-authority')).rejects.toThrow('The metadata of the published object crl/root.crl are not those of a CRL');
    await download(`${runtime.distributionUrl}/ca/issuing.cer`);
    await download(`${runtime.distributionUrl}/crl/shard-6.crl`);
    await remove('crl/root.crl');
  });
});
