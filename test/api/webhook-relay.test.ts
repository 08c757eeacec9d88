import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { isFromKakunin } from '../../examples/webhook-signature.ts';
import { eventually } from '../local/processes.ts';
import { removeTemporaryDirectories, temporaryDirectory } from '../local/temporary-directory.ts';
import { keyPool } from '../support/key-pool.ts';
import { noContent, receiverAuthority, startReceiver, type Received, type Receiver } from '../support/receiver.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// From a change over HTTP to a receiver on the wire, with everything in between: stream, queue, secret, signature, history.

let runtime: TestRuntime;
let receiver: Receiver;

beforeAll(async () => {
  const authority = receiverAuthority();
  receiver = await startReceiver(authority.issue('IP:127.0.0.1'));
  process.env['WEBHOOK_CA_FILE'] = join(await temporaryDirectory(), 'receivers.pem');
  await writeFile(process.env['WEBHOOK_CA_FILE'], authority.certificate);
  process.env['WEBHOOK_ALLOWED_NETWORKS'] = '127.0.0.1/32';
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
});
afterEach(() => {
  receiver.answering = noContent;
  receiver.received.length = 0;
});
afterAll(async () => {
  await runtime.stop();
  await receiver.close();
  await removeTemporaryDirectories();
});

async function createWebhook(events: readonly string[], key?: string): Promise<{ id: string; secret: string }> {
  const { status, body } = await runtime.call('POST', '/webhooks', { body: { url: `https://127.0.0.1:${receiver.port}/in`, events }, ...(key !== undefined && { key }) });
  expect(status).toBe(201);
  return body.data;
}

const createAgent = async (key: string = runtime.keys.acme) => (await runtime.call('POST', '/agents', { key, body: { name: 'Trader', model_hash: 'sha256:0123' } })).body.data.id as string;
const deliveriesOf = async (id: string) => (await runtime.call('GET', `/webhooks/${id}/deliveries`)).body.data;
const remove = (id: string) => runtime.call('DELETE', `/webhooks/${id}`);

test('a tenant is told of his own changes, those that he asked for, and can tell that it was us', async () => {
  const { id, secret } = await createWebhook(['agent.created', 'certificate.revoked']);
  const agentId = await createAgent();
  await createAgent(runtime.keys.globex);
  const { body: { data: certificate } } = await runtime.call('POST', `/agents/${agentId}/certify`);
  await runtime.call('POST', `/certificates/${certificate.id}/revoke`, { body: { reason: 'stolen', reason_code: 'keyCompromise' } });
  await runtime.idle();

  const announcements = receiver.received.map(({ body }) => JSON.parse(body));
  expect(announcements.map(({ event }) => event).sort()).toEqual(['agent.created', 'certificate.revoked']);
  expect(announcements.find(({ event }) => event === 'agent.created').data).toMatchObject({ agent_id: agentId });
  expect(announcements.find(({ event }) => event === 'certificate.revoked').data).toMatchObject({ certificate_id: certificate.id, serial_number: certificate.serial_number, revocation_reason: 'stolen' });
  for (const { headers, body } of receiver.received) expect(isFromKakunin(String(headers['x-kakunin-signature']), body, secret)).toBe(true);

  const history = await deliveriesOf(id);
  expect(history.map(({ event, status }: { event: string; status: string }) => [event, status])).toEqual([['certificate.revoked', 'delivered'], ['agent.created', 'delivered']]);
  expect(history[0]).toMatchObject({ payload: announcements.find(({ event }) => event === 'certificate.revoked'), attempts: [{ status_code: 204, error: null }], next_attempt_at: null });
  await remove(id);
});

test('what fails is tried again after a second', async () => {
  const { id } = await createWebhook(['agent.created']);
  receiver.answering = (response) => response.writeHead(receiver.received.length === 1 ? 503 : 200).end();
  await createAgent();
  await runtime.idle();
  await eventually(async () => (await deliveriesOf(id))[0]?.status === 'delivered', 15);
  const [first, second] = receiver.received;
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  expect(second?.body).toBe(first?.body);
  expect(await deliveriesOf(id)).toMatchObject([{ status: 'delivered', attempts: [{ status_code: 503, error: 'The receiver answered 503.' }, { status_code: 200, error: null }] }]);
  await remove(id);
});

test('a secret that was rotated goes on counting beside the new one', async () => {
  const { id, secret: previous } = await createWebhook(['agent.created']);
  const { body: { data: { secret } } } = await runtime.call('PATCH', `/webhooks/${id}`, { body: { rotate_secret: true } });
  await createAgent();
  await runtime.idle();
  const [{ headers, body }] = receiver.received as [Received];
  const header = String(headers['x-kakunin-signature']);
  expect([secret, previous].map((one) => isFromKakunin(header, body, one))).toEqual([true, true]);
  await remove(id);
});

test('nobody is told once the webhook is gone, also of what was still to be tried again', async () => {
  const { id } = await createWebhook(['agent.created']);
  receiver.answering = (response) => response.writeHead(500).end();
  await createAgent();
  await runtime.idle();
  expect(receiver.received).toHaveLength(1);
  await remove(id);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await runtime.idle();
  expect(receiver.received).toHaveLength(1);
});
