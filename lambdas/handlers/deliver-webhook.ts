import { readFileSync } from 'node:fs';
import { deliverWebhook } from '../authority/deliver-webhook.ts';
import { sideBySide } from '../authority/side-by-side.ts';
import type { DeliveryOrder } from '../authority/webhook.ts';
import { rememberedSecrets } from '../authority/webhook-secrets.ts';
import { deliveryQueue, readDeliveryOrder } from '../aws/delivery-queue.ts';
import { kms } from '../aws/kms-client.ts';
import { secretEncryption } from '../aws/secret-encryption.ts';
import { sqs } from '../aws/sqs-client.ts';
import { log } from '../log.ts';
import { webhookReceivers } from '../outbound/post-webhook.ts';
import { environment } from './environment.ts';
import { queueConsumer } from './queue-consumer.ts';
import { clock, once } from './services.ts';
import { deliveries, webhookServices } from './webhook-services.ts';

const deliveryServices = once(() => {
  const trustAnchorFile = environment('webhookTrustAnchorFile');
  return {
    webhooks: webhookServices().webhooks,
    deliveries: deliveries(),
    secrets: rememberedSecrets(secretEncryption(kms(), environment('webhookKeyArn')), clock),
    receivers: webhookReceivers({
      allowedNetworks: environment('webhookAllowedNetworks'),
      trustAnchors: trustAnchorFile === undefined ? [] : [readFileSync(trustAnchorFile, 'utf8')],
    }),
    queue: deliveryQueue(sqs(), environment('deliveryQueueUrl')),
    exhausted: deliveryQueue(sqs(), environment('exhaustedDeliveryQueueUrl')),
    clock,
  };
});

async function deliver(order: DeliveryOrder): Promise<void> {
  const status = await deliverWebhook(deliveryServices(), order);
  log.info('deliver-webhook', { status, webhook_id: order.webhookId, event_id: order.announcement.id, failed_attempts: order.failedAttempts });
}

/**
 * Called with orders of deliveries: sends each of a batch once, side by side. One whose receiver failed is done with, and sent
 * on as an order of its own; only what we could not see to ourselves comes again.
 */
export const handler = queueConsumer('deliver-webhook', ({ body }) => readDeliveryOrder(body), (orders) => sideBySide(orders, orders.length, deliver));
