import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../lambdas/authority/audit.ts';
import type { SecretEncryption, WebhookDeliveries, Webhooks } from '../../lambdas/authority/ports.ts';
import type { DeliveryAttempt, Webhook } from '../../lambdas/authority/webhook.ts';
import { secretEncryption } from '../../lambdas/aws/secret-encryption.ts';
import { webhookDeliveries } from '../../lambdas/aws/webhook-deliveries.ts';
import { webhooks } from '../../lambdas/aws/webhooks.ts';
import { localCredentials, region } from '../../local/account.ts';
import { answerLost, awsError } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';

/* Webhooks, their deliveries and their secrets, as DynamoDB and KMS keep them. */

let runtime: FaultyRuntime;
let registry: RegistryView;
let dynamodb: DynamoDBDocumentClient;
let kms: KMSClient;
let store: Webhooks;
let deliveries: WebhookDeliveries;
let encryption: SecretEncryption;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  registry = openRegistry(runtime);
  dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: runtime.dynamodb.endpoint, region, credentials: localCredentials }), { marshallOptions: { removeUndefinedValues: true } });
  kms = new KMSClient({ endpoint: runtime.kms.endpoint, region, credentials: localCredentials });
  const table = { client: dynamodb, tableName: runtime.tableNames.registry };
  store = webhooks(table);
  deliveries = webhookDeliveries(table);
  encryption = secretEncryption(kms, process.env['WEBHOOK_KEY_ID'] ?? '');
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  dynamodb.destroy();
  kms.destroy();
  await runtime.stop();
});

const at = (second: number) => new Date(Date.UTC(2026, 4, 17, 10, 0, second)).toISOString();

function webhookOf(tenantId: string, fields: Partial<Webhook> = {}): Webhook {
  return { id: randomUUID(), tenantId, url: 'https://example.com/hook', events: ['agent.created'], active: true, encryptedSecret: new Uint8Array([0, 255, 1]), createdAt: at(0), updatedAt: at(0), ...fields };
}

function auditOf({ id, tenantId }: Webhook): AuditEntry {
  return { id: randomUUID(), tenantId, eventType: 'webhook.created', actor: { type: 'api_key', id: 'key' }, description: 'Webhook created', affectedId: id, metadata: {}, createdAt: at(0) };
}

const create = (webhook: Webhook, limit = 50) => store.create(webhook, auditOf(webhook), limit);
const countOf = async (tenantId: string) => (await registry.get(`WEBHOOKS#${tenantId}`, 'COUNT'))?.['webhookCount'];

describe('webhooks', () => {
  test('come back as they were kept, newest first, and to their tenant alone', async () => {
    const [tenantId, otherTenantId] = [randomUUID(), randomUUID()];
    const made = [0, 1, 2].map((second) => webhookOf(tenantId, { createdAt: at(second), updatedAt: at(second) }));
    const full = webhookOf(tenantId, { createdAt: at(3), description: 'Ops', active: false, previousSecret: { encryptedSecret: new Uint8Array([7]), expiresAt: at(9) } });
    for (const webhook of [...made, full]) expect(await create(webhook)).toBe(true);

    expect(await store.list(tenantId)).toEqual([full, ...made.reverse()]);
    expect(await store.get(tenantId, full.id)).toEqual(full);
    expect(await store.get(otherTenantId, full.id)).toBeUndefined();
    expect(await store.list(otherTenantId)).toEqual([]);
  });

  test('are never more than the limit, however many are made at once', async () => {
    const tenantId = randomUUID();
    const made = await Promise.all(Array.from({ length: 8 }, () => create(webhookOf(tenantId), 5)));
    expect(made.filter(Boolean)).toHaveLength(5);
    const [one] = await store.list(tenantId);
    expect([(await store.list(tenantId)).length, await countOf(tenantId)]).toEqual([5, 5]);

    expect(await store.remove(one as Webhook, auditOf(one as Webhook))).toBe(true);
    expect(await store.remove(one as Webhook, auditOf(one as Webhook))).toBe(false);
    expect(await countOf(tenantId)).toBe(4);
    expect(await create(webhookOf(tenantId), 5)).toBe(true);
    expect(await create(webhookOf(tenantId), 5)).toBe(false);
  });

  test('are replaced only as long as they are what the change was decided on', async () => {
    const webhook = webhookOf(randomUUID(), { description: 'Ops' });
    await create(webhook);
    const changed: Webhook = { ...webhook, description: undefined, active: false, updatedAt: at(1) };
    expect(await store.replace(changed, webhook, auditOf(webhook))).toBe(true);
    expect(await store.replace({ ...webhook, updatedAt: at(2) }, webhook, auditOf(webhook))).toBe(false);
    expect(await store.get(webhook.tenantId, webhook.id)).toEqual(changed);

    await store.remove(changed, auditOf(webhook));
    expect(await store.replace({ ...changed, updatedAt: at(3) }, changed, auditOf(webhook))).toBe(false);
    expect(await store.get(webhook.tenantId, webhook.id)).toBeUndefined();
  });

  test('are made, replaced and removed once where the answer is lost', async () => {
    const webhook = webhookOf(randomUUID());
    const changed = { ...webhook, active: false, updatedAt: at(1) };
    const steps = [() => create(webhook), () => store.replace(changed, webhook, auditOf(webhook)), () => store.remove(changed, auditOf(webhook))];
    for (const [index, step] of steps.entries()) {
      const injection = runtime.dynamodb.inject({ operation: 'TransactWriteItems', concerning: webhook.id }, answerLost, { times: 1 });
      expect([await step(), injection.hits]).toEqual([true, 1]);
      injection.remove();
      expect(await countOf(webhook.tenantId)).toBe(index < 2 ? 1 : 0);
    }
  });
});

