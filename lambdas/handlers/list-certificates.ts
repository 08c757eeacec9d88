import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { certificateResource } from '../http/resources.ts';
import { now, registry } from './services.ts';

export const handler = endpoint('list-certificates', async ({ principal: { tenantId }, query }) => {
  const at = now();
  const page = await registry().listCertificates(tenantId, { agentId: query.agent_id, status: query.status, limit: query.limit, cursor: query.cursor ?? query.before, now: at });
  return list(page, (certificate) => certificateResource(certificate, at), { limit: query.limit });
});
