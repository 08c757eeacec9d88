import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
});
afterAll(() => runtime.stop());

interface Certified {
  readonly agentId: string;
  readonly id: string;
  readonly serial: string;
}

/** New agents with certificates, four at a time: more would wait for each other's keys. */
async function certifiedAgents(count: number): Promise<Certified[]> {
  const certified: Certified[] = [];
  await Promise.all(Array.from({ length: 4 }, async (_, lane) => {
    for (let index = lane; index < count; index += 4) {
      const agentId = await runtime.newAgent();
      const { body } = await runtime.certify(agentId);
      certified.push({ agentId, id: body.data.id, serial: body.data.serial_number });
    }
  }));
  return certified;
}

const event = (agentId: string) => runtime.call('POST', '/events', { body: { agent_id: agentId, action_type: 'unauthorized_access_attempt' } });
const statusOf = async (serial: string) => (await runtime.verify(serial)).body.data.status as string;

async function untilRevoked(serial: string): Promise<number> {
  const since = performance.now();
  while ((await statusOf(serial)) !== 'revoked') await sleep(1);
  return performance.now() - since;
}

test('from an accepted event to a verification that says revoked', async () => {
  const milliseconds: number[] = [];
  for (const { agentId, serial } of await certifiedAgents(20)) {
    expect((await event(agentId)).status).toBe(201);
    milliseconds.push(await untilRevoked(serial));
  }
  milliseconds.sort((a, b) => a - b);
  const figure = (rank: number) => `${Math.round(milliseconds[rank] as number)} ms`;
  process.stdout.write(`from an accepted event to revoked, 20 times: least ${figure(0)}, median ${figure(10)}, most ${figure(19)}\n`);
  expect(milliseconds[10]).toBeLessThan(5_000);
}, 120_000);

test('50 agents going high at once are all revoked, each once, and nobody else', async () => {
  const [bystander, ...agents] = await certifiedAgents(51);
  const startedAt = performance.now();
  const replies = await Promise.all(agents.map(({ agentId }) => event(agentId)));
  expect(replies.map(({ status }) => status)).toEqual(agents.map(() => 201));
  await Promise.all(agents.map(({ serial }) => untilRevoked(serial)));
  process.stdout.write(`50 agents going high at once: all revoked ${Math.round(performance.now() - startedAt)} ms after the first event was sent\n`);

  await runtime.idle();
  expect(runtime.deadLetters).toEqual([]);
  expect(await statusOf((bystander as Certified).serial)).toBe('active');
  for (const { agentId, id } of agents.slice(0, 10)) {
    expect((await runtime.aftermath.audit(id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
    expect(await runtime.aftermath.agent(agentId)).toMatchObject({ status: 'suspended', riskScore: 0.95 });
  }
}, 180_000);
