import { listEvents } from '../authority/list-events.ts';
import { endpoint } from '../http/endpoint.ts';
import { list } from '../http/list.ts';
import { riskEventResource } from '../http/risk-resources.ts';
import { eventListServices } from './risk-reading-services.ts';

export const handler = endpoint('list-events', async ({ principal, query }) => {
  const { agent_id: agentId, band, action_type: actionType, limit, before, cursor = before } = query;
  const page = await listEvents(eventListServices(), principal, { agentId, band, actionType, limit, cursor });
  return list(page, riskEventResource, { limit, isCursorOnTop: true });
});
