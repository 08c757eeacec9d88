import { ownWebhook } from '../authority/webhook.ts';
import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { webhookIdOf } from '../http/request.ts';
import { deliveryResource } from '../http/webhook-resource.ts';
import { deliveries, webhookServices } from './webhook-services.ts';

export const handler = endpoint('list-webhook-deliveries', async (request) => {
  const { principal, query: { status, limit, before, cursor = before } } = request;
  const { id } = ownWebhook(await webhookServices().webhooks.get(principal.tenantId, webhookIdOf(request)));
  return list(await deliveries().list(id, { status, limit, cursor }), deliveryResource, { limit, isCursorOnTop: true });
});
