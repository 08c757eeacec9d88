import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { APIGatewayTokenAuthorizerEvent } from 'aws-lambda';
import type { IncomingMessage } from 'node:http';
import { stageThrottle, stageThrottles, usagePlans } from '../../lambdas/rate-limits.ts';
import { routes } from '../../lambdas/routes.ts';
import { openGateway, type Gateway } from '../../local/gateway.ts';
import { createAdmission } from '../../local/gateway/admission.ts';
import { createApi } from '../../local/gateway/api.ts';
import { watchEventLoop } from '../../local/gateway/event-loop.ts';
import { sheddingLoad } from '../../local/gateway/load-shedding.ts';
import type { Site } from '../../local/gateway/site.ts';
import { createBucket, createStageThrottling } from '../../local/gateway/stage-throttling.ts';
import { tenantLimits } from '../../local/gateway/tenant-limits.ts';
import type { LambdaHandler } from '../../local/invocation.ts';

describe('admission', () => {
  const slow = { functionNames: ['certify-agent', 'renew-certificate'], concurrency: 2 };

  test('lets in as many as there may be at once, and another for each that leaves', () => {
    const admission = createAdmission({ concurrency: 3, slow });
    const leave = ['a', 'b', 'c'].map((name) => admission.enter(name));
    expect(leave.every((each) => each !== undefined)).toBe(true);
    expect([admission.isClosed(), admission.enter('d')]).toEqual([true, undefined]);
    leave[1]?.();
    expect(admission.isClosed()).toBe(false);
    expect(admission.enter('d')).toBeDefined();
    expect(admission.enter('e')).toBeUndefined();
  });

  test('keeps those that take long from taking all the room', () => {
    const admission = createAdmission({ concurrency: 8, slow });
    const leave = admission.enter('certify-agent');
    expect(admission.enter('renew-certificate')).toBeDefined();
    expect(admission.enter('certify-agent')).toBeUndefined();
    expect(admission.isClosed()).toBe(false);
    expect(admission.enter('verify-certificate')).toBeDefined();
    leave?.();
    expect(admission.enter('certify-agent')).toBeDefined();
  });

  test('lets in a quarter while the thread is behind', () => {
    let behind = true;
    const admission = createAdmission({ concurrency: 8, slow, isBehind: () => behind });
    expect([admission.enter('a'), admission.enter('a')].every((each) => each !== undefined)).toBe(true);
    expect(admission.enter('a')).toBeUndefined();
    behind = false;
    expect(admission.enter('a')).toBeDefined();
  });
});

test('A thread is behind that is late again and again, and not one that was late once', async () => {
  const watch = watchEventLoop(20);
  const busy = (milliseconds: number) => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  };
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
  try {
    await new Promise((resolve) => setTimeout(resolve, 100));
    busy(60);
    await turn();
    expect(watch.isBehind()).toBe(false);
    for (let time = 0; time < 6; time++) {
      busy(60);
      await turn();
    }
    expect(watch.isBehind()).toBe(true);
    for (let waited = 0; watch.isBehind() && waited < 100; waited++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(watch.isBehind()).toBe(false);
  } finally {
    watch.stop();
  }
});

describe('throttling', () => {
  test('takes a burst, and then what the rate fills in again', () => {
    let now = 0;
    const take = createBucket({ requestsPerSecond: 5, burst: 10 }, () => now);
    const taken = (attempts: number) => Array.from({ length: attempts }, take).filter(Boolean).length;
    expect(taken(50)).toBe(10);
    now = 1000;
    expect(taken(50)).toBe(5);
    now = 1100;
    expect(taken(50)).toBe(0);
    now = 60_000;
    expect(taken(50)).toBe(10);
  });

  test('has the numbers of the deployed stage: a bucket for all, and one each for what makes keys and for what ends them', () => {
    const isTaken = createStageThrottling(stageThrottle, stageThrottles, () => 0);
    const taken = (functionName: string) => Array.from({ length: 1000 }, () => isTaken(functionName)).filter(Boolean).length;
    expect([taken('certify-agent'), taken('renew-certificate')]).toEqual([10, 10]);
    expect([taken('verify-certificate'), taken('ingest-event')]).toEqual([400, 0]);
    expect([taken('halt-agent'), taken('revoke-certificate')]).toEqual([400, 400]);
  });
});

