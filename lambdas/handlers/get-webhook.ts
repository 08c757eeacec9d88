import { ownWebhook } from '../authority/webhook.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { webhookIdOf } from '../http/request.ts';
import { webhookResource } from '../http/webhook-resource.ts';
import { webhookServices } from './webhook-services.ts';

export const handler = endpoint('get-webhook', async (request) => {
  const webhook = ownWebhook(await webhookServices().webhooks.get(request.principal.tenantId, webhookIdOf(request)));
  return ok(webhookResource(webhook));
});
