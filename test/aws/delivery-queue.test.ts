import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { deliveryQueue, readDeliveryOrder } from '../../lambdas/aws/delivery-queue.ts';
import type { DeliveryOrder } from '../../lambdas/authority/webhook.ts';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { queueClient, sqsClient, type QueueClient } from '../local/queue-client.ts';
import { awsError, rewritten, startFaultProxy, type FaultProxy } from '../support/faults.ts';

let sqs: EmbeddedSqs;
let proxy: FaultProxy;
let clients: SQSClient[];
let queue: QueueClient;
let orders: ReturnType<typeof deliveryQueue>;

beforeEach(async () => {
  sqs = await startSqs({ queues: [{ name: 'orders' }] });
  proxy = await startFaultProxy(sqs.endpoint);
  const [receiving, sending] = [sqsClient(sqs.endpoint), sqsClient(proxy.endpoint)];
  clients = [receiving, sending];
  queue = queueClient(receiving, sqs.queueUrl('orders'));
  orders = deliveryQueue(sending, sqs.queueUrl('orders'));
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await proxy.close();
  await sqs.close();
});

const order = (more: Partial<DeliveryOrder> = {}, data: Record<string, string> = {}): DeliveryOrder => ({
  webhookId: randomUUID(),
  announcement: { id: randomUUID(), event: 'agent.created', tenant_id: 'acme', created_at: '2026-11-25T12:00:00.000Z', data: { agent_id: randomUUID(), ...data } },
  failedAttempts: 0,
  ...more,
});
const several = (count: number) => Array.from({ length: count }, () => order());
const statuses = (outcomes: readonly PromiseSettledResult<void>[]) => outcomes.map(({ status }) => status);
const byWebhook = (some: readonly DeliveryOrder[]) => [...some].sort((one, other) => one.webhookId.localeCompare(other.webhookId));

test('orders go to the queue in as few requests as can be, and come out of it as they were', async () => {
  const sent = several(23);
  expect(statuses(await orders.sendOrders(sent))).toEqual(sent.map(() => 'fulfilled'));
  expect(proxy.calls.map(({ operation, input }) => [operation, input['Entries'].length]).sort()).toEqual([['SendMessageBatch', 10], ['SendMessageBatch', 10], ['SendMessageBatch', 3]]);
  expect(byWebhook((await queue.drain()).map(readDeliveryOrder))).toEqual(byWebhook(sent));
});

test('no orders are no request', async () => {
  expect(await orders.sendOrders([])).toEqual([]);
  expect(proxy.calls).toEqual([]);
});

test('each is sent in its tenant’s name, with the delay asked for', async () => {
  await orders.sendOrders([order()], 100);
  expect(proxy.calls[0]?.input['Entries']).toMatchObject([{ DelaySeconds: 100, MessageGroupId: 'acme' }]);
  expect(await queue.counts()).toEqual([0, 0, 1]);
});

test('whatever text an announcement has survives, also what SQS takes for no text', async () => {
  const sent = order({}, { reason: '\u0000\u0007\t\n\r"\\ é \u{1F511} \uD800 \uFFFD\uFFFE\uFFFF' });
  expect(statuses(await orders.sendOrders([sent]))).toEqual(['fulfilled']);
  expect((await queue.drain()).map(readDeliveryOrder)).toEqual([sent]);
});

test('one that the queue does not take fails alone', async () => {
  const sent = several(12);
  proxy.inject({ operation: 'SendMessageBatch', where: ({ Entries }) => Entries.length === 10 }, rewritten((answer) => ({
    Successful: answer['Successful'].filter(({ Id }: { Id: string }) => Id !== '3'),
    Failed: [{ Id: '3', Code: 'InternalError', Message: 'Not now.', SenderFault: false }],
  })));
  const outcomes = await orders.sendOrders(sent);
  expect(outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([3]);
  expect(outcomes[3]).toMatchObject({ reason: { message: 'SQS did not take the message: InternalError, Not now..' } });
});

test('a request that fails is one of its ten orders only', async () => {
  proxy.inject({ operation: 'SendMessageBatch', where: ({ Entries }) => Entries.length === 10 }, awsError('ThrottlingException'));
  expect(statuses(await orders.sendOrders(several(12)))).toEqual([...Array<string>(10).fill('rejected'), 'fulfilled', 'fulfilled']);
});

describe('a message that is no order is refused by name, without what stands in it', () => {
  const secret = 'what-nobody-is-to-read';
  const whole = order();
  test.each<[string, string, RegExp]>([
    ['no JSON', secret, /at its top/],
    ['no object', JSON.stringify(secret), /at its top/],
    ['no webhook', JSON.stringify({ ...whole, webhookId: secret }), /at webhookId/],
    ['no count', JSON.stringify({ ...whole, failedAttempts: -1 }), /at failedAttempts/],
    ['an event that nobody is told of', JSON.stringify({ ...whole, announcement: { ...whole.announcement, event: secret } }), /at announcement\.event/],
    ['data that is no text', JSON.stringify({ ...whole, announcement: { ...whole.announcement, data: { agent_id: [secret] } } }), /at announcement\.data\.agent_id/],
  ])('%s', (_, body, place) => {
    expect(() => readDeliveryOrder(body)).toThrow(place);
    expect(() => readDeliveryOrder(body)).not.toThrow(secret);
  });
});
