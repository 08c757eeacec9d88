import type { Actor, AuditEntry, AuditEventType } from './audit.ts';
import { Refusal, webhookChangedMeanwhile, webhookNotFound } from './errors.ts';
import type { SecretEncryption, Webhooks } from './ports.ts';
import { maximumWebhooks, ownWebhook, type Webhook } from './webhook.ts';
import { checkWebhookHost } from './webhook-host.ts';

export interface WebhookServices {
  readonly webhooks: Webhooks;
  readonly clock: () => Date;
  readonly newId: () => string;
}

/** What it takes beyond that to make a secret, or to say where deliveries go. */
export interface WebhookEditingServices extends WebhookServices {
  readonly encryption: Pick<SecretEncryption, 'encrypt'>;
  readonly random: (byteCount: number) => Uint8Array;
  /** See isPublicAddress. */
  readonly allowedNetworks: readonly string[];
}

interface Caller {
  readonly tenantId: string;
  readonly actor: Actor;
}

/** A webhook, and its secret in the clear where that has just been made: it is shown this once. */
export interface ShownWebhook {
  readonly webhook: Webhook;
  readonly secret?: string;
}

/** How long the secret before a new one goes on signing, so that receivers can change over. */
const overlapHours = 24;

/**
 * Makes a webhook, active, with a secret of its own.
 * @throws Refusal WEBHOOK_URL_NOT_ALLOWED, WEBHOOK_LIMIT_REACHED, KMS_UNAVAILABLE, REGISTRY_UNAVAILABLE.
 */
export async function createWebhook(services: WebhookEditingServices, caller: Caller, profile: Pick<Webhook, 'url' | 'events' | 'description'>): Promise<ShownWebhook> {
  const { webhooks, clock, newId, allowedNetworks } = services;
  checkWebhookHost(profile.url, allowedNetworks);
  const { tenantId } = caller;
  const id = newId();
  const { secret, encryptedSecret } = await newSecret(services, { id, tenantId });
  const createdAt = clock().toISOString();
  const webhook: Webhook = { id, tenantId, ...profile, active: true, encryptedSecret, createdAt, updatedAt: createdAt };
  if (!(await webhooks.create(webhook, auditOf(services, 'webhook.created', 'Webhook created', webhook, caller), maximumWebhooks))) {
    throw new Refusal('WEBHOOK_LIMIT_REACHED', `You have ${maximumWebhooks} webhooks, and no more are possible. Delete one that is no longer needed, or have one receive the events of several.`);
  }
  return { webhook, secret };
}

/** New values, of which `undefined` removes the description; and whether there is to be a new secret. */
export interface WebhookUpdate {
  readonly set: Partial<Pick<Webhook, 'url' | 'events' | 'description' | 'active'>>;
  readonly rotateSecret: boolean;
}

// A change that meets another is decided anew on what the other left.
const attempts = 5;

/**
 * Changes a webhook. A new secret counts at once; the one before it goes on signing beside it for a day.
 * @throws Refusal WEBHOOK_NOT_FOUND, WEBHOOK_URL_NOT_ALLOWED, WEBHOOK_CHANGED_MEANWHILE, KMS_UNAVAILABLE, REGISTRY_UNAVAILABLE.
 */
export async function updateWebhook(services: WebhookEditingServices, caller: Caller, webhookId: string, { set, rotateSecret }: WebhookUpdate): Promise<ShownWebhook> {
  const { webhooks, clock, allowedNetworks } = services;
  if (set.url !== undefined) checkWebhookHost(set.url, allowedNetworks);
  let fresh: { secret: string; encryptedSecret: Uint8Array } | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const previous = ownWebhook(await webhooks.get(caller.tenantId, webhookId));
    if (Object.keys(set).length === 0 && !rotateSecret) return { webhook: previous };
    if (rotateSecret) fresh ??= await newSecret(services, previous);
    const now = clock();
    const webhook: Webhook = { ...previous, ...set, ...secretsAt(previous, now, fresh?.encryptedSecret), updatedAt: laterThan(previous.updatedAt, now) };
    const changes = [...Object.keys(set), ...(rotateSecret ? ['secret'] : [])];
    if (await webhooks.replace(webhook, previous, auditOf(services, 'webhook.updated', `Webhook updated: ${changes.join(', ')}`, webhook, caller))) {
      return { webhook, ...(fresh !== undefined && { secret: fresh.secret }) };
    }
  }
  throw webhookChangedMeanwhile();
}

/**
 * Removes a webhook; what is still on its way to it is cancelled.
 * @throws Refusal WEBHOOK_NOT_FOUND, REGISTRY_UNAVAILABLE.
 */
export async function deleteWebhook(services: WebhookServices, caller: Caller, webhookId: string): Promise<Webhook> {
  const webhook = ownWebhook(await services.webhooks.get(caller.tenantId, webhookId));
  const audit = auditOf(services, 'webhook.deleted', 'Webhook deleted', webhook, caller, services.clock().toISOString());
  if (!(await services.webhooks.remove(webhook, audit))) throw webhookNotFound();
  return webhook;
}

/** In the form of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme. */
async function newSecret({ encryption, random }: WebhookEditingServices, webhook: Pick<Webhook, 'id' | 'tenantId'>) {
  const secret = `whsec_${Buffer.from(random(32)).toString('base64')}`;
  return { secret, encryptedSecret: await encryption.encrypt(secret, webhook) };
}

/** The secrets from `now` on: with a new one the one before it, without it what there was, as long as it counts. */
function secretsAt({ encryptedSecret, previousSecret }: Webhook, now: Date, fresh: Uint8Array | undefined): Pick<Webhook, 'encryptedSecret' | 'previousSecret'> {
  if (fresh === undefined) return { encryptedSecret, previousSecret: previousSecret !== undefined && previousSecret.expiresAt > now.toISOString() ? previousSecret : undefined };
  return { encryptedSecret: fresh, previousSecret: { encryptedSecret, expiresAt: new Date(now.getTime() + overlapHours * 3_600_000).toISOString() } };
}

/** Now, but never the same time twice: what a change is decided on is told by it. */
function laterThan(updatedAt: string, now: Date): string {
  return new Date(Math.max(now.getTime(), Date.parse(updatedAt) + 1)).toISOString();
}

/** Of the URL the origin alone, for the rest of it may be a secret of the receiver's. */
function auditOf({ newId }: WebhookServices, eventType: AuditEventType, description: string, webhook: Webhook, { tenantId, actor }: Caller, createdAt = webhook.updatedAt): AuditEntry {
  const metadata = { origin: new URL(webhook.url).origin, events: webhook.events.join(' ') };
  return { id: newId(), tenantId, eventType, actor, description, affectedId: webhook.id, metadata, createdAt };
}
