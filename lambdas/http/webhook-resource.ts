import type { ShownWebhook } from '../authority/manage-webhook.ts';
import type { SecretEncryption } from '../authority/ports.ts';
import type { Webhook, WebhookDelivery } from '../authority/webhook.ts';
import type { Answer } from './answer.ts';

export function webhookResource({ id, url, events, description, active, createdAt, updatedAt }: Webhook) {
  return { id, url, events, description: description ?? null, active, created_at: createdAt, updated_at: updatedAt };
}

/**
 * An answer that shows the webhook, and its secret where that is new. What is kept of it for a repetition of the request has
 * the secret as KMS has encrypted it.
 */
export function webhookAnswer(status: 200 | 201, { webhook, secret }: ShownWebhook): Answer {
  const data = webhookResource(webhook);
  if (secret === undefined) return { status, body: { data } };
  return {
    status,
    body: { data: { ...data, secret } },
    kept: { data: { ...data, encrypted_secret: Buffer.from(webhook.encryptedSecret).toString('base64') } },
  };
}

/** The body of such an answer, out of what was kept of it. */
export async function restoreWebhookAnswer({ decrypt }: Pick<SecretEncryption, 'decrypt'>, tenantId: string, kept: object): Promise<object> {
  const { data: { encrypted_secret: encryptedSecret, ...data } = {} } = kept as { data?: { id?: string; encrypted_secret?: string } };
  if (data.id === undefined || encryptedSecret === undefined) return kept;
  const secret = await decrypt(new Uint8Array(Buffer.from(encryptedSecret, 'base64')), { id: data.id, tenantId });
  return { data: { ...data, secret } };
}

export function deliveryResource({ announcement, status, attempts, nextAttemptAt }: WebhookDelivery) {
  return {
    id: announcement.id,
    event_id: announcement.id,
    event: announcement.event,
    status,
    attempts: attempts.map(({ attemptedAt, statusCode, error, durationMilliseconds }) => ({
      attempted_at: attemptedAt, status_code: statusCode ?? null, error: error ?? null, duration_ms: durationMilliseconds,
    })),
    next_attempt_at: nextAttemptAt ?? null,
    created_at: announcement.created_at,
    payload: announcement,
  };
}