describe('what one asks too much is not taken from others', () => {
  /** The service's routes with the limits that everybody has who sets none, by a clock that is moved by hand. */
  function openApi() {
    let now = 0;
    const handlers: Record<string, LambdaHandler> = {
      authorize: async ({ authorizationToken, methodArn }: APIGatewayTokenAuthorizerEvent) => {
        const tenant = authorizationToken.slice('Bearer kak_test_'.length);
        if (tenant === 'nobody') throw new Error('Unauthorized');
        return { principalId: tenant, usageIdentifierKey: tenant, context: {}, policyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: methodArn }] } };
      },
    };
    const api = createApi({
      routes, basePath: '/v1', load: async (name) => handlers[name] ?? (async () => ({ statusCode: 200, body: '{}' })),
      tenantLimits: tenantLimits(usagePlans.standard, () => now), isWithinThrottle: createStageThrottling(stageThrottle, stageThrottles, () => now),
    });
    const ask = async (method: string, path: string, tenant?: string) => {
      const request = { method, url: `/v1${path}`, headers: tenant === undefined ? {} : { authorization: `Bearer kak_test_${tenant}` }, rawHeaders: [], socket: {} } as unknown as IncomingMessage;
      return (await api({ request, requestId: 'r', path: `/v1${path}`, query: '', body: Buffer.alloc(0) })).status;
    };
    const often = async (count: number, ...asked: Parameters<typeof ask>) => {
      const statuses = await Promise.all(Array.from({ length: count }, () => ask(...asked)));
      return statuses.filter((status) => status === 200).length;
    };
    return { ask, often, wait: (milliseconds: number) => (now += milliseconds) };
  }

  test('a tenant that certifies 20 times a second leaves another its one', async () => {
    const { ask, wait } = openApi();
    const statuses: Record<string, number[]> = { acme: [], globex: [] };
    for (let time = 0; time < 60_000; time += 50) {
      statuses['acme']?.push(await ask('POST', '/agents/1/certify', 'acme'));
      if (time % 1000 === 950) statuses['globex']?.push(await ask('POST', '/agents/2/certify', 'globex'));
      wait(50);
    }
    expect(statuses['globex']).toEqual(Array.from({ length: 60 }, () => 200));
    // Its plan: a burst of 10, and 2 a second for a minute.
    expect(statuses['acme']?.filter((status) => status === 200)).toHaveLength(10 + 2 * 60 - 1);
  });

  test('whoever has no key, or one that is none, takes nothing of what those with keys have', async () => {
    const { ask, often } = openApi();
    expect(await often(1000, 'GET', '/agents', 'nobody')).toBe(0);
    expect(await often(1000, 'GET', '/agents')).toBe(0);
    expect(await ask('GET', '/agents', 'acme')).toBe(200);
  });

  test('where a flood has used up the stage, agents are halted and certificates revoked', async () => {
    const { ask, often } = openApi();
    expect(await often(1000, 'GET', '/verify/0001')).toBe(400);
    expect(await ask('GET', '/agents', 'acme')).toBe(429);
    expect(await ask('POST', '/agents/1/halt', 'acme')).toBe(200);
    expect(await ask('POST', '/certificates/1/revoke', 'acme')).toBe(200);
    // Four tenants' bursts, for each of the two.
    for (const tenant of ['a', 'b', 'c']) expect(await often(1000, 'POST', '/agents/1/halt', tenant)).toBe(100);
  });
});

describe('at the door', () => {
  let gateway: Gateway | undefined;
  afterEach(() => gateway?.close());

  const testRoutes = {
    'verify-certificate': { method: 'GET', path: '/verify/{serial}', access: 'public' },
    'certify-agent': { method: 'POST', path: '/agents/{id}/certify', access: 'certificates:issue' },
  };

  /** A site that answers once it is told to. */
  async function open({ concurrency }: { concurrency: number }) {
    const held: (() => void)[] = [];
    const seen: string[] = [];
    const api: Site = ({ path }) => new Promise((resolve) => {
      seen.push(path);
      held.push(() => resolve({ status: 200, headers: {}, body: Buffer.from('{}') }));
    });
    const admission = createAdmission({ concurrency, slow: { functionNames: ['certify-agent'], concurrency: 1 } });
    gateway = await openGateway();
    gateway.serve(sheddingLoad({ api, routes: testRoutes, basePath: '/v1', admission }), admission);
    const { origin } = gateway;
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await new Promise(setImmediate);
    };
    return { url: `${origin}/v1`, seen, held, until };
  }

  const refusal = async (response: Response) => ({ status: response.status, retryAfter: response.headers.get('retry-after'), ...((await response.json()) as object) });

  test('a request too many is told to come back, before anything is done for it', async () => {
    const { url, seen, held, until } = await open({ concurrency: 1 });
    const first = fetch(`${url}/verify/1`);
    await until(() => held.length === 1);
    expect(await refusal(await fetch(`${url}/verify/2`))).toEqual({ status: 503, retryAfter: '5', error: expect.any(String), code: 'SERVICE_UNAVAILABLE', request_id: expect.any(String) });
    held[0]?.();
    expect((await first).status).toBe(200);
    const third = fetch(`${url}/verify/3`);
    await until(() => held.length === 2);
    held[1]?.();
    expect((await third).status).toBe(200);
    expect(seen).toEqual(['/v1/verify/1', '/v1/verify/3']);
  });

  test('is told so before its body is there, and the connection goes on to be used', async () => {
    const { url, held, until } = await open({ concurrency: 1 });
    const first = fetch(`${url}/verify/1`);
    await until(() => held.length === 1);
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
    socket.write(`POST ${pathname}/agents/1/certify HTTP/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n`);
    await until(() => /^HTTP\/1\.1 503 /.test(received));
    held[0]?.();
    await first;
    received = '';
    socket.write('{"a":"bcde"}' + `GET ${pathname}/verify/2 HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until(() => held.length === 2);
    held[1]?.();
    await until(() => /^HTTP\/1\.1 200 /.test(received));
    socket.end();
    await once(socket, 'close');
  });

  test('whoever sends his body slowly keeps nobody out', async () => {
    const { url, held, until } = await open({ concurrency: 1 });
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(`POST ${pathname}/agents/1/certify HTTP/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n{`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const other = fetch(`${url}/verify/1`);
    await until(() => held.length === 1);
    held[0]?.();
    expect((await other).status).toBe(200);
    socket.destroy();
  });

  test('what leads nowhere takes nobody’s place', async () => {
    const { url, held, until } = await open({ concurrency: 2 });
    const answers: Promise<Response>[] = [];
    for (const path of ['/verify/1', '/nowhere', '/verify/2']) {
      answers.push(fetch(`${url}${path}`));
      await until(() => held.length === answers.length);
    }
    for (const answer of held) answer();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});
