import { deleteWebhook } from '../authority/manage-webhook.ts';
import { ok } from '../http/answer.ts';
import { webhookIdOf } from '../http/request.ts';
import { webhookResource } from '../http/webhook-resource.ts';
import { mutation } from './mutation.ts';
import { webhookServices } from './webhook-services.ts';

export const handler = mutation('delete-webhook', async (request) => {
  const { principal: { tenantId }, actor } = request;
  return ok(webhookResource(await deleteWebhook(webhookServices(), { tenantId, actor }, webhookIdOf(request))));
});
