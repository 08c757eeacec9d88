import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { agentResource } from '../http/resources.ts';
import { registry } from './services.ts';

export const handler = endpoint('list-agents', async ({ principal: { tenantId }, query }) => {
  const { status, limit, offset, before, cursor = before } = query;
  const [page, total] = await Promise.all([registry().listAgents(tenantId, { status, limit, offset, cursor }), registry().countAgents(tenantId, status)]);
  return list(page, agentResource, { limit, meta: { total, limit, offset } });
});
