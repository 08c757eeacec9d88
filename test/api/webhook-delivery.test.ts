import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isFromKakunin } from '../../examples/webhook-signature.ts';
import type { Webhook } from '../../lambdas/authority/webhook.ts';
import { newSecret, orderFor, startDeliveryRuntime, type DeliveryRuntime } from '../support/delivery-runtime.ts';
import { removeTemporaryDirectories } from '../local/temporary-directory.ts';
import { awsError, notPerformed, answerLost, type Pattern } from '../support/faults.ts';
import { noContent, receiverAuthority, startReceiver, type Received } from '../support/receiver.ts';

// What the function on the queue of deliveries does, with DynamoDB, KMS, SQS and a receiver on the wire.

let runtime: DeliveryRuntime;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] = 'DEBUG'; // Everything there is to be logged; a test looks at it.
  jest.spyOn(process.stdout, 'write').mockImplementation(logged);
  jest.spyOn(process.stderr, 'write').mockImplementation(logged);
  runtime = await startDeliveryRuntime();
});
afterEach(() => {
  runtime.calm();
  runtime.receiver.answering = noContent;
  runtime.receiver.received.length = 0;
});
afterAll(async () => {
  await runtime.stop();
  await removeTemporaryDirectories();
  jest.restoreAllMocks();
});

let log = '';
const logged = (text: unknown) => {
  log += String(text);
  return true;
};

const received = () => runtime.receiver.received;
const failing = (statusCode = 500) => {
  runtime.receiver.answering = (response) => response.writeHead(statusCode).end();
};
const operations = (proxy: 'dynamodb' | 'kms' | 'sqs') => runtime[proxy].calls.map(({ operation }) => operation);
const note: Pattern = { operation: 'UpdateItem', where: (input) => String(input['Key']?.pk?.S).startsWith('DELIVERY#') };
const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const attempt = { attemptedAt: isoTime, durationMilliseconds: expect.any(Number) };
const succeeded = { ...attempt, statusCode: 204 };
const failed = { ...attempt, statusCode: 500, error: 'The receiver answered 500.' };

