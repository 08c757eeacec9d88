import { webhookDeliveries } from '../aws/webhook-deliveries.ts';
import { webhooks } from '../aws/webhooks.ts';
import { clock, newId, once, registryTable } from './services.ts';

/* For the handlers of webhooks that need none of their secrets. */

export const webhookServices = once(() => ({ webhooks: webhooks(registryTable()), clock, newId }));

export const deliveries = once(() => webhookDeliveries(registryTable()));
