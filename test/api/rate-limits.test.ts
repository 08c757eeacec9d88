import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dataOf } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { expectProblem } from '../support/problems.ts';
import { startTestRuntime, type Reply, type TestRuntime } from '../support/runtime.ts';
import { openTables } from '../support/tables.ts';

/* How often one may ask: a tenant by its usage plan, an address by the firewall's numbers, both made small. */

const plan = { requestsPerSecond: 4, burst: 10, issuancesPerSecond: 1, issuanceBurst: 2 };
const addresses = { requests: 100_000, publicRequests: 60 };

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime({ rateLimits: { plan, addresses }, kms: { keyMaterial: keyPool() } });
});
afterAll(() => runtime.stop());

/** The answers to as many requests at once. */
const atOnce = (count: number, ask: () => Promise<Reply>) => Promise.all(Array.from({ length: count }, ask));
const statusesOf = (replies: readonly Reply[]) => [...new Set(replies.map(({ status }) => status))].sort();
/** Until a bucket is full again. */
const quiet = () => wait((plan.burst / plan.requestsPerSecond) * 1000);

describe('a tenant', () => {
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

  test('at its limit is told how long to wait, which is true, and neither slows nor refuses another', async () => {
    const { call, keys } = runtime;
    const timed = async () => {
      const begin = performance.now();
      dataOf(await call('GET', '/agents', { key: keys.globex }), 200);
      return performance.now() - begin;
    };
    await timed();
    const alone = [await timed(), await timed(), await timed()];
    await quiet();

    const flood = await atOnce(60, () => call('GET', '/agents'));
    expect(statusesOf(flood)).toEqual([200, 429]);
    // As many as the burst, and as its rate gave meanwhile.
    expect(flood.filter(({ status }) => status === 200).length).toBeLessThan(30);
    const [refused] = flood.filter(({ status }) => status === 429) as [Reply];
    expectProblem(refused, 429, 'RATE_LIMITED');
    expect(refused.headers.get('retry-after')).toBe('1');

    // What the plan refuses costs the authorizer and its read, and no function of its route; that is what leaves the other its time.
    let flooding = true;
    const going = (async () => {
      while (flooding) await Promise.all([atOnce(10, () => call('GET', '/agents')), wait(50)]);
    })();
    const beside = [await timed(), await timed(), await timed()];
    flooding = false;
    await going;
    expect(median(beside)).toBeLessThan(10 * median(alone) + 250);

    let last = await call('GET', '/agents');
    while (last.status !== 429) last = (await atOnce(10, () => call('GET', '/agents'))).find(({ status }) => status === 429) ?? last;
    await wait(Number(last.headers.get('retry-after')) * 1000);
    dataOf(await call('GET', '/agents'), 200);
  });

  test('has one measure for all its keys, and keys that are none have none', async () => {
    await quiet();
    const tables = openTables(runtime);
    const tenantId = runtime.tenants.find(({ name }) => name === 'acme')?.id as string;
    const second = await tables.addKey({ tenantId });
    tables.close();
    let number = 0;
    const replies = await atOnce(40, () => runtime.call('GET', '/agents', number++ % 2 === 0 ? {} : { key: second }));
    // Each by itself would be let in for its burst, and both for twice that.
    expect(replies.filter(({ status }) => status === 200).length).toBeLessThan(2 * plan.burst);
    expect(statusesOf(replies)).toEqual([200, 429]);
    expect(statusesOf(await atOnce(30, () => runtime.call('GET', '/agents', { key: 'kak_test_nobody' })))).toEqual([401]);
  });

  test('that reports too much can still halt an agent, and cannot certify faster than its plan says', async () => {
    await quiet();
    const { call } = runtime;
    const agent = dataOf(await call('POST', '/agents', { body: { name: 'Busy', model_hash: 'x' } }), 201);
    const certified = await atOnce(6, () => call('POST', `/agents/${agent.id}/certify`));
    expect(certified.map(({ status }) => status).sort()).toEqual([201, 409, 429, 429, 429, 429]);
    const reports = await atOnce(30, () => call('POST', '/events', { body: { agent_id: agent.id, action_type: 'api_call' } }));
    expect(statusesOf(reports)).toEqual([201, 429]);
    expect(dataOf(await call('POST', `/agents/${agent.id}/halt`), 200)).toMatchObject({ halt_receipt: { agent_id: agent.id } });
  });
});

describe('an address', () => {
  const headers = (number: number) => ({ 'x-forwarded-for': `203.0.113.${number}`, 'x-kakunin-viewer': `203.0.113.${number}`, 'x-real-ip': `203.0.113.${number}` });

  async function statusFrom(localAddress: string): Promise<number | undefined> {
    const sent = request(`${runtime.url}/health`, { localAddress });
    sent.end();
    const [response] = await once(sent, 'response');
    response.resume();
    return response.statusCode as number | undefined;
  }

  test('is refused on public routes past its limit, whatever it says it is and through whichever of them; others are not, and keys still work', async () => {
    const { call } = runtime;
    let number = 0;
    const replies = await atOnce(addresses.publicRequests + 20, () => call('GET', '/health', { key: null, headers: headers(number++) }));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(addresses.publicRequests);
    for (const path of ['/crl', '/ca', '/openapi.json', `/verify/${'0'.repeat(31)}1`]) {
      const reply = await call('GET', path, { key: null, headers: headers(number++) });
      expectProblem(reply, 429, 'RATE_LIMITED');
      const seconds = Number(reply.headers.get('retry-after'));
      expect([seconds > 290, seconds <= 305]).toEqual([true, true]);
    }
    // What certificates name for OCSP leads to the same API.
    expect((await fetch(`${runtime.distributionUrl}/ocsp/AAAA`, { headers: headers(number) })).status).toBe(429);
    expect(await statusFrom('127.0.0.2')).toBe(200);
    await quiet();
    dataOf(await call('GET', '/agents'), 200);
  });
});
