import { riskProfile } from '../authority/risk-profile.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { agentIdOf } from '../http/request.ts';
import { riskProfileResource } from '../http/risk-resources.ts';
import { riskProfileServices } from './risk-reading-services.ts';

export const handler = endpoint('get-agent-risk', async (request) => {
  const profile = await riskProfile(riskProfileServices(), request.principal, agentIdOf(request), request.query.window_days);
  return ok(riskProfileResource(profile));
});
