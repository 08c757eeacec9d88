import { listAgents } from '../authority/list-agents.ts';
import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { agentResource } from '../http/resources.ts';
import { registry } from './services.ts';

export const handler = endpoint('list-agents', async ({ principal, query }) => {
  const { status, limit, offset, before, cursor = before } = query;
  const { page, total } = await listAgents(registry(), principal, { status, limit, offset, cursor });
  return list(page, agentResource, { limit, meta: { total, limit, offset } });
});
