import type { AnnouncedEvent, Announcement } from './announcement.ts';
import { webhookNotFound } from './errors.ts';

/** An HTTPS endpoint of a tenant's that is told of events. */
export interface Webhook {
  readonly id: string;
  readonly tenantId: string;
  readonly url: string;
  readonly events: readonly AnnouncedEvent[];
  readonly description?: string | undefined;
  /** One that is not is told of nothing. */
  readonly active: boolean;
  /** What deliveries are signed with, encrypted by KMS for this webhook alone. */
  readonly encryptedSecret: Uint8Array;
  /** The secret before it, and until when it signs beside it. */
  readonly previousSecret?: { readonly encryptedSecret: Uint8Array; readonly expiresAt: string } | undefined;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A tenant may have so many. */
export const maximumWebhooks = 50;

/** The tenant's webhook that was asked for. Throws WEBHOOK_NOT_FOUND where it has no such webhook. */
export function ownWebhook(webhook: Webhook | undefined): Webhook {
  if (webhook === undefined) throw webhookNotFound();
  return webhook;
}

/** A message of the queue: an announcement that is to be sent to a webhook. */
export interface DeliveryOrder {
  readonly webhookId: string;
  readonly announcement: Announcement;
  /** How often it was tried before. */
  readonly failedAttempts: number;
}

export interface DeliveryAttempt {
  readonly attemptedAt: string;
  readonly durationMilliseconds: number;
  /** Of the receiver's answer, where there was one. */
  readonly statusCode?: number | undefined;
  /** Why it counts as failed, in a sentence. */
  readonly error?: string | undefined;
}

export const deliveryStatuses = ['delivered', 'retrying', 'failed', 'cancelled'] as const;

/** What became of an announcement to a webhook; it is kept for 30 days. */
export interface WebhookDelivery {
  readonly webhookId: string;
  readonly tenantId: string;
  readonly announcement: Announcement;
  /** `failed` once it is not tried again by itself; `cancelled` where the webhook is gone or was switched off by then. */
  readonly status: (typeof deliveryStatuses)[number];
  /** The first of them first. */
  readonly attempts: readonly DeliveryAttempt[];
  readonly nextAttemptAt?: string | undefined;
}
