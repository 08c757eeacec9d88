import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRiskTable, type RiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

let runtime: FaultyRuntime;
let risk: RiskTable;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  risk = openRiskTable(runtime);
});
afterAll(async () => {
  risk.close();
  await runtime.stop();
});

async function certifiedAgent() {
  const agentId = await runtime.newAgent();
  const { body } = await runtime.certify(agentId);
  return { agentId, serial: body.data.serial_number as string };
}

const isRevoked = async (serial: string) => (await runtime.verify(serial)).body.data.status === 'revoked';

const malformed: Record<string, Record<string, AttributeValue>> = {
  'no score': { observed_at: { S: '2026-01-01T00:00:00Z' } },
  'a score that is text': { score: { S: '0.95' } },
  'a score that is null': { score: { NULL: true } },
  'a foreign tenant': { score: { N: '0.95' }, tenant_id: { S: 'somebody-else' } },
};

test('malformed records are tried a bounded number of times, kept as dead letters, and hold up their own lane at most', async () => {
  const victims = Object.fromEntries(await Promise.all(Object.keys(malformed).map(async (name) => [name, await certifiedAgent()] as const)));
  const others = await Promise.all(Array.from({ length: 6 }, certifiedAgent));

  const recordIds = await Promise.all(Object.entries(malformed).map(([name, attributes]) => risk.put(String(victims[name]?.agentId), attributes)));
  recordIds.push(await risk.put('00000000-0000-4000-8000-000000000000', { score: { N: '0.85' } })); // Of an agent that does not exist.
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
  for (const { agentId } of others) await risk.put(agentId, { score: { N: '0.9' } });
  const waits: string[] = [];
  let notHeldUp = 0;
  await Promise.all(others.map(async ({ serial }) => {
    while (!(await isRevoked(serial))) await sleep(20);
    waits.push(seconds());
    if (runtime.deadLetters.length < recordIds.length) notHeldUp++;
  }));

  await runtime.idle();
  process.stdout.write(`behind ${recordIds.length} malformed records: others revoked after ${waits.join(', ')} s; the last dead letter after ${seconds()} s\n`);
  expect(notHeldUp).toBeGreaterThan(0);
  const buried = runtime.deadLetters.flatMap(({ records, attempts }) => records.map(({ dynamodb }) => [dynamodb?.Keys?.['record_id']?.S, attempts] as const));
  expect(buried.map(([recordId]) => recordId).sort()).toEqual([...recordIds].sort());
  for (const [, attempts] of buried) expect(attempts).toBe(11);
  for (const { serial } of Object.values(victims)) expect(await isRevoked(serial)).toBe(false);
}, 120_000);

test('in one batch with others, they and only they are reported', async () => {
  const [first, second] = [await certifiedAgent(), await certifiedAgent()];
  await risk.put(first.agentId, { score: { S: '0.95' } });
  await risk.put(first.agentId, { score: { N: '0.95' } });
  await risk.put(second.agentId, { score: { N: '0.95' } });
  const records = [...(await risk.streamed(first.agentId)), ...(await risk.streamed(second.agentId))];
  expect(await risk.deliver(records)).toEqual([records[0]?.dynamodb?.SequenceNumber]);
  expect([await isRevoked(first.serial), await isRevoked(second.serial)]).toEqual([true, true]);
});
