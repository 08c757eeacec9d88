import { auditTrail } from '../aws/audit-listings.ts';
import { auditEntryResource } from '../http/audit-resource.ts';
import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { once, registryTable } from './services.ts';

const trail = once(() => auditTrail(registryTable()));

export const handler = endpoint('list-audit-entries', async ({ principal, query }) => {
  const { event_type: eventType, actor_type: actorType, affected_id: affectedId, limit, before, cursor = before } = query;
  const page = await trail().list(principal.tenantId, { eventType, actorType, affectedId, limit, cursor });
  return list(page, auditEntryResource, { limit });
});
