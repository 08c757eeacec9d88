import { maximumWebhooks } from '../authority/webhook.ts';
import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { webhookResource } from '../http/webhook-resource.ts';
import { webhookServices } from './webhook-services.ts';

/** All of them on one page: there are never more than that. */
export const handler = endpoint('list-webhooks', async ({ principal }) => {
  const items = await webhookServices().webhooks.list(principal.tenantId);
  return list({ items }, webhookResource, { limit: maximumWebhooks });
});
