import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { agentResource } from '../http/resources.ts';
import { registry } from './services.ts';

export const handler = endpoint('list-agents', async ({ principal: { tenantId }, query }) => {
  const [page, total] = await Promise.all([registry().listAgents(tenantId, query), registry().countAgents(tenantId, query.status)]);
  return list(page, agentResource, { limit: query.limit, meta: { total, limit: query.limit, offset: query.offset } });
});
