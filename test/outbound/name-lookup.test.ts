import { once } from 'node:events';
import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nameLookup } from '../../lambdas/outbound/name-lookup.ts';
import type { Resolve } from '../../lambdas/outbound/receiver-addresses.ts';

// A name server of four names: one has addresses of both kinds, one of the newer alone, one has none, one is never answered for.

const records: Readonly<Record<string, Readonly<Record<number, Buffer>>>> = {
  'both.test': { 1: Buffer.from([192, 0, 2, 1]), 28: Buffer.from('20010db8000000000000000000000001', 'hex') },
  'newer.test': { 28: Buffer.from('20010db8000000000000000000000002', 'hex') },
  'none.test': {},
};

let server: Socket;
let lookup: Resolve;

beforeAll(async () => {
  server = createSocket('udp4', (query, { port, address }) => {
    const answer = answerTo(query);
    if (answer !== undefined) server.send(answer, port, address);
  }).bind(0, '127.0.0.1');
  await once(server, 'listening');
  lookup = nameLookup([`127.0.0.1:${(server.address() as AddressInfo).port}`]);
});
afterAll(() => {
  server.close();
});

/** RFC 1035 §4.1. */
function answerTo(query: Buffer): Buffer | undefined {
  const end = query.indexOf(0, 12) + 5;
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0; at += 1 + (query[at] ?? 0)) labels.push(query.subarray(at + 1, at + 1 + (query[at] ?? 0)).toString());
  const name = labels.join('.').toLowerCase();
  if (name.startsWith('silent')) return undefined;
  const data = records[name]?.[query.readUInt16BE(end - 4)];
  const header = Buffer.from([...query.subarray(0, 2), 0x81, records[name] === undefined ? 0x83 : 0x80, 0, 1, 0, data === undefined ? 0 : 1, 0, 0, 0, 0]);
  const answer = data === undefined ? [] : [Buffer.from([0xc0, 12]), query.subarray(end - 4, end), Buffer.from([0, 0, 0, 60, 0, data.length]), data];
  return Buffer.concat([header, query.subarray(12, end), ...answer]);
}

test('a name has the addresses of both kinds', async () => {
  expect(await lookup('both.test')).toEqual([{ address: '192.0.2.1', family: 4 }, { address: '2001:db8::1', family: 6 }]);
  expect(await lookup('newer.test')).toEqual([{ address: '2001:db8::2', family: 6 }]);
});

test.each(['none.test', 'missing.test', `${'a'.repeat(64)}.test`])('%s has none', async (name) => {
  await expect(lookup(name)).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('names whose servers are silent hold up no other', async () => {
  const silent = Array.from({ length: 12 }, (_, index) => lookup(`silent-${index}.test`));
  const outcomes = Promise.allSettled(silent);
  const startedAt = performance.now();
  expect(await lookup('both.test')).toHaveLength(2);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect((await outcomes).map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as NodeJS.ErrnoException).code : 'an answer'))).toEqual(silent.map(() => 'EAI_AGAIN'));
}, 60_000);
