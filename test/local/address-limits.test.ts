import fc from 'fast-check';
import type { IncomingMessage } from 'node:http';
import { expect, test } from '@jest/globals';
import type { Answer } from '../../local/gateway/answer.ts';
import { limitAddresses } from '../../local/gateway/address-limits.ts';
import { heldBytes } from '../support/heap.ts';

/** A site behind limits, by a clock that is moved by hand, in milliseconds. */
function siteAt(limits: { requests: number; publicRequests: number }, start = 0) {
  let now = start;
  const passed: string[] = [];
  const site = limitAddresses(async ({ path }) => {
    passed.push(path);
    return { status: 204, headers: {}, body: Buffer.alloc(0) };
  }, limits, () => now);
  const ask = (path: string, address = '192.0.2.1', headers = {}): Promise<Answer> =>
    site({ request: { socket: { remoteAddress: address }, headers } as unknown as IncomingMessage, requestId: 'r', path, query: '', body: Buffer.alloc(0) });
  return { ask, passed, wait: (milliseconds: number) => (now += milliseconds), now: () => now };
}

async function statuses(count: number, ask: () => Promise<Answer>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let index = 0; index < count; index++) {
    const { status } = await ask();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

test('an address may ask so often within five minutes, and less of it without a key', async () => {
  const { ask, passed } = siteAt({ requests: 20, publicRequests: 5 });
  expect(await statuses(10, () => ask('/v1/verify/AB'))).toEqual({ 204: 5, 429: 5 });
  // All that is public counts together, however it is spelt.
  for (const path of ['/v1/ocsp', '/v1/ocsp/MEUw', '/v1/crl', '/v1/ca/chain', '/v1/verify/message', '/v1/%76erify/AB', '/v1/health']) expect((await ask(path)).status).toBe(429);
  expect(await statuses(20, () => ask('/v1/agents'))).toEqual({ 204: 15, 429: 5 });
  expect(passed).toHaveLength(20);
});

test('an address is the connection’s, whatever a header says', async () => {
  const { ask } = siteAt({ requests: 20, publicRequests: 5 });
  let number = 0;
  const forged = () => ask('/v1/crl', '192.0.2.1', { 'x-forwarded-for': `203.0.113.${number++}`, 'x-kakunin-viewer': `203.0.113.${number}`, forwarded: `for=203.0.113.${number}` });
  expect(await statuses(10, forged)).toEqual({ 204: 5, 429: 5 });
  expect(await statuses(5, () => ask('/v1/crl', '192.0.2.2'))).toEqual({ 204: 5 });
});

test('all addresses of an IPv6 network are one, other networks are others, and IPv4 is itself however it is written', async () => {
  const { ask } = siteAt({ requests: 20, publicRequests: 5 });
  let host = 1;
  expect(await statuses(10, () => ask('/v1/crl', `2001:db8:1:2::${(host++).toString(16)}`))).toEqual({ 204: 5, 429: 5 });
  expect((await ask('/v1/crl', '2001:db8:1:2:ffff:ffff:ffff:ffff')).status).toBe(429);
  expect((await ask('/v1/crl', '2001:db8:1:3::1')).status).toBe(204);
  expect(await statuses(5, () => ask('/v1/crl', '::ffff:192.0.2.1'))).toEqual({ 204: 5 });
  expect([(await ask('/v1/crl', '192.0.2.1')).status, (await ask('/v1/crl', '::ffff:192.0.2.2')).status]).toEqual([429, 204]);
});

test('the answer has the contract’s form', async () => {
  const { ask } = siteAt({ requests: 1, publicRequests: 1 });
  await ask('/v1/agents');
  const { status, headers, body } = await ask('/v1/agents');
  expect([status, headers]).toEqual([429, expect.objectContaining({ 'content-type': 'application/json', 'x-request-id': 'r', 'retry-after': '305' })]);
  expect(JSON.parse(body.toString())).toEqual({ error: 'Too many requests. Wait as long as Retry-After says and try again.', code: 'RATE_LIMITED', request_id: 'r' });
});

test('whoever waits as long as he was told is let in, and in no five minutes more than the limit', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(60_000), { minLength: 20, maxLength: 100 }), async (limit, pauses) => {
    const { ask, wait, now } = siteAt({ requests: limit, publicRequests: limit }, 12_345);
    const admittedAt: number[] = [];
    const admit = async () => {
      const answer = await ask('/v1/crl');
      if (answer.status === 204) admittedAt.push(now());
      return answer;
    };
    for (const pause of pauses) {
      wait(pause);
      const { status, headers } = await admit();
      if (status === 204 || pause % 2 === 0) continue;
      wait(Number(headers['retry-after']) * 1000);
      expect((await admit()).status).toBe(204);
    }
    for (const [index, time] of admittedAt.entries()) expect((admittedAt[index + limit] ?? Infinity) - time).toBeGreaterThanOrEqual(300_000);
  }), { numRuns: 60 });
});

test('addresses that have gone quiet are forgotten', async () => {
  const { ask, wait } = siteAt({ requests: 20, publicRequests: 5 });
  const before = heldBytes();
  let address = 0;
  const strangers = async () => {
    for (let count = 0; count < 10_000; count++) await ask('/v1/crl', `2001:db8:0:${(address++ % 65_536).toString(16)}::1`);
  };
  await strangers();
  const held = heldBytes() - before;
  for (let time = 0; time < 5; time++) {
    wait(310_000);
    await strangers();
  }
  expect(heldBytes() - before).toBeLessThan(2 * held);
});