describe('deliveries', () => {
  const announcement = (second: number, id = randomUUID()) => ({ id, event: 'agent.created' as const, tenant_id: 'tenant', created_at: at(second), data: { agent_id: 'agent' } });
  const attempt = (second: number, fields: Partial<DeliveryAttempt> = {}): DeliveryAttempt => ({ attemptedAt: at(second), durationMilliseconds: 12, statusCode: 500, error: 'The receiver answered 500.', ...fields });

  test('gather their attempts, and say how they stand', async () => {
    const order = { webhookId: randomUUID(), tenantId: randomUUID(), announcement: announcement(0) };
    await deliveries.note(order, { status: 'retrying', nextAttemptAt: at(2), attempt: attempt(1) });
    const { items } = await deliveries.list(order.webhookId, { limit: 1 });
    expect(items).toStrictEqual([{ ...order, status: 'retrying', nextAttemptAt: at(2), attempts: [attempt(1)] }]);

    const second = { attemptedAt: at(2), durationMilliseconds: 3, statusCode: 200 };
    await deliveries.note(order, { status: 'delivered', attempt: second });
    expect((await deliveries.list(order.webhookId, { limit: 1 })).items).toStrictEqual([{ ...order, status: 'delivered', attempts: [attempt(1), second] }]);
    const [item] = await registry.partition(`DELIVERY#${order.webhookId}`);
    expect(item).toMatchObject({ sk: `${at(0)}#${order.announcement.id}`, timeToLive: Date.parse(at(0)) / 1000 + 30 * 86_400 });
  });

  test('may have none', async () => {
    const order = { webhookId: randomUUID(), tenantId: randomUUID(), announcement: announcement(0) };
    await deliveries.note(order, { status: 'cancelled' });
    expect((await deliveries.list(order.webhookId, { limit: 1 })).items).toStrictEqual([{ ...order, status: 'cancelled', attempts: [] }]);
    await deliveries.note(order, { status: 'failed', attempt: attempt(1) });
    await deliveries.note(order, { status: 'cancelled' });
    expect((await deliveries.list(order.webhookId, { limit: 1 })).items).toStrictEqual([{ ...order, status: 'cancelled', attempts: [attempt(1)] }]);
  });

  test('note an attempt once where the answer is lost', async () => {
    const order = { webhookId: randomUUID(), tenantId: randomUUID(), announcement: announcement(0) };
    for (const second of [1, 2]) {
      const injection = runtime.dynamodb.inject({ operation: 'UpdateItem', concerning: order.webhookId }, answerLost, { times: 1 });
      await deliveries.note(order, { status: 'retrying', nextAttemptAt: at(second + 1), attempt: attempt(second) });
      expect(injection.hits).toBe(1);
      injection.remove();
    }
    expect((await deliveries.list(order.webhookId, { limit: 1 })).items[0]?.attempts).toStrictEqual([attempt(1), attempt(2)]);
  });

  test('keep the first 19 attempts and the latest', async () => {
    const order = { webhookId: randomUUID(), tenantId: randomUUID(), announcement: announcement(0) };
    for (let second = 1; second <= 23; second++) await deliveries.note(order, { status: 'retrying', nextAttemptAt: at(second + 1), attempt: attempt(second) });
    const [delivery] = (await deliveries.list(order.webhookId, { limit: 1 })).items;
    expect(delivery?.attempts.map(({ attemptedAt }) => attemptedAt)).toEqual([...Array.from({ length: 19 }, (_, index) => at(index + 1)), at(23)]);
    expect(delivery?.nextAttemptAt).toBe(at(24));
  });

  test('are listed by when their event was, page by page, and by status', async () => {
    const webhookId = randomUUID();
    const orders = Array.from({ length: 7 }, (_, index) => ({ webhookId, tenantId: 'tenant', announcement: announcement(index) }));
    for (const [index, order] of orders.entries()) await deliveries.note(order, { status: index % 2 === 0 ? 'delivered' : 'failed', attempt: attempt(index) });
    const walk = async (status?: 'delivered' | 'retrying') => {
      const seconds: number[][] = [];
      let cursor: string | undefined;
      do {
        const page = await deliveries.list(webhookId, { status, limit: 3, cursor });
        seconds.push(page.items.map(({ announcement: { created_at: createdAt } }) => new Date(createdAt).getUTCSeconds()));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return seconds;
    };
    expect(await walk()).toEqual([[6, 5, 4], [3, 2, 1], [0]]);
    expect(await walk('delivered')).toEqual([[6, 4, 2], [0]]);
    expect(await walk('retrying')).toEqual([[]]);
    expect((await deliveries.list(webhookId, { limit: 10, cursor: at(2) })).items).toHaveLength(2);
    expect((await deliveries.list(randomUUID(), { limit: 3 })).items).toEqual([]);
  });
});

describe('secrets', () => {
  const webhook = { id: randomUUID(), tenantId: randomUUID() };
  const secret = 'whsec_c2VjcmV0';

  test('are decrypted for the webhook they were encrypted for, and for no other', async () => {
    const encrypted = await encryption.encrypt(secret, webhook);
    expect(Buffer.from(encrypted).includes(secret)).toBe(false);
    expect(await encryption.decrypt(encrypted, webhook)).toBe(secret);
    for (const other of [{ ...webhook, id: randomUUID() }, { ...webhook, tenantId: randomUUID() }, { id: webhook.tenantId, tenantId: webhook.id }]) {
      await expect(encryption.decrypt(encrypted, other)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    }
  });

  test('ask KMS with what the conditions of its policies are about', async () => {
    runtime.kms.reset();
    await encryption.decrypt(await encryption.encrypt(secret, webhook), webhook);
    expect(runtime.kms.calls.map(({ operation, input }) => [operation, input['KeyId'], input['EncryptionContext']]))
      .toEqual(['Encrypt', 'Decrypt'].map((operation) => [operation, process.env['WEBHOOK_KEY_ID'], { tenant_id: webhook.tenantId, webhook_id: webhook.id }]));
  });

  test('are trouble of the key store where that does not answer as it should', async () => {
    const encrypted = await encryption.encrypt(secret, webhook);
    for (const [name, code] of [['DisabledException', 'KMS_UNAVAILABLE'], ['NotFoundException', 'KMS_UNAVAILABLE'], ['AccessDeniedException', 'KMS_CREDENTIALS_NOT_CONFIGURED']] as const) {
      for (const operation of ['Encrypt', 'Decrypt']) runtime.kms.inject({ operation }, awsError(name));
      await expect(encryption.encrypt(secret, webhook)).rejects.toMatchObject({ code });
      await expect(encryption.decrypt(encrypted, webhook)).rejects.toMatchObject({ code });
      runtime.calm();
    }
  });
});
