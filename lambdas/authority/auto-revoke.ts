import type { Actor, AuditEntry } from './audit.ts';
import { activeCertificateOf } from './certificate-end.ts';
import type { Revocation } from './ports.ts';
import { revocationAudit, type RevocationServices } from './revoke-certificate.ts';

/** What the stream says of a risk record, from whichever door it came. */
export interface ObservedRisk {
  readonly recordId: string;
  readonly agentId: string;
  /** Given by our own doors; a record that names another tenant than the agent's is a mistake of its writer. */
  readonly tenantId?: string | undefined;
  readonly score: number;
  readonly observedAt: string;
}

export type AutoRevocation =
  | { readonly outcome: 'below-threshold' | 'nothing-to-revoke' | 'issuance-interrupted' }
  | { readonly outcome: 'revoked'; readonly certificateId: string };

export interface AutoRevocationServices extends RevocationServices {
  /** A score of exactly this revokes. */
  readonly threshold: number;
}

const actor: Actor = { type: 'system', id: 'auto-revocation' };

// The agent changes under us only by another revocation or the end of an issuance, of which there are not many.
const attempts = 5;

/**
 * Revokes the certificate that was active when the risk was observed, if the score reaches the threshold, or the one that
 * was renewed from it since. A certificate issued anew later stays. The record alone decides, so the outcome is the same
 * for one delivered twice or out of order, before a renewal or after it. Then notes, once, that there was such a record.
 *
 * An issuance that was under way at that moment is broken off: its certificate would be dated before the observation,
 * and must not slip through because it was not yet committed when this record came by.
 * @throws Error where the record contradicts the registry or the agent does not hold still; the record is then retried.
 */
export async function autoRevoke(services: AutoRevocationServices, risk: ObservedRisk): Promise<AutoRevocation> {
  if (!(risk.score >= services.threshold)) return { outcome: 'below-threshold' };
  const { registry, clock, newId, threshold } = services;
  const { tenantId, ...revocation } = await revokeForRisk(services, risk);
  await registry.recordRiskAlert(risk.recordId, {
    id: newId(), tenantId, actor, createdAt: clock().toISOString(), eventType: 'risk.alert', description: 'Risk score reached the threshold', affectedId: risk.agentId,
    metadata: auditMetadata(risk, threshold),
  });
  return revocation;
}

async function revokeForRisk(services: AutoRevocationServices, risk: ObservedRisk): Promise<AutoRevocation & { readonly tenantId: string }> {
  const { registry, clock, newId, threshold } = services;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const agent = await registry.getAgent(risk.agentId);
    // Agents are never deleted, so somebody means one that will now not be stopped.
    if (agent === undefined) throw new Error(`Risk record ${risk.recordId} names an agent that does not exist: ${risk.agentId}.`);
    const { lease, tenantId } = agent;
    if (risk.tenantId !== undefined && risk.tenantId !== tenantId) {
      throw new Error(`Risk record ${risk.recordId} names a tenant that agent ${agent.id} does not belong to.`);
    }
    const certificate = activeCertificateOf(agent);
    const now = clock().toISOString();
    // Whether something that began at `start` and ends at `end` was there when the risk was observed, and is still.
    const concerned = (start: string, end: string) => start <= risk.observedAt && end > now;
    if (certificate !== undefined && concerned(certificate.activeSince ?? certificate.issuedAt, certificate.expiresAt)) {
      const revocation: Revocation = { revokedAt: now, reason: `Risk score ${risk.score} reached the threshold of ${threshold}`, reasonCode: 'privilegeWithdrawn' };
      const highRisk: AuditEntry = {
        id: newId(), tenantId, actor, createdAt: now, eventType: 'agent.high_risk', description: `Agent ${agent.name} stopped because of its risk`, affectedId: agent.id,
        metadata: { ...auditMetadata(risk, threshold), certificate_id: certificate.id },
      };
      if (await registry.revokeCertificate(certificate, revocation, [...revocationAudit(certificate, revocation, actor, newId), highRisk])) return { outcome: 'revoked', certificateId: certificate.id, tenantId };
    } else if (lease !== undefined && concerned(lease.acquiredAt, lease.expiresAt)) {
      await registry.releaseLease(agent.id, lease);
      if ((await registry.getCertificate(lease.id)) === undefined) return { outcome: 'issuance-interrupted', tenantId };
    } else {
      return { outcome: 'nothing-to-revoke', tenantId };
    }
  }
  throw new Error(`Agent ${risk.agentId} kept changing while risk record ${risk.recordId} was acted upon.`);
}

const auditMetadata = ({ recordId, score, observedAt }: ObservedRisk, threshold: number): AuditEntry['metadata'] =>
  ({ risk_score: String(score), threshold: String(threshold), record_id: recordId, observed_at: observedAt });
