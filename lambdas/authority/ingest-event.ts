import { ownAgent, type Agent, type FinancialScope } from './agent.ts';
import { agentNotFound, agentRetired, Refusal } from './errors.ts';
import type { Principal } from './api-key.ts';
import type { Registry, RiskRecord, RiskRecords } from './ports.ts';
import { assess, isScopeViolation, isTransaction, readTransaction, type ActionType, type Assessment } from './risk-assessment.ts';

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
  readonly sourceIp: string;
  /** What else was said, kept as it is. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface ScoredEvent {
  readonly record: RiskRecord;
  readonly assessment: Assessment;
  readonly occurredAt: string;
}

/**
 * Records what an agent did, scored. Whether that costs it its certificate is decided by the risk table's stream, as for
 * every other record. The record counts as observed now, whatever `occurredAt` says: an agent that reports on itself
 * must not be able to date its misdeeds before its certificate.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_RETIRED, AGENT_SUSPENDED, REGISTRY_UNAVAILABLE.
 */
export async function ingestEvent(services: RiskServices, principal: Principal, event: ReportedEvent): Promise<ScoredEvent> {
  if (principal.agentId !== undefined && principal.agentId !== event.agentId) throw agentNotFound();
  const agent = ownAgent(await services.registry.getAgent(event.agentId), principal.tenantId);
  if (agent.status === 'retired') throw agentRetired();
  if (agent.status === 'suspended') {
    throw new Refusal('AGENT_SUSPENDED', 'The agent is suspended, so it should not be doing anything. Certify it again with POST /v1/agents/{id}/certify before it acts.');
  }
  const recordId = services.newId();
  const observedAt = observedNow(services, agent);
  const occurredAt = event.occurredAt === undefined ? observedAt : new Date(event.occurredAt).toISOString();
  const scored = (assessment: Assessment): ScoredEvent => ({
    assessment,
    occurredAt,
    record: {
      id: recordId,
      agentId: agent.id,
      tenantId: agent.tenantId,
      kind: 'event',
      actionType: event.actionType,
      occurredAt,
      sourceIp: event.sourceIp,
      score: assessment.score,
      observedAt,
      attributes: { ...event.attributes, factors: assessment.factors, payload: event.payload },
    },
  });
  const scope = isTransaction(event.actionType) ? await certifiedScope(services, agent) : undefined;
  return recordWithin(services, scored, event, scope);
}

/** The limits of a transaction are those that the agent's certificate was issued for. */
async function certifiedScope({ registry }: RiskServices, { activeCertificate }: Agent): Promise<FinancialScope | undefined> {
  return activeCertificate && (await registry.getCertificate(activeCertificate.id))?.certified.financialScope;
}

// Each attempt that fails means that another transaction of the same agent was counted.
const attempts = 10;

/**
 * Scores the event and puts its record. A transaction within all other limits is counted towards the day's, in one write
 * with its record; one that breaks a limit is recorded whatever the counter says, and not counted.
 */
async function recordWithin({ records }: RiskServices, scored: (assessment: Assessment) => ScoredEvent, event: ReportedEvent, scope: FinancialScope | undefined): Promise<ScoredEvent> {
  const transaction = readTransaction(event.payload);
  const { amountUsd } = transaction;
  const alone = scored(assess(event.actionType, transaction, scope, amountUsd));
  if (scope?.daily_limit_usd === undefined || amountUsd === undefined || isScopeViolation(alone.assessment)) {
    await records.put(alone.record);
    return alone;
  }
  const date = alone.record.observedAt.slice(0, 10);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = await records.dailyVolumeUsd(event.agentId, date);
    const after = Math.round((before + amountUsd) * 100) / 100;
    const outcome = scored(assess(event.actionType, transaction, scope, after));
    if (isScopeViolation(outcome.assessment)) {
      await records.put(outcome.record);
      return outcome;
    }
    if (await records.putWithDailyVolume(outcome.record, { date, before, after })) return outcome;
  }
  throw new Refusal('REGISTRY_UNAVAILABLE', 'Too many transactions of this agent arrive at the moment. This one was not recorded; send it again shortly.');
}

/**
 * The instant at which something is observed of an agent that was just read. Its certificate was there to be read, so
 * this is never before the certificate's issuance, whatever this clock and the issuer's say.
 */
function observedNow({ clock }: RiskServices, { activeCertificate }: Agent): string {
  const now = clock().toISOString();
  return activeCertificate !== undefined && activeCertificate.issuedAt > now ? activeCertificate.issuedAt : now;
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
export async function recordRiskScore(services: RiskServices, tenantId: string, verdict: RiskVerdict): Promise<RiskRecord> {
  const agent = ownAgent(await services.registry.getAgent(verdict.agentId), tenantId);
  const now = observedNow(services, agent);
  const claimed = verdict.observedAt === undefined ? now : new Date(verdict.observedAt).toISOString();
  const record: RiskRecord = {
    id: services.newId(),
    agentId: agent.id,
    tenantId,
    kind: 'score',
    score: verdict.score,
    observedAt: claimed < now ? claimed : now,
    attributes: verdict.attributes,
  };
  await services.records.put(record);
  return record;
}
