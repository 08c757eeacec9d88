import { ownAgent } from '../authority/agent.ts';
import { agentNotFound } from '../authority/errors.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { agentIdOf } from '../http/request.ts';
import { agentResource, certificateResource } from '../http/resources.ts';
import { now, registry } from './services.ts';

/** As many certificates as one look at an agent shows; GET /v1/certificates?agent_id= pages through all of them. */
const shownCertificates = 100;

export const handler = endpoint('get-agent', async (request) => {
  const { tenantId, agentId: boundTo } = request.principal;
  const agentId = agentIdOf(request);
  if (boundTo !== undefined && boundTo !== agentId) throw agentNotFound();
  const at = now();
  const [agent, certificates] = await Promise.all([
    registry().getAgent(agentId),
    registry().listCertificates(tenantId, { agentId, limit: shownCertificates, now: at }),
  ]);
  return ok({
    ...agentResource(ownAgent(agent, tenantId)),
    certificates: certificates.items.map((certificate) => certificateResource(certificate, at)),
  });
});
