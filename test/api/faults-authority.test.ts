import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { movedClock } from '../support/clock.ts';
import { awsError } from '../support/faults.ts';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

// The order matters: the issuing certificate, once read, is remembered for a minute. It is read while the handlers are loaded, so
// that minute has to be over.

let runtime: FaultyRuntime;
let agentId: string;
let putBack: () => Promise<void>;
const clock = movedClock();

const authorityKeys = ['root', 'issuing'].map((role) => ({ pk: `CA#${role}`, sk: 'CA' }));

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false });
  putBack = await runtime.aftermath.remove(authorityKeys);
  clock.moveTo(new Date(Date.now() + 61_000).toISOString());
  agentId = await runtime.newAgent();
});
afterAll(async () => {
  clock.restore();
  await runtime.stop();
});

async function expectNothingLeft(): Promise<void> {
  expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
  expect(await runtime.aftermath.agentKeys()).toEqual([]);
}

test('without an issuing certificate: 503, no key is made, and that there was none is not remembered', async () => {
  for (let attempt = 0; attempt < 2; attempt++) {
    const answer = await runtime.certify(agentId);
    expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([503, 'CA_NOT_INITIALISED', '30']);
    expectDiscreet(answer);
    await expectNothingLeft();
  }
  expect((await runtime.call('GET', '/ca', { key: null })).status).toBe(503);
  await putBack();
});

test('a loser of the race is told why it lost, and not that the issuing certificate cannot be read', async () => {
  const retired = await runtime.newAgent();
  await runtime.call('DELETE', `/agents/${retired}`);
  runtime.dynamodb.inject(requests.readAuthority, awsError('InternalServerError'));
  expect((await runtime.certify(retired)).body.code).toBe('AGENT_RETIRED');
  runtime.calm();
});

test('with an issuing certificate that cannot be read: 503, and no key is made', async () => {
  runtime.dynamodb.inject(requests.readAuthority, awsError('ProvisionedThroughputExceededException'));
  const answer = await runtime.certify(agentId);
  runtime.calm();
  expect([answer.status, answer.body.code]).toEqual([503, 'REGISTRY_UNAVAILABLE']);
  expectDiscreet(answer);
  await expectNothingLeft();
});

test('once it is there, the same request succeeds', async () => {
  const { status, body } = await runtime.certify(agentId);
  expect(status).toBe(201);
  expect((await runtime.verify(body.data.serial_number)).body.data.valid).toBe(true);
});
