import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { runAdmin } from '../../bin/admin/run.ts';
import { deadLetterQueues } from '../../lambdas/aws/dead-letter-queues.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import type { DeliveryOrder } from '../../lambdas/authority/webhook.ts';
import { queueClient, sqsClient, type QueueClient } from '../local/queue-client.ts';
import { certificateEnd, createKeys } from '../support/ends.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

/* Dead letters that are messages: what the functions of queues could not do. */

let runtime: TestRuntime;
let client: SQSClient;
let deliveries: QueueClient;
let exhausted: QueueClient;
let retirements: QueueClient;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
  runtime = await startTestRuntime();
  client = sqsClient(runtime.sqsEndpoint);
  const queue = async (name: string) => queueClient(client, (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl ?? '');
  [deliveries, exhausted, retirements] = [await queue('kakunin-deliver-webhook-dead-letters'), await queue('kakunin-exhausted-deliveries'), await queue('kakunin-retire-keys-dead-letters')];
});
afterAll(async () => {
  client.destroy();
  await runtime.stop();
});

async function admin(...args: string[]) {
  let out = '';
  let error = '';
  const status = await runAdmin(['dead-letter', ...args], process.env, { out: (text) => (out += text), error: (text) => (error += text) });
  return { status, out, error };
}

interface Listed { id: string; function: string; given_up_at: string; attempts: number | null; records: number; about: string[]; error: string }
const listed = async () => JSON.parse((await admin('list', '--json')).out) as Listed[];

const orderTo = (webhookId: string, failedAttempts = 4): DeliveryOrder => ({
  webhookId, failedAttempts,
  announcement: { id: randomUUID(), event: 'agent.created', tenant_id: runtime.tenants[0]?.id ?? '', created_at: new Date().toISOString(), data: { agent_id: randomUUID() } },
});
const keyState = async (arn: string) => (await kms().send(new DescribeKeyCommand({ KeyId: arn }))).KeyMetadata?.KeyState;

describe('a delivery, a key’s retirement and something that nobody can read', () => {
  let webhookId: string;
  let certificateId: string;
  let keyArn: string;
  let unreadable: string;

  beforeAll(async () => {
    const { body } = await runtime.call('POST', '/webhooks', { body: { url: 'https://example.com/in', events: ['agent.created'] } });
    webhookId = body.data.id as string;
    // What is switched off by then is told of nothing, so that replaying has an outcome without a receiver.
    await runtime.call('PATCH', `/webhooks/${webhookId}`, { body: { active: false } });
    [keyArn = ''] = await createKeys(runtime, 1);
    const end = certificateEnd({ keyArn });
    certificateId = end.certificateId;
    await exhausted.send(JSON.stringify(orderTo(webhookId)));
    await retirements.send(JSON.stringify(end));
    unreadable = (await deliveries.send('{"what":"nobody wants"}')).MessageId ?? '';
  });

  test('are listed, with what is wrong as far as it shows, as often as anybody likes', async () => {
    const letters = await listed();
    const common = { id: expect.stringMatching(/^[0-9a-f-]{36}$/), given_up_at: expect.stringMatching(/^20.*Z$/), records: 1 };
    expect(letters.toSorted((one, other) => one.error.localeCompare(other.error))).toEqual([
      { ...common, function: 'retire-keys', attempts: null, about: [`certificate ${certificateId}`], error: 'The function failed: see its log.' },
      { ...common, id: unreadable, function: 'deliver-webhook', attempts: null, about: [], error: 'The message is no order of a delivery, at webhookId: Invalid input: expected string, received undefined.' },
      { ...common, function: 'deliver-webhook', attempts: 4, about: [`webhook ${webhookId}`], error: 'The receiver failed: see the history of its deliveries.' },
    ]);
    expect(await listed()).toEqual(letters);
    expect([(await deliveries.counts())[0], (await exhausted.counts())[0]]).toEqual([1, 1]);
  });

  test('are replayed but for the last, which is kept and can be discarded', async () => {
    expect(await admin('replay', '--all')).toEqual({
      status: 1,
      out: expect.stringMatching(new RegExp(`^Replayed 2 dead letters: 2 items will be delivered once more\\..*\nKept ${unreadable}: The message is no order of a delivery`)),
      error: '1 dead letter kept: see to the reason, then replay again or use "dead-letter discard".\n',
    });
    await runtime.idle();
    expect(await keyState(keyArn)).toBe('PendingDeletion');
    expect((await runtime.call('GET', `/webhooks/${webhookId}/deliveries`)).body.data).toMatchObject([{ event: 'agent.created', status: 'cancelled' }]);
    expect(await listed()).toMatchObject([{ id: unreadable }]);
    expect(await admin('discard', unreadable)).toEqual({ status: 0, out: `Discarded dead letter ${unreadable}, about -: nothing more comes of it.\n`, error: '' });
    expect(await admin('list')).toMatchObject({ status: 0, out: expect.stringContaining('There are no dead letters') });
    expect(await admin('discard', unreadable)).toMatchObject({ status: 1, error: expect.stringContaining(`There is no dead letter "${unreadable}"`) });
  });
});

