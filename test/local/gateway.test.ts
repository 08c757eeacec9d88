import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { APIGatewayProxyEvent, APIGatewayTokenAuthorizerEvent, Context } from 'aws-lambda';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { openGateway, type Gateway, type GatewayOptions } from '../../local/gateway.ts';
import { createApi, type ApiOptions } from '../../local/gateway/api.ts';
import type { LambdaHandler } from '../../local/invocation.ts';
import { caller, type Call } from '../support/runtime.ts';

const routes = {
  'echo-item': { method: 'POST', path: '/items/{id}', access: 'items:write' },
  'get-item': { method: 'GET', path: '/items/{id}', access: 'items:read' },
  'get-special': { method: 'GET', path: '/items/special', aliases: ['/special/chain'], access: 'public' },
  'get-greedy': { method: 'GET', path: '/ocsp/{request+}', access: 'public' },
  crash: { method: 'GET', path: '/crash', access: 'public' },
  nonsense: { method: 'GET', path: '/nonsense', access: 'public' },
  slow: { method: 'GET', path: '/slow', access: 'public' },
  binary: { method: 'GET', path: '/binary', access: 'public' },
  headers: { method: 'GET', path: '/headers', access: 'public' },
};

const json = (value: unknown) => ({ statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
const echo = async (event: APIGatewayProxyEvent, context: Context) => json({ event, context: { ...context, remaining: context.getRemainingTimeInMillis() } });
const policy = (Effect: string, Resource: string) => ({ principalId: 'key-1', context: { tenantId: 't-1', count: 3 }, policyDocument: { Version: '2012-10-17', Statement: [{ Effect, Action: 'execute-api:Invoke', Resource }] } });

const authorizations: APIGatewayTokenAuthorizerEvent[] = [];
const authorize = async (event: APIGatewayTokenAuthorizerEvent) => {
  authorizations.push(event);
  switch (event.authorizationToken.slice('Bearer kak_test_'.length)) {
    case 'good': return policy('Allow', event.methodArn.replace(/\/v1\/.*/, '/v1/*'));
    case 'reader': return policy('Allow', event.methodArn.replace(/\/v1\/.*/, '/v1/GET/items/?'));
    case 'denied': return policy('Deny', '*');
    case 'malformed': return { principalId: 'x' };
    case 'broken': throw new Error('DynamoDB is away');
    default: throw new Error('Unauthorized');
  }
};

const handlers: Record<string, LambdaHandler> = {
  authorize,
  'echo-item': echo,
  'get-item': echo,
  'get-special': async () => json({ special: true }),
  'get-greedy': echo,
  crash: async () => {
    throw new Error('secret detail');
  },
  nonsense: async () => ({ hello: 'world' }),
  slow: () => new Promise(() => undefined),
  binary: async () => ({ statusCode: 201, headers: { 'content-type': 'application/pkix-crl' }, body: Buffer.from([0, 255, 1]).toString('base64'), isBase64Encoded: true }),
  headers: async () => ({ statusCode: 200, headers: { 'X-One': 'dropped', 'X-Two': 2 }, multiValueHeaders: { 'x-one': ['a', 'b'], 'Set-Cookie': ['c=1', 'd=2'] }, body: '' }),
};

const crashes: [string, unknown][] = [];
async function open({ port = 0, ...options }: Partial<ApiOptions> & Pick<GatewayOptions, 'port'> = {}): Promise<Gateway & { url: string }> {
  const opened = await openGateway({ port });
  opened.serve(createApi({ routes, basePath: '/v1', load: async (name) => handlers[name] as LambdaHandler, onCrash: (name, _, cause) => void crashes.push([name, cause]), ...options }));
  return { ...opened, url: `${opened.origin}/v1` };
}

let gateway: Awaited<ReturnType<typeof open>>;
let call: Call;
beforeAll(async () => {
  gateway = await open({ timeoutSeconds: 0.3 });
  call = caller(gateway.url, 'kak_test_good');
});
afterAll(() => gateway.close());

const refusal = (code: string) => ({ error: expect.stringMatching(/^[A-Z].*\. [A-Z].*\.$/), code, request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });

describe('the event', () => {
  test('is what API Gateway sends', async () => {
    const { body } = await call('POST', '/items/a%2Fb%20c?x=1&x=2&y=%C3%A9+z', { body: '{"é":1}', headers: { 'X-Custom': 'yes' } });
    const { event } = body as { event: APIGatewayProxyEvent };
    expect(event).toMatchObject({
      resource: '/items/{id}',
      path: '/items/a%2Fb%20c',
      httpMethod: 'POST',
      pathParameters: { id: 'a%2Fb%20c' },
      queryStringParameters: { x: '2', y: 'é z' },
      multiValueQueryStringParameters: { x: ['1', '2'], y: ['é z'] },
      isBase64Encoded: true,
      requestContext: {
        resourcePath: '/items/{id}',
        httpMethod: 'POST',
        stage: 'v1',
        path: '/v1/items/a%2Fb%20c',
        identity: { sourceIp: '127.0.0.1' },
        authorizer: { principalId: 'key-1', tenantId: 't-1', count: '3' },
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
    expect(Buffer.from(event.body ?? '', 'base64').toString()).toBe('{"é":1}');
    expect(event.multiValueHeaders['X-Custom'] ?? event.multiValueHeaders['x-custom']).toEqual(['yes']);
  });

  test('has null where there is nothing, and a context with time left', async () => {
    const { body } = await call('GET', '/items/1');
    expect(body.event).toMatchObject({ body: null, isBase64Encoded: false, queryStringParameters: null, multiValueQueryStringParameters: null });
    expect(body.context).toMatchObject({ functionName: 'get-item', awsRequestId: expect.any(String) });
    expect(body.context.remaining).toBeGreaterThan(0);
  });

  test('keeps the spelling and the repetition of headers', async () => {
    const { hostname, port } = new URL(gateway.url);
    const sent = request({ hostname, port, path: '/v1/items/1', headers: ['Host', 'h', 'Authorization', 'Bearer kak_test_good', 'X-Two', 'a', 'x-other', 'b', 'X-Two', 'c'] });
    sent.end();
    const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer>];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const { event } = JSON.parse(Buffer.concat(chunks).toString()) as { event: APIGatewayProxyEvent };
    expect(event.multiValueHeaders['X-Two']).toEqual(['a', 'c']);
    expect(event.headers['X-Two']).toBe('c');
  });
});

describe('routing', () => {
  test.each(['/', '/item', '/items', '/items/', '/items/1/more', '/special', '//items/1', '/ocsp/'])('404 for %s', async (path) => {
    const { status, body, headers } = await call('GET', path);
    expect([status, body]).toEqual([404, refusal('NOT_FOUND')]);
    expect(headers.get('x-request-id')).toBe(body.request_id);
  });

  test('404 outside the stage', async () => {
    const { origin } = new URL(gateway.url);
    for (const path of ['/', '/v1', '/v11/special/chain', '/items/1']) expect((await fetch(origin + path)).status).toBe(404);
  });

  test.each([['PUT', '/items/1', 'GET, POST'], ['POST', '/items/special', 'GET'], ['OPTIONS', '/items/1', 'GET, POST']])('405 with Allow for %s %s', async (method, path, allow) => {
    const { status, body, headers } = await call(method, path);
    expect([status, headers.get('allow'), body]).toEqual([405, allow, refusal('METHOD_NOT_ALLOWED')]);
  });

  test('HEAD is a method like any other, answered without a body', async () => {
    const { status, headers, body } = await call('HEAD', '/items/1');
    expect([status, headers.get('allow')]).toEqual([405, 'GET, POST']);
    expect(body).toBe('');
  });

  test('literals before parameters, aliases, greedy parameters', async () => {
    expect((await call('GET', '/items/special')).body).toEqual({ special: true });
    expect((await call('GET', '/special/chain')).body).toEqual({ special: true });
    expect((await call('GET', '/ocsp/a/b%2Fc')).body.event.pathParameters).toEqual({ request: 'a/b%2Fc' });
  });

  test.each(['/items/%', '/items/%zz', '/items/%E0%A4%A'])('400 for %s', async (path) => {
    const { status, body } = await call('GET', path);
    expect([status, body]).toEqual([400, refusal('BAD_REQUEST')]);
  });
});

describe('the authorizer', () => {
  test.each([
    [null, 401, 'UNAUTHORIZED'],
    ['kak_test_unknown', 401, 'UNAUTHORIZED'],
    ['kak_test_denied', 403, 'FORBIDDEN'],
    ['kak_test_broken', 503, 'SERVICE_UNAVAILABLE'],
    ['kak_test_malformed', 503, 'SERVICE_UNAVAILABLE'],
  ])('key %s: %i', async (key, expected, code) => {
    const { status, body, headers } = await call('GET', '/items/1', { key });
    expect([status, body]).toEqual([expected, refusal(code)]);
    if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    if (status === 401) expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  test.each(['Bearer', 'Basic a2FrOg==', 'bearer kak_test_good', 'Bearer kak_test_', 'Bearer kak_prod_good', 'Bearer kak_test_good x', `Bearer kak_test_${'a'.repeat(129)}`])(
    'is not even asked about "%s"',
    async (authorization) => {
      const asked = authorizations.length;
      expect((await call('GET', '/items/1', { key: null, headers: { authorization } })).status).toBe(401);
      expect(authorizations).toHaveLength(asked);
    },
  );

  test('is given the method ARN, and its policy decides which method', async () => {
    expect((await call('GET', '/items/1', { key: 'kak_test_reader' })).status).toBe(200);
    expect(authorizations.at(-1)).toEqual({ type: 'TOKEN', authorizationToken: 'Bearer kak_test_reader', methodArn: 'arn:aws:execute-api:eu-west-1:000000000000:local/v1/GET/items/1' });
    expect((await call('POST', '/items/1', { key: 'kak_test_reader' })).status).toBe(403);
  });

  test('is asked each time, or once where its results are kept, which then stand for their methods only', async () => {
    const ask = async (other: Call) => {
      const asked = authorizations.length;
      const statuses = [];
      for (const method of ['GET', 'GET', 'POST']) statuses.push((await other(method, '/items/1', { key: 'kak_test_reader' })).status);
      expect(statuses).toEqual([200, 200, 403]);
      return authorizations.length - asked;
    };
    expect(await ask(call)).toBe(3);
    const caching = await open({ authorizerCacheSeconds: 60 });
    expect(await ask(caller(caching.url, null))).toBe(1);
    await caching.close();
  });

  test('is not asked on public routes', async () => {
    expect((await call('GET', '/items/special', { key: null })).status).toBe(200);
  });
});

describe('handlers', () => {
  test.each([['/crash', 'crash'], ['/nonsense', 'nonsense']])('500 without detail for %s, which is told to the operator', async (path, name) => {
    const { status, body } = await call('GET', path);
    expect([status, body]).toEqual([500, refusal('INTERNAL_ERROR')]);
    expect(JSON.stringify(body)).not.toContain('secret');
    expect(crashes.at(-1)?.[0]).toBe(name);
  });

  test('503 for one that takes too long', async () => {
    const { status, body, headers } = await call('GET', '/slow');
    expect([status, body]).toEqual([503, refusal('SERVICE_UNAVAILABLE')]);
    expect(headers.get('retry-after')).toBe('5');
  });

  test('binary answers', async () => {
    const response = await fetch(`${gateway.url}/binary`);
    expect([response.status, response.headers.get('content-type')]).toEqual([201, 'application/pkix-crl']);
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 255, 1]);
  });

  test('multi-value headers win over single ones', async () => {
    const { headers } = await call('GET', '/headers');
    expect(headers.get('x-one')).toBe('a, b');
    expect(headers.get('x-two')).toBe('2');
    expect(headers.getSetCookie()).toEqual(['c=1', 'd=2']);
  });
});

describe('bodies', () => {
  test('of a mebibyte pass; the handler has its own limit', async () => {
    const { body } = await call('POST', '/items/1', { body: new Uint8Array(1024 * 1024) });
    expect(Buffer.from(body.event.body, 'base64')).toHaveLength(1024 * 1024);
  });

  test('beyond are refused before they are sent, where the length is known', async () => {
    const { status, body } = await call('POST', '/items/1', { body: new Uint8Array(1024 * 1024 + 1) });
    expect([status, body]).toEqual([413, refusal('PAYLOAD_TOO_LARGE')]);
  });

  test('without a length are refused as soon as they are too long, and the sender is hung up on', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    const hungUp = once(socket, 'close');
    socket.on('error', () => undefined);
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    socket.write('POST /v1/items/1 HTTP/1.1\r\nhost: h\r\nauthorization: Bearer kak_test_good\r\ntransfer-encoding: chunked\r\n\r\n');
    const timer = setInterval(() => socket.write(`10000\r\n${' '.repeat(0x10000)}\r\n`), 1);
    await hungUp.finally(() => clearInterval(timer));
    expect(received).toMatch(/^HTTP\/1\.1 413 .*connection: close/is);
  });
});

test('what is no HTTP is refused in the same shape', async () => {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.write('NONSENSE\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  expect(head).toContain('HTTP/1.1 400');
  expect(JSON.parse(body)).toEqual(refusal('BAD_REQUEST'));
});

test('a taken port is one clear sentence', async () => {
  const port = Number(new URL(gateway.url).port);
  await expect(open({ port })).rejects.toThrow(`Port ${port} is already in use: end what uses it, or set PORT to another one (0 takes any free one).`);
});

test('closing waits for the request under way', async () => {
  let entered = () => {};
  const inside = new Promise<void>((resolve) => (entered = resolve));
  const closing = await open({
    load: async () => async () => {
      entered();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return json({ done: true });
    },
  });
  const answer = fetch(`${closing.url}/slow`);
  await inside;
  await closing.close();
  expect(await (await answer).json()).toEqual({ done: true });
  await expect(fetch(`${closing.url}/slow`)).rejects.toThrow();
});
