import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { DeliveryOrder, Webhook, WebhookDelivery } from '../../lambdas/authority/webhook.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import { secretEncryption } from '../../lambdas/aws/secret-encryption.ts';
import { webhookDeliveries } from '../../lambdas/aws/webhook-deliveries.ts';
import { webhooks } from '../../lambdas/aws/webhooks.ts';
import { applyEnvironment } from '../../local/environment.ts';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { temporaryDirectory } from '../local/temporary-directory.ts';
import { startFaultProxy, type FaultProxy } from './faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from './faults-runtime.ts';
import { receiverAuthority, startReceiver, type Receiver } from './receiver.ts';
import { deliverMessages } from './stream.ts';

/** What the function sent to a queue. */
export interface Sent {
  readonly queue: 'orders' | 'exhausted';
  readonly delaySeconds: number;
  readonly order: DeliveryOrder;
}

export interface DeliveryRuntime extends FaultyRuntime {
  readonly sqs: FaultProxy;
  readonly queues: EmbeddedSqs;
  readonly receiver: Receiver;
  readonly tenantId: string;
  /** Where the receiver is. */
  receiverUrl(path?: string): string;
  createWebhook(fields?: Partial<Webhook>): Promise<{ readonly webhook: Webhook; readonly secret: string }>;
  changeWebhook(webhook: Webhook, fields: Partial<Webhook>): Promise<Webhook>;
  removeWebhook(webhook: Webhook): Promise<void>;
  encrypt(secret: string, webhook: Webhook): Promise<Uint8Array>;
  /** Hands orders, or messages as they are, to the function in one batch; answers which of them it reports as failed, by their places. */
  deliver(...messages: readonly (DeliveryOrder | string)[]): Promise<number[]>;
  /** Since the last `calm`. */
  sent(): Sent[];
  history(webhook: Pick<Webhook, 'id'>): Promise<readonly WebhookDelivery[]>;
}

export const newSecret = () => `whsec_${Buffer.from(randomUUID()).toString('base64')}`;

export function orderFor({ id, tenantId }: Pick<Webhook, 'id' | 'tenantId'>, more: Partial<DeliveryOrder> = {}): DeliveryOrder {
  const announcement = { id: randomUUID(), event: 'agent.created', tenant_id: tenantId, created_at: new Date().toISOString(), data: { agent_id: randomUUID(), name: 'Händler “7”' } } as const;
  return { webhookId: id, announcement, failedAttempts: 0, ...more };
}

/** The service's parts with faults between them, queues that nobody else reads, and a receiver that is trusted. */
export async function startDeliveryRuntime(clock: () => Date = () => new Date()): Promise<DeliveryRuntime> {
  const authority = receiverAuthority();
  const receiver = await startReceiver(authority.issue('IP:127.0.0.1'));
  const trustAnchorFile = join(await temporaryDirectory(), 'receivers.pem');
  await writeFile(trustAnchorFile, authority.certificate);
  const runtime = await startFaultyRuntime(undefined, { automaticSchedules: false });
  const queues = await startSqs({ queues: [{ name: 'orders', visibilityTimeoutSeconds: 120, redrive: { deadLetterQueue: 'dead-letters', maxReceiveCount: 5 } }, { name: 'dead-letters' }, { name: 'exhausted' }], clock });
  const sqs = await startFaultProxy(queues.endpoint);
  const restore = applyEnvironment({
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    DELIVERY_QUEUE_URL: queues.queueUrl('orders', sqs.endpoint),
    EXHAUSTED_DELIVERY_QUEUE_URL: queues.queueUrl('exhausted', sqs.endpoint),
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32',
    WEBHOOK_CA_FILE: trustAnchorFile,
  });
  const table = { client: dynamodb(), tableName: runtime.tableNames.registry };
  const store = webhooks(table);
  const encryption = secretEncryption(kms(), process.env['WEBHOOK_KEY_ID'] ?? '');
  const tenantId = runtime.tenants[0]?.id ?? '';
  const audit = (eventType: 'webhook.created' | 'webhook.updated' | 'webhook.deleted', { id }: Webhook) =>
    ({ id: randomUUID(), tenantId, eventType, actor: { type: 'system', id: 'test' }, description: 'A test', affectedId: id, metadata: {}, createdAt: new Date().toISOString() }) as const;
  const receiverUrl = (path = '/in') => `https://127.0.0.1:${receiver.port}${path}`;

  return {
    ...runtime,
    sqs,
    queues,
    receiver,
    tenantId,
    receiverUrl,
    async createWebhook(fields = {}) {
      const now = new Date().toISOString();
      const secret = newSecret();
      const named = { id: randomUUID(), tenantId };
      const webhook: Webhook = { ...named, url: receiverUrl(), events: ['agent.created'], active: true, encryptedSecret: await encryption.encrypt(secret, named), createdAt: now, updatedAt: now, ...fields };
      await store.create(webhook, audit('webhook.created', webhook), 1000);
      return { webhook, secret };
    },
    async changeWebhook(webhook, fields) {
      const changed = { ...webhook, ...fields, updatedAt: new Date(Date.parse(webhook.updatedAt) + 1).toISOString() };
      if (!(await store.replace(changed, webhook, audit('webhook.updated', webhook)))) throw new Error('The webhook is no longer what it was.');
      return changed;
    },
    removeWebhook: async (webhook) => void (await store.remove(webhook, audit('webhook.deleted', webhook))),
    encrypt: (secret, webhook) => encryption.encrypt(secret, webhook),
    async deliver(...messages) {
      const failed = await deliverMessages('deliver-webhook', messages);
      return failed.map((message) => messages.indexOf(message));
    },
    sent: () =>
      sqs.calls.flatMap(({ input, answer }): Sent[] => (answer === undefined ? [] : input['Entries'].map(({ MessageBody, DelaySeconds }: { MessageBody: string; DelaySeconds: number }) => ({
        queue: String(input['QueueUrl']).endsWith('/orders') ? 'orders' : 'exhausted', delaySeconds: DelaySeconds, order: JSON.parse(MessageBody) as DeliveryOrder,
      })))),
    history: async ({ id }) => (await webhookDeliveries(table).list(id, { limit: 100 })).items,
    calm() {
      runtime.calm();
      sqs.reset();
    },
    async stop() {
      restore();
      await runtime.stop();
      await sqs.close();
      await queues.close();
      await receiver.close();
    },
  };
}
