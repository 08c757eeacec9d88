import { randomBytes } from 'node:crypto';
import { kms } from '../aws/kms-client.ts';
import { secretEncryption } from '../aws/secret-encryption.ts';
import type { Restore } from '../http/idempotency.ts';
import { restoreWebhookAnswer } from '../http/webhook-resource.ts';
import { environment } from './environment.ts';
import { once } from './services.ts';
import { webhookServices } from './webhook-services.ts';

/* For the handlers that make secrets of webhooks; apart from webhook-services.ts, so that no other function carries a KMS client. */

export const webhookEditingServices = once(() => ({
  ...webhookServices(),
  encryption: secretEncryption(kms(), environment('webhookKeyArn')),
  random: (byteCount: number) => new Uint8Array(randomBytes(byteCount)),
  allowedNetworks: environment('webhookAllowedNetworks'),
}));

/** A repetition shows the secret once more: it is the answer to one request, whoever had to ask for it twice. */
export const restoreSecret: Restore = (kept, { tenantId }) => restoreWebhookAnswer(webhookEditingServices().encryption, tenantId, kept);
