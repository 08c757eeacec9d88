import { updateWebhook } from '../authority/manage-webhook.ts';
import { webhookIdOf } from '../http/request.ts';
import { webhookAnswer } from '../http/webhook-resource.ts';
import { mutation } from './mutation.ts';
import { restoreSecret, webhookEditingServices } from './webhook-editing-services.ts';

export const handler = mutation('update-webhook', async (request) => {
  const { principal: { tenantId }, actor, body: { url, events, description, active, rotate_secret: rotateSecret } } = request;
  const set = {
    ...(url !== undefined && { url }),
    ...(events !== undefined && { events }),
    ...(description !== undefined && { description: description ?? undefined }),
    ...(active !== undefined && { active }),
  };
  const shown = await updateWebhook(webhookEditingServices(), { tenantId, actor }, webhookIdOf(request), { set, rotateSecret: rotateSecret ?? false });
  return webhookAnswer(200, shown);
}, restoreSecret);
