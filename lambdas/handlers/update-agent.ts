import { updateAgent } from '../authority/manage-agent.ts';
import { agentUpdate } from '../http/agent-fields.ts';
import { ok } from '../http/answer.ts';
import { agentIdOf } from '../http/request.ts';
import { agentResource } from '../http/resources.ts';
import { mutation } from './mutation.ts';
import { revocationServices } from './services.ts';

export const handler = mutation('update-agent', async (request) => {
  const { principal: { tenantId }, actor, body } = request;
  const agent = await updateAgent(revocationServices(), { tenantId, actor }, agentIdOf(request), agentUpdate(body));
  return ok(agentResource(agent));
});
