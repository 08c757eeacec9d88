import { ownAgent } from './agent.ts';
import { agentNotFound, agentRetired, Refusal } from './errors.ts';
import type { Principal } from './api-key.ts';
import type { Registry, RiskRecord, RiskRecords } from './ports.ts';
import { assess, isTransaction, readTransaction, type ActionType, type Assessment } from './risk-assessment.ts';

export interface RiskServices {
  readonly registry: Pick<Registry, 'getAgent' | 'getCertificate'>;
  readonly records: RiskRecords;
  readonly clock: () => Date;
  readonly newId: () => string;
}

export interface ReportedEvent {
  readonly agentId: string;
  readonly actionType: ActionType;
  readonly payload: Readonly<Record<string, unknown>>;
  /** When the reporter says it happened. */
  readonly occurredAt?: string | undefined;
  /** What else was said, kept as it is. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/**
 * Records what an agent did, scored. Whether that costs it its certificate is decided by the risk table's stream, as for
 * every other record. The record counts as observed now, whatever `occurredAt` says: an agent that reports on itself
 * must not be able to date its misdeeds before its certificate.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_RETIRED, AGENT_SUSPENDED, REGISTRY_UNAVAILABLE.
 */
export async function ingestEvent(services: RiskServices, principal: Principal, event: ReportedEvent): Promise<{ record: RiskRecord; assessment: Assessment; occurredAt: string }> {
  if (principal.agentId !== undefined && principal.agentId !== event.agentId) throw agentNotFound();
  const agent = ownAgent(await services.registry.getAgent(event.agentId), principal.tenantId);
  if (agent.status === 'retired') throw agentRetired();
  if (agent.status === 'suspended') {
    throw new Refusal('AGENT_SUSPENDED', 'The agent is suspended, so it should not be doing anything. Certify it again with POST /v1/agents/{id}/certify before it acts.');
  }
  const observedAt = services.clock().toISOString();
  const assessment = await assessEvent(services, event, observedAt, agent.activeCertificate?.id);
  const occurredAt = event.occurredAt === undefined ? observedAt : new Date(event.occurredAt).toISOString();
  const record: RiskRecord = {
    id: services.newId(),
    agentId: agent.id,
    tenantId: agent.tenantId,
    kind: 'event',
    score: assessment.score,
    observedAt,
    attributes: { ...event.attributes, action_type: event.actionType, factors: assessment.factors, occurred_at: occurredAt, payload: event.payload },
  };
  await services.records.put(record);
  return { record, assessment, occurredAt };
}

/** Only a transaction costs more than a look at the table of base scores: its limits are those in the certificate. */
async function assessEvent({ registry, records }: RiskServices, event: ReportedEvent, observedAt: string, certificateId: string | undefined): Promise<Assessment> {
  if (!isTransaction(event.actionType) || certificateId === undefined) return assess(event.actionType);
  const transaction = readTransaction(event.payload);
  const scope = (await registry.getCertificate(certificateId))?.certified.financialScope;
  const dailyVolumeUsd = scope?.daily_limit_usd === undefined || transaction.amountUsd === undefined
    ? undefined
    : await records.addDailyVolumeUsd(event.agentId, observedAt.slice(0, 10), transaction.amountUsd);
  return assess(event.actionType, transaction, scope, dailyVolumeUsd);
}

export interface RiskVerdict {
  readonly agentId: string;
  readonly score: number;
  /** When the pipeline saw it; the service's own time where it does not say, and never later than that. */
  readonly observedAt?: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/**
 * Records the risk pipeline's own verdict on an agent, of whatever status.
 * @throws Refusal AGENT_NOT_FOUND, REGISTRY_UNAVAILABLE.
 */
export async function recordRiskScore({ registry, records, clock, newId }: RiskServices, tenantId: string, verdict: RiskVerdict): Promise<RiskRecord> {
  const agent = ownAgent(await registry.getAgent(verdict.agentId), tenantId);
  const now = clock().toISOString();
  const claimed = verdict.observedAt === undefined ? now : new Date(verdict.observedAt).toISOString();
  const record: RiskRecord = {
    id: newId(),
    agentId: agent.id,
    tenantId,
    kind: 'score',
    score: verdict.score,
    observedAt: claimed < now ? claimed : now,
    attributes: verdict.attributes,
  };
  await records.put(record);
  return record;
}