describe('what a receiver gets', () => {
  test('the announcement, with who it is from, what it is about, and when', async () => {
    const { webhook } = await runtime.createWebhook();
    const order = orderFor(webhook);
    const before = Math.floor(Date.now() / 1000);
    expect(await runtime.deliver(order)).toEqual([]);
    const [request] = received() as [Received];
    expect(request).toMatchObject({
      method: 'POST',
      path: '/in',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Kakunin-Webhooks/1',
        'x-kakunin-event': 'agent.created',
        'x-kakunin-delivery': order.announcement.id,
        'webhook-id': order.announcement.id,
      },
    });
    expect(JSON.parse(request.body)).toEqual(order.announcement);
    expect(Object.keys(JSON.parse(request.body))).toEqual(['id', 'event', 'tenant_id', 'created_at', 'data']);
    expect(Number(request.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(before);
    expect(Object.keys(request.headers).sort()).toEqual([
      'connection', 'content-length', 'content-type', 'host', 'user-agent', 'webhook-id', 'webhook-signature', 'webhook-timestamp', 'x-kakunin-delivery', 'x-kakunin-event', 'x-kakunin-signature',
    ]);
  });

  test('is signed, so that a receiver knows it from any other', async () => {
    const { webhook, secret } = await runtime.createWebhook();
    await runtime.deliver(orderFor(webhook));
    const [{ headers, body }] = received() as [Received];
    const header = String(headers['x-kakunin-signature']);
    expect(header).toMatch(/^t=\d{10},v1=[0-9a-f]{64}$/);
    expect(isFromKakunin(header, body, secret)).toBe(true);
    expect(isFromKakunin(header, body, newSecret())).toBe(false);
    expect(isFromKakunin(header, body.replace('agent', 'Agent'), secret)).toBe(false);
    expect(isFromKakunin(header.replace(/t=(\d+)/, (_, time) => `t=${Number(time) + 1}`), body, secret)).toBe(false);
    expect(isFromKakunin(header, body, secret, Date.now() + 301_000)).toBe(false);
    expect([isFromKakunin('', body, secret), isFromKakunin('v1=,t=', body, secret)]).toEqual([false, false]);
  });

  test('is signed as Standard Webhooks has it, too', async () => {
    const { webhook, secret } = await runtime.createWebhook();
    await runtime.deliver(orderFor(webhook));
    const [{ headers, body }] = received() as [Received];
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(content).digest('base64')}`);
  });

  test('is the same octets at each attempt, at another time', async () => {
    const { webhook } = await runtime.createWebhook();
    const order = orderFor(webhook);
    failing();
    await runtime.deliver(order);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await runtime.deliver(runtime.sent()[0]?.order ?? '');
    const [first, second] = received() as [Received, Received];
    expect(second.body).toBe(first.body);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(Number(second.headers['webhook-timestamp'])).toBeGreaterThan(Number(first.headers['webhook-timestamp']));
  });
});

describe('a secret that is rotated', () => {
  async function rotated(expiresAt: string) {
    const { webhook, secret: previous } = await runtime.createWebhook();
    const secret = newSecret();
    const changed = await runtime.changeWebhook(webhook, { encryptedSecret: await runtime.encrypt(secret, webhook), previousSecret: { encryptedSecret: webhook.encryptedSecret, expiresAt } });
    await runtime.deliver(orderFor(changed));
    const [{ headers, body }] = received() as [Received];
    return { header: String(headers['x-kakunin-signature']), standard: String(headers['webhook-signature']), body, secret, previous };
  }

  test('signs beside its successor for as long as it counts', async () => {
    const { header, standard, body, secret, previous } = await rotated(new Date(Date.now() + 60_000).toISOString());
    expect(header).toMatch(/^t=\d{10},v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/);
    expect(standard).toMatch(/^v1,\S{44} v1,\S{44}$/);
    expect([isFromKakunin(header, body, secret), isFromKakunin(header, body, previous)]).toEqual([true, true]);
  });

  test('and not a moment longer', async () => {
    const { header, body, secret, previous } = await rotated(new Date().toISOString());
    expect(header).toMatch(/^t=\d{10},v1=[0-9a-f]{64}$/);
    expect([isFromKakunin(header, body, secret), isFromKakunin(header, body, previous)]).toEqual([true, false]);
  });
});

describe('how it went', () => {
  test('delivered: noted, and nothing more', async () => {
    const { webhook } = await runtime.createWebhook();
    const order = orderFor(webhook);
    runtime.calm();
    expect(await runtime.deliver(order)).toEqual([]);
    expect(await runtime.history(webhook)).toEqual([{ webhookId: webhook.id, tenantId: webhook.tenantId, announcement: order.announcement, status: 'delivered', attempts: [succeeded] }]);
    expect([operations('kms'), operations('sqs')]).toEqual([['Decrypt'], []]);
  });

  test('failed: noted each time, and tried again after 1, 10 and 100 s; after the fourth time it is a dead letter', async () => {
    const { webhook } = await runtime.createWebhook();
    failing();
    let order = orderFor(webhook);
    const after = [];
    for (let round = 1; round <= 4; round++) {
      runtime.calm();
      const before = Date.now();
      expect(await runtime.deliver(order)).toEqual([]);
      const [sent, ...others] = runtime.sent();
      expect(others).toEqual([]);
      const [delivery] = await runtime.history(webhook);
      const nextAttempt = delivery?.nextAttemptAt === undefined ? undefined : Math.round((Date.parse(delivery.nextAttemptAt) - before) / 1000);
      after.push([sent?.queue, sent?.delaySeconds, sent?.order.failedAttempts, delivery?.status, delivery?.attempts.length, nextAttempt]);
      expect(sent?.order.announcement).toEqual(order.announcement);
      order = sent?.order ?? order;
    }
    expect(after).toEqual([
      ['orders', 1, 1, 'retrying', 1, 1],
      ['orders', 10, 2, 'retrying', 2, 10],
      ['orders', 100, 3, 'retrying', 3, 100],
      ['exhausted', 0, 4, 'failed', 4, undefined],
    ]);
    expect(await runtime.history(webhook)).toMatchObject([{ attempts: [failed, failed, failed, failed] }]);
  });

  test('failed and then delivered', async () => {
    const { webhook } = await runtime.createWebhook();
    failing();
    await runtime.deliver(orderFor(webhook));
    runtime.receiver.answering = noContent;
    await runtime.deliver(runtime.sent()[0]?.order ?? '');
    expect(await runtime.history(webhook)).toEqual([expect.objectContaining({ status: 'delivered', attempts: [failed, succeeded] })]);
    expect((await runtime.history(webhook))[0]).not.toHaveProperty('nextAttemptAt');
  });

  test.each([[302, /redirects are not followed/], [410, /^The receiver answered 410\.$/]])('%i is a failure like others', async (statusCode, error) => {
    const { webhook } = await runtime.createWebhook();
    failing(statusCode);
    await runtime.deliver(orderFor(webhook));
    expect(await runtime.history(webhook)).toMatchObject([{ status: 'retrying', attempts: [{ statusCode, error: expect.stringMatching(error) }] }]);
    expect(runtime.sent()).toMatchObject([{ queue: 'orders', delaySeconds: 1 }]);
  });

  test.each([
    ['the metadata service', 'https://169.254.169.254/latest/'], ['another address of this machine', 'https://127.0.0.2:%/in'], ['its number', 'https://2130706434:%/in'],
  ])('%s is not sent anything', async (_, url) => {
    const { webhook } = await runtime.createWebhook({ url: url.replace('%', String(runtime.receiver.port)) });
    const before = runtime.receiver.connections;
    expect(await runtime.deliver(orderFor(webhook))).toEqual([]);
    expect(await runtime.history(webhook)).toMatchObject([{ status: 'retrying', attempts: [{ error: expect.stringMatching(/not on the public Internet/) }] }]);
    expect(runtime.receiver.connections).toBe(before);
  });

  test('a receiver that cannot prove its name is not sent anything', async () => {
    const impostor = await startReceiver(receiverAuthority().issue('IP:127.0.0.1'));
    const { webhook } = await runtime.createWebhook({ url: `https://127.0.0.1:${impostor.port}/` });
    await runtime.deliver(orderFor(webhook));
    expect(await runtime.history(webhook)).toMatchObject([{ status: 'retrying', attempts: [{ error: expect.stringMatching(/certificate is not trusted/) }] }]);
    expect(impostor.received).toEqual([]);
    await impostor.close();
  });
});

