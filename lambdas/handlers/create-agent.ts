import { createAgent } from '../authority/manage-agent.ts';
import { agentProfile } from '../http/agent-fields.ts';
import { created } from '../http/answer.ts';
import { agentResource } from '../http/resources.ts';
import { mutation } from './mutation.ts';
import { revocationServices } from './services.ts';

export const handler = mutation('create-agent', async ({ principal: { tenantId }, actor, body }) => {
  const agent = await createAgent(revocationServices(), { tenantId, actor }, agentProfile(body));
  return created(agentResource(agent));
});
