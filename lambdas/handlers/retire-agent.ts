import { retireAgent } from '../authority/manage-agent.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { agentIdOf } from '../http/request.ts';
import { agentResource } from '../http/resources.ts';
import { revocationServices } from './services.ts';

export const handler = endpoint('retire-agent', async (request) => {
  const { principal: { tenantId }, actor } = request;
  return ok(agentResource(await retireAgent(revocationServices(), { tenantId, actor }, agentIdOf(request))));
});