describe('nobody is told', () => {
  test.each<[string, (webhook: Webhook) => Promise<unknown>]>([
    ['is gone', (webhook) => runtime.removeWebhook(webhook)],
    ['was switched off', (webhook) => runtime.changeWebhook(webhook, { active: false })],
    ['no longer asks for the event', (webhook) => runtime.changeWebhook(webhook, { events: ['agent.halted'] })],
  ])('once the webhook %s, and the history says so', async (_, change) => {
    const { webhook } = await runtime.createWebhook();
    failing();
    await runtime.deliver(orderFor(webhook));
    const [retry] = runtime.sent();
    await change(webhook);
    runtime.calm();
    expect(await runtime.deliver(retry?.order ?? '')).toEqual([]);
    expect(received()).toHaveLength(1);
    expect(await runtime.history(webhook)).toEqual([expect.objectContaining({ status: 'cancelled', attempts: [failed] })]);
    expect([operations('kms'), operations('sqs')]).toEqual([[], []]);
  });

  test('where a webhook of that id is another tenant’s', async () => {
    const { webhook } = await runtime.createWebhook();
    expect(await runtime.deliver(orderFor({ ...webhook, tenantId: 'globex' }))).toEqual([]);
    expect(received()).toEqual([]);
  });
});

describe('a batch', () => {
  test('is worked on side by side', async () => {
    const { webhook } = await runtime.createWebhook();
    runtime.receiver.answering = (response) => setTimeout(() => noContent(response, received()[0] as Received), 1_500);
    const startedAt = performance.now();
    expect(await runtime.deliver(...Array.from({ length: 10 }, () => orderFor(webhook)))).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(received()).toHaveLength(10);
  });

  test('costs one decryption for each secret', async () => {
    const [one, other] = [await runtime.createWebhook(), await runtime.createWebhook()];
    runtime.calm();
    for (let round = 0; round < 2; round++) await runtime.deliver(...[one, one, other, other].map(({ webhook }) => orderFor(webhook)));
    expect(operations('kms')).toEqual(['Decrypt', 'Decrypt']);
    for (const { headers, body } of received()) {
      expect([one, other].filter(({ secret }) => isFromKakunin(String(headers['x-kakunin-signature']), body, secret))).toHaveLength(1);
    }
  });

  test('of which one cannot be read, one is for nobody, one fails and one works: each has its own end', async () => {
    const [fine, broken, gone] = [(await runtime.createWebhook()).webhook, (await runtime.createWebhook({ url: runtime.receiverUrl('/broken') })).webhook, (await runtime.createWebhook()).webhook];
    await runtime.removeWebhook(gone);
    runtime.receiver.answering = (response, { path }) => response.writeHead(path === '/broken' ? 500 : 200).end();
    expect(await runtime.deliver('{"no": "order"}', orderFor(gone), orderFor(broken), orderFor(fine), 'no JSON')).toEqual([0, 4]);
    const statuses = await Promise.all([gone, broken, fine].map(async (webhook) => (await runtime.history(webhook)).map(({ status }) => status)));
    expect(statuses).toEqual([['cancelled'], ['retrying'], ['delivered']]);
  });
});

