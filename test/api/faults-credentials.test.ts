import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

// Credentials as a container gets them: from a server on the machine, for a short time, through the SDK's own chain of
// providers.

const lifetimeMilliseconds = 400;

let credentialServer: Server;
let serving: 'credentials' | 'nothing' | 'nonsense' = 'credentials';
let fetched = 0;
let lastExpiration = 0;
let runtime: FaultyRuntime;

beforeAll(async () => {
  credentialServer = createServer((_, response) => {
    fetched++;
    if (serving === 'nothing') return void response.writeHead(403).end('{"Code":"AccessDenied","Message":"no role for arn:aws:iam::123456789012:role/secret"}');
    lastExpiration = Date.now() + lifetimeMilliseconds;
    const credentials = { AccessKeyId: 'ASIALOCAL', SecretAccessKey: 'secret', Token: 'token', Expiration: new Date(lastExpiration).toISOString() };
    response.writeHead(200, { 'content-type': 'application/json' }).end(serving === 'nonsense' ? '<html>' : JSON.stringify(credentials));
  }).listen(0, '127.0.0.1');
  await once(credentialServer, 'listening');
  process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${(credentialServer.address() as AddressInfo).port}/`;
  runtime = await startFaultyRuntime();
});
beforeEach(() => {
  fetched = 0;
});
afterEach(() => {
  serving = 'credentials';
  runtime.calm();
});
afterAll(async () => {
  await runtime.stop();
  credentialServer.close();
  credentialServer.closeAllConnections();
});

/** From here on the server gives no credentials, and those it gave have run out. */
async function withhold(trouble: 'nothing' | 'nonsense'): Promise<void> {
  serving = trouble;
  await sleep(Math.max(0, lastExpiration + 5 - Date.now()));
}

test('the credentials are those of the server', async () => {
  const agentId = await runtime.newAgent();
  expect((await runtime.certify(agentId)).status).toBe(201);
  expect(fetched).toBeGreaterThan(0);
});

test.each(['nothing', 'nonsense'] as const)('where it serves %s, every door answers 503, and works again when it does', async (trouble) => {
  const agentId = await runtime.newAgent();
  const certified = (await runtime.certify(await runtime.newAgent())).body.data;
  await withhold(trouble);
  const replies = await Promise.all([
    runtime.certify(agentId),
    runtime.verify(certified.serial_number),
    runtime.call('POST', `/certificates/${certified.id}/revoke`, { body: { reason: 'test' } }),
  ]);
  serving = 'credentials';
  for (const reply of replies) {
    expect(reply.status).toBe(503);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expectDiscreet(reply);
  }
  expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
  expect((await runtime.verify(certified.serial_number)).body.data.valid).toBe(true);
  expect((await runtime.certify(agentId)).status).toBe(201);
});

test('where they are refused for KMS alone: 503 that names the key store, the lease given back, and then 201', async () => {
  const agentId = await runtime.newAgent();
  // The reservation is through; the KMS client, which has credentials of its own to fetch, now gets none.
  const reserved = runtime.dynamodb.hold({ ...requests.reserve, concerning: agentId }, { where: 'before the answer' });
  const answer = runtime.certify(agentId);
  await reserved.reached;
  await withhold('nothing');
  reserved.release();
  // Nor does the DynamoDB client, so that the lease is there until the server is back.
  const { status, headers, body } = await answer;
  serving = 'credentials';
  expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'KMS_CREDENTIALS_NOT_CONFIGURED', '30']);
  expect(await runtime.aftermath.agentKeys(agentId)).toEqual([]);
  await runtime.aftermath.expireLease(agentId);
  expect((await runtime.certify(agentId)).status).toBe(201);
});
