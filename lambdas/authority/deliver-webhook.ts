import type { DeliveryQueue, Receivers, SecretEncryption, WebhookDeliveries, Webhooks } from './ports.ts';
import { valuesOf } from './side-by-side.ts';
import type { DeliveryAttempt, DeliveryOrder, Webhook, WebhookDelivery } from './webhook.ts';
import { signingSecrets } from './webhook-secrets.ts';
import { signatureHeaders } from './webhook-signature.ts';

export interface DeliveryServices {
  readonly webhooks: Pick<Webhooks, 'get'>;
  readonly deliveries: Pick<WebhookDeliveries, 'note'>;
  readonly secrets: Pick<SecretEncryption, 'decrypt'>;
  readonly receivers: Receivers;
  readonly queue: DeliveryQueue;
  /** Of orders that are not tried again by themselves. */
  readonly exhausted: DeliveryQueue;
  readonly clock: () => Date;
}

/** How long is waited after the first failure, the second and the third; after the next one it is given up. */
export const retryDelaysSeconds = [1, 10, 100] as const;

/**
 * Sends an announcement to its webhook once, notes how it went, and where it failed, has it sent again later. Each note is made
 * before what follows from it: whoever is interrupted is given the order once more, and the receiver may hear of the same
 * event twice, under the same id, but never not at all.
 * @throws Error where it is not the receiver that failed. The order stands then, as if it had not been touched.
 */
export async function deliverWebhook(services: DeliveryServices, order: DeliveryOrder): Promise<WebhookDelivery['status']> {
  const { webhooks, deliveries, queue, exhausted, clock } = services;
  const { webhookId, announcement, failedAttempts } = order;
  const delivery = { webhookId, tenantId: announcement.tenant_id, announcement };
  const webhook = await webhooks.get(delivery.tenantId, webhookId);
  if (webhook === undefined || !webhook.active || !webhook.events.includes(announcement.event)) {
    await deliveries.note(delivery, { status: 'cancelled' });
    return 'cancelled';
  }

  const attempt = await attemptDelivery(services, webhook, order);
  if (attempt.error === undefined) {
    await deliveries.note(delivery, { status: 'delivered', attempt });
    return 'delivered';
  }
  const failed = { ...order, failedAttempts: failedAttempts + 1 };
  const delaySeconds = retryDelaysSeconds[failedAttempts];
  if (delaySeconds === undefined) {
    await deliveries.note(delivery, { status: 'failed', attempt });
    valuesOf(await exhausted.sendOrders([failed]));
    return 'failed';
  }
  const nextAttemptAt = new Date(clock().getTime() + delaySeconds * 1000).toISOString();
  await deliveries.note(delivery, { status: 'retrying', attempt, nextAttemptAt });
  valuesOf(await queue.sendOrders([failed], delaySeconds));
  return 'retrying';
}

async function attemptDelivery({ secrets, receivers, clock }: DeliveryServices, webhook: Webhook, { announcement }: DeliveryOrder): Promise<DeliveryAttempt> {
  const { id, event, tenant_id, created_at, data } = announcement;
  // The same octets at each attempt, which a receiver may go by.
  const body = JSON.stringify({ id, event, tenant_id, created_at, data });
  const signingWith = await signingSecrets(secrets, webhook, clock().toISOString());
  const attemptedAt = clock();
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Kakunin-Webhooks/1',
    'X-Kakunin-Event': event,
    'X-Kakunin-Delivery': id,
    ...signatureHeaders(signingWith, { id, timestampSeconds: Math.floor(attemptedAt.getTime() / 1000), body }),
  };
  const startedAt = performance.now();
  const reception = await receivers.post(webhook.url, headers, body);
  return { attemptedAt: attemptedAt.toISOString(), durationMilliseconds: Math.round(performance.now() - startedAt), ...reception };
}
