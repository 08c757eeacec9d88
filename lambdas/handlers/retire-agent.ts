import { retireAgent } from '../authority/manage-agent.ts';
import { ok } from '../http/answer.ts';
import { agentIdOf } from '../http/request.ts';
import { agentResource } from '../http/resources.ts';
import { mutation } from './mutation.ts';
import { revocationServices } from './services.ts';

export const handler = mutation('retire-agent', async (request) => {
  const { principal: { tenantId }, actor } = request;
  return ok(agentResource(await retireAgent(revocationServices(), { tenantId, actor }, agentIdOf(request))));
});
