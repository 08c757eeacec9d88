import type { Agent, AgentStatus } from './agent.ts';
import type { Principal } from './api-key.ts';
import type { Page, Registry } from './ports.ts';

export interface AgentQuery {
  readonly status?: AgentStatus | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly cursor?: string | undefined;
}

/**
 * One page of a tenant's agents, and how many there are in all; for an agent's own key that agent alone, which no cursor
 * leads to.
 * @throws Refusal INVALID_CURSOR, REGISTRY_UNAVAILABLE.
 */
export async function listAgents(
  registry: Pick<Registry, 'getAgent' | 'listAgents' | 'countAgents'>, { tenantId, agentId: boundTo }: Principal, query: AgentQuery,
): Promise<{ page: Page<Agent>; total: number }> {
  const { status, offset, cursor } = query;
  if (boundTo === undefined) {
    const [page, total] = await Promise.all([registry.listAgents(tenantId, query), registry.countAgents(tenantId, status)]);
    return { page, total };
  }
  const agent = await registry.getAgent(boundTo);
  const own = agent?.tenantId === tenantId && (status === undefined || agent.status === status) ? [agent] : [];
  return { page: { items: cursor === undefined ? own.slice(offset) : [] }, total: own.length };
}