test('a delivery that failed here and not at its receiver is said to have, however often the receiver had failed before', async () => {
  const { MessageId = '' } = await deliveries.send(JSON.stringify(orderTo(randomUUID(), 2)));
  expect(await listed()).toMatchObject([{ id: MessageId, attempts: 2, error: 'The function failed: see its log.' }]);
  expect(await admin('discard', MessageId)).toMatchObject({ status: 0 });
});

test('one alone is replayed by its id, as if it had never been tried, and no other', async () => {
  const [one, other] = [orderTo(randomUUID()), orderTo(randomUUID())];
  const { MessageId = '' } = await deliveries.send(JSON.stringify(one));
  await deliveries.send(JSON.stringify(other));
  expect(await admin('replay', MessageId)).toMatchObject({ status: 0, out: expect.stringContaining('Replayed 1 dead letter: 1 item') });
  await runtime.idle();
  expect((await listed()).map(({ about }) => about)).toEqual([[`webhook ${other.webhookId}`]]);
  await admin('replay', '--all');
});

test('thirty are replayed in one go', async () => {
  await exhausted.sendAll(Array.from({ length: 30 }, () => JSON.stringify(orderTo(randomUUID()))));
  expect(await admin('replay', '--all')).toMatchObject({ status: 0, out: expect.stringContaining('Replayed 30 dead letters: 30 items') });
  expect(await listed()).toEqual([]);
});

test('so many that the first are there again before the last was read are read all the same, each once', async () => {
  await deliveries.sendAll(Array.from({ length: 3 }, () => JSON.stringify(orderTo(randomUUID()))));
  const impatient = sqsClient(runtime.sqsEndpoint);
  impatient.middlewareStack.add((next) => (args) => next({ ...args, input: { ...args.input, ...('VisibilityTimeout' in args.input && { VisibilityTimeout: 0 }) } }), { step: 'initialize' });
  const letters = await deadLetterQueues(impatient, 'kakunin').hold('deliver-webhook-dead-letters');
  expect(new Set(letters.map(({ id }) => id)).size).toBe(3);
  expect(letters).toHaveLength(3);
  impatient.destroy();
  await admin('replay', '--all');
});

test.each([
  [['list', '--queues', 'elsewhere'], {}, /has no queues "elsewhere-…": say with --queues or QUEUE_PREFIX what their names begin with\.\n$/],
  [['list'], { QUEUE_PREFIX: 'elsewhere' }, /has no queues "elsewhere-…"/],
])('%j where there are no such queues', async (args, more, sentence) => {
  let error = '';
  const status = await runAdmin(['dead-letter', ...args], { ...process.env, ...more }, { out: () => undefined, error: (text) => (error += text) });
  expect([status, error]).toEqual([1, expect.stringMatching(sentence)]);
});
