import { createWebhook } from '../authority/manage-webhook.ts';
import { webhookAnswer } from '../http/webhook-resource.ts';
import { mutation } from './mutation.ts';
import { restoreSecret, webhookEditingServices } from './webhook-editing-services.ts';

export const handler = mutation('create-webhook', async ({ principal: { tenantId }, actor, body: { url, events, description } }) => {
  const shown = await createWebhook(webhookEditingServices(), { tenantId, actor }, { url, events, description: description ?? undefined });
  return webhookAnswer(201, shown);
}, restoreSecret);
