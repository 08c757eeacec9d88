import type { Principal } from './api-key.ts';
import type { Page, Registry, RiskEvent, RiskEventQuery, RiskEvents } from './ports.ts';

export interface EventListServices {
  readonly registry: Pick<Registry, 'getAgent'>;
  readonly events: RiskEvents;
}

/**
 * One page of a tenant's events, or of one agent's: for an agent's own key, always of that agent's. An agent that does
 * not exist, or is another's, has none.
 * @throws Refusal INVALID_CURSOR, REGISTRY_UNAVAILABLE.
 */
export async function listEvents(
  { registry, events }: EventListServices, { tenantId, agentId: boundTo }: Principal, { agentId = boundTo, ...query }: RiskEventQuery & { readonly agentId?: string | undefined },
): Promise<Page<RiskEvent>> {
  if (agentId === undefined) return events.listOfTenant(tenantId, query);
  const nobodys: Page<RiskEvent> = { items: [] };
  if (boundTo !== undefined && boundTo !== agentId) return nobodys;
  const [agent, page] = await Promise.all([registry.getAgent(agentId), events.listOfAgent({ id: agentId, tenantId }, query)]);
  return agent?.tenantId === tenantId ? page : nobodys;
}