describe('what is our own failure is reported, and no failure of the receiver’s', () => {
  const unharmed = async (webhook: Webhook) => {
    expect(await runtime.history(webhook)).toEqual([]);
    expect(runtime.sent()).toEqual([]);
  };

  test('KMS does not decrypt', async () => {
    const { webhook } = await runtime.createWebhook();
    const fault = runtime.kms.inject({ operation: 'Decrypt' }, awsError('AccessDeniedException'));
    expect(await runtime.deliver(orderFor(webhook))).toEqual([0]);
    expect(received()).toEqual([]);
    await unharmed(webhook);
    // A failure is not what is remembered.
    fault.remove();
    expect(await runtime.deliver(orderFor(webhook))).toEqual([]);
  });

  test('a secret that was encrypted for another webhook', async () => {
    const [{ webhook: other }, { webhook }] = [await runtime.createWebhook(), await runtime.createWebhook()];
    const changed = await runtime.changeWebhook(webhook, { encryptedSecret: other.encryptedSecret });
    await runtime.deliver(orderFor(other));
    expect(await runtime.deliver(orderFor(changed))).toEqual([0]);
    expect(received()).toHaveLength(1);
  });

  test('DynamoDB does not say where to', async () => {
    const { webhook } = await runtime.createWebhook();
    runtime.dynamodb.inject({ operation: 'GetItem' }, awsError('ThrottlingException'));
    expect(await runtime.deliver(orderFor(webhook))).toEqual([0]);
    expect(received()).toEqual([]);
    await unharmed(webhook);
  });

  test('DynamoDB does not take the note of a delivery: it is made again, under the same id', async () => {
    const { webhook } = await runtime.createWebhook();
    const order = orderFor(webhook);
    const fault = runtime.dynamodb.inject(note, awsError('InternalServerError'));
    expect(await runtime.deliver(order)).toEqual([0]);
    fault.remove();
    expect(await runtime.deliver(order)).toEqual([]);
    expect(received().map(({ headers }) => headers['webhook-id'])).toEqual([order.announcement.id, order.announcement.id]);
    expect(await runtime.history(webhook)).toEqual([expect.objectContaining({ status: 'delivered', attempts: [succeeded] })]);
  });

  test('DynamoDB does not take the note of a failure: no retry is ordered beside the one that comes by itself', async () => {
    const { webhook } = await runtime.createWebhook();
    failing();
    runtime.dynamodb.inject(note, awsError('InternalServerError'));
    expect(await runtime.deliver(orderFor(webhook))).toEqual([0]);
    await unharmed(webhook);
  });

  test('the answer to a note is lost: it is made once all the same', async () => {
    const { webhook } = await runtime.createWebhook();
    failing();
    runtime.dynamodb.inject(note, answerLost, { times: 1 });
    expect(await runtime.deliver(orderFor(webhook))).toEqual([]);
    expect(await runtime.history(webhook)).toEqual([expect.objectContaining({ status: 'retrying', attempts: [failed] })]);
    expect(runtime.sent()).toHaveLength(1);
  });

  test.each([['the next attempt', 0], ['the dead letter', 3]])('SQS does not take %s: the attempt is made again', async (_, failedAttempts) => {
    const { webhook } = await runtime.createWebhook();
    const order = orderFor(webhook, { failedAttempts });
    failing();
    const fault = runtime.sqs.inject({ operation: 'SendMessageBatch' }, notPerformed);
    expect(await runtime.deliver(order)).toEqual([0]);
    fault.remove();
    runtime.calm();
    expect(await runtime.deliver(order)).toEqual([]);
    expect(runtime.sent()).toMatchObject([{ order: { failedAttempts: failedAttempts + 1 } }]);
    expect(await runtime.history(webhook)).toMatchObject([{ attempts: [failed, failed] }]);
  });
});

test('whatever happened, neither a secret nor what was announced was logged, nor where it went', async () => {
  log = '';
  const path = '/in/a-token-of-the-receivers?key=8f2c';
  const { webhook, secret } = await runtime.createWebhook({ url: runtime.receiverUrl(path) });
  const order = orderFor(webhook);
  const body = 'what-the-receiver-says';
  const round = async () => void (await runtime.deliver(order, 'no order, but what-nobody-is-to-read'));
  await round();
  runtime.receiver.answering = (response) => response.writeHead(500).end(body);
  await round();
  for (const [proxy, operation] of [['dynamodb', 'GetItem'], ['dynamodb', 'UpdateItem'], ['sqs', 'SendMessageBatch']] as const) {
    const fault = runtime[proxy].inject({ operation }, awsError('AccessDeniedException'));
    await round();
    fault.remove();
  }
  expect(log).toContain(webhook.id);
  expect(log).toContain('AccessDenied');
  const signature = received().map(({ headers }) => String(headers['x-kakunin-signature']).split('v1=')[1] ?? '');
  for (const secretText of [secret, secret.slice(6), Buffer.from(webhook.encryptedSecret).toString('base64'), order.announcement.data['agent_id'] ?? '', 'Händler', 'a-token', '8f2c', body, 'what-nobody', ...signature]) {
    expect(log).not.toContain(secretText);
  }
});
