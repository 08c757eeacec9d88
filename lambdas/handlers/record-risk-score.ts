import { recordRiskScore } from '../authority/ingest-event.ts';
import { accepted } from '../http/answer.ts';
import { riskScoreResource } from '../http/resources.ts';
import { environment } from './environment.ts';
import { mutation } from './mutation.ts';
import { riskServices } from './services.ts';

export const handler = mutation('record-risk-score', async ({ principal, body }) => {
  const threshold = environment('riskThreshold');
  const record = await recordRiskScore(riskServices(), principal.tenantId, {
    agentId: body.agent_id,
    score: body.score,
    observedAt: body.observed_at ?? undefined,
    attributes: { source: body.source ?? null, model_version: body.model_version ?? null, explanation: body.explanation ?? null },
  });
  return accepted(riskScoreResource(record, threshold));
});
