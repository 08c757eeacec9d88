import { ingestEvent } from '../authority/ingest-event.ts';
import { created } from '../http/answer.ts';
import { riskFields } from '../http/resources.ts';
import { environment } from './environment.ts';
import { mutation } from './mutation.ts';
import { riskServices } from './services.ts';

export const handler = mutation('ingest-event', async ({ principal, body, sourceIp }) => {
  const threshold = environment('riskThreshold');
  const { record, assessment, occurredAt } = await ingestEvent(riskServices(), principal, {
    agentId: body.agent_id,
    actionType: body.action_type,
    payload: body.payload ?? body.details ?? {},
    occurredAt: body.occurred_at ?? undefined,
    sourceIp,
    attributes: { session_id: body.session_id ?? null, chain_id: body.chain_id ?? null },
  });
  return created({
    id: record.id,
    event_id: record.id,
    agent_id: record.agentId,
    action_type: body.action_type,
    ...riskFields(record.score, threshold),
    factors: assessment.factors,
    occurred_at: occurredAt,
  });
});
