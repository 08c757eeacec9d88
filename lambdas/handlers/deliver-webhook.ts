import { readFileSync } from 'node:fs';
import { Logger } from '@aws-lambda-powertools/logger';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { deliverWebhook } from '../authority/deliver-webhook.ts';
import { sideBySide } from '../authority/side-by-side.ts';
import { rememberedSecrets } from '../authority/webhook-secrets.ts';
import { deliveryQueue, readDeliveryOrder } from '../aws/delivery-queue.ts';
import { kms } from '../aws/kms-client.ts';
import { secretEncryption } from '../aws/secret-encryption.ts';
import { sqs } from '../aws/sqs-client.ts';
import { webhookReceivers } from '../outbound/post-webhook.ts';
import { environment } from './environment.ts';
import { clock, once } from './services.ts';
import { deliveries, webhookServices } from './webhook-services.ts';

const logger = new Logger({ serviceName: 'kakunin' });

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
    deadLetters: deliveryQueue(sqs(), environment('deliveryDeadLetterQueueUrl')),
    clock,
  };
});

/**
 * Consumes the queue of deliveries: sends each of a batch once, side by side. One that we could not see to ourselves is
 * reported, so that SQS hands it over again; one whose receiver failed is done with, and sent on as an order of its own.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const outcomes = await sideBySide(Records, Records.length, async ({ body }) => {
    const order = readDeliveryOrder(body);
    const status = await deliverWebhook(deliveryServices(), order);
    logger.info('deliver-webhook', { status, webhook_id: order.webhookId, event_id: order.announcement.id, failed_attempts: order.failedAttempts });
  });
  const failed = Records.filter(({ messageId }, index) => {
    const outcome = outcomes[index];
    if (outcome?.status === 'fulfilled') return false;
    logger.error('deliver-webhook', { error: outcome?.reason as Error, message_id: messageId });
    return true;
  });
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
