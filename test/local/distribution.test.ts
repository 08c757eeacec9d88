import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { localCredentials, region } from '../../local/account.ts';
import { openGateway, type Gateway } from '../../local/gateway.ts';
import { createApi } from '../../local/gateway/api.ts';
import { createDistribution } from '../../local/gateway/distribution.ts';
import { startS3, type EmbeddedS3 } from '../../local/s3.ts';

const bucketName = 'published';
const crl = Buffer.from([0x30, 0x03, 0x02, 0x01, 0xff, 0x00, 0x80]);
const echo = async (event: APIGatewayProxyEvent) => ({ statusCode: 200, body: JSON.stringify(event) });
const routes = {
  'post-ocsp': { method: 'POST', path: '/ocsp', access: 'public' },
  'get-ocsp': { method: 'GET', path: '/ocsp/{request+}', access: 'public' },
  'get-ca': { method: 'GET', path: '/ca', access: 'public' },
};

let s3: EmbeddedS3;
let gateway: Gateway;
beforeAll(async () => {
  s3 = await startS3({ buckets: [bucketName] });
  const client = new S3Client({ endpoint: s3.endpoint, region, credentials: localCredentials, forcePathStyle: true });
  await client.send(new PutObjectCommand({ Bucket: bucketName, Key: 'crl/shard-0.crl', Body: crl, ContentType: 'application/pkix-crl', CacheControl: 'public, max-age=60' }));
  await client.send(new PutObjectCommand({ Bucket: bucketName, Key: 'ca/root.cer', Body: 'certificate', ContentType: 'application/pkix-cert' }));
  await client.send(new PutObjectCommand({ Bucket: bucketName, Key: 'ca/root.pem', Body: 'not below what is published' }));
  await client.send(new PutObjectCommand({ Bucket: bucketName, Key: 'secret', Body: 'not below what is published' }));
  client.destroy();
  gateway = await openGateway();
});
afterAll(async () => {
  await gateway.close();
  await s3.close();
});

const get = (path: string, init?: RequestInit) => fetch(gateway.origin + path, init);

test('until there is something to serve, everybody is told to come back', async () => {
  const response = await get('/crl/shard-0.crl');
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await response.json()).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  gateway.serve(createDistribution({ api: createApi({ routes, basePath: '/v1', load: async () => echo }), basePath: '/v1', find: (key) => s3.read(bucketName, key) }));
  expect((await get('/crl/shard-0.crl')).status).toBe(200);
});

describe('a published object', () => {
  test('is served with its headers', async () => {
    const response = await get('/crl/shard-0.crl?any=thing');
    expect([response.status, response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([200, 'application/pkix-crl', 'public, max-age=60']);
    expect(response.headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/);
    expect(Math.abs(Date.parse(response.headers.get('last-modified') ?? '') - Date.now())).toBeLessThan(60_000);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(crl);
  });

  test('has a HEAD, which says its length', async () => {
    const response = await get('/crl/shard-0.crl', { method: 'HEAD' });
    expect([response.status, response.headers.get('content-length'), (await response.arrayBuffer()).byteLength]).toEqual([200, String(crl.length), 0]);
  });

  test('is not sent again to who has it', async () => {
    const etag = (await get('/ca/root.cer')).headers.get('etag') ?? '';
    for (const ifNoneMatch of [etag, `"other", W/${etag}`, '*']) {
      const response = await get('/ca/root.cer', { headers: { 'if-none-match': ifNoneMatch } });
      expect([response.status, response.headers.get('etag'), response.headers.get('content-length'), await response.text()]).toEqual([304, etag, null, '']);
    }
    expect((await get('/ca/root.cer', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  test('takes no other method', async () => {
    const response = await get('/ca/root.cer', { method: 'DELETE' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test.each(['/crl/shard-1.crl', '/crl/', '/crl', '/ca/', '/ca/root.pem', '/secret', '/published/secret', '/ca/../secret', '/crl/%2e%2e/secret', '//crl/shard-0.crl', '/v1/crl/shard-0.crl'])('is not to be found at %s', async (path) => {
    expect((await get(path)).status).toBe(404);
  });
});

describe('the OCSP responder', () => {
  test('takes a binary request, as API Gateway hands it on', async () => {
    const event = await (await get('/ocsp', { method: 'POST', body: crl, headers: { 'content-type': 'application/ocsp-request' } })).json() as APIGatewayProxyEvent;
    expect(event).toMatchObject({ resource: '/ocsp', path: '/ocsp', isBase64Encoded: true, body: crl.toString('base64'), requestContext: { path: '/v1/ocsp', stage: 'v1' } });
  });

  test.each(['MEow', 'a/b//c+d=', 'a%2Fb%2F%2Fc%2Bd%3D'])('takes the request %s in its path, whatever slashes it has, undecoded', async (request) => {
    for (const base of ['', '/v1']) {
      const event = await (await get(`${base}/ocsp/${request}`)).json() as APIGatewayProxyEvent;
      expect(event).toMatchObject({ resource: '/ocsp/{request+}', path: `/ocsp/${request}`, pathParameters: { request } });
    }
  });

  test('is all there is of the API outside its base path', async () => {
    expect((await get('/v1/ca')).status).toBe(200);
    for (const path of ['/ca', '/ocspx', '/ocsp']) expect([404, 405]).toContain((await get(path)).status);
  });
});
