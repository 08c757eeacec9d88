import type { Actor } from './audit.ts';
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
 * Revokes the certificate that was active when the risk was observed, if the score reaches the threshold. A certificate
 * issued later stays. The record alone decides, so the outcome is the same for one delivered twice or out of order.
 *
 * An issuance that was under way at that moment is broken off: its certificate would be dated before the observation,
 * and must not slip through because it was not yet committed when this record came by.
 * @throws Error where the record contradicts the registry or the agent does not hold still; the record is then retried.
 */
export async function autoRevoke({ registry, clock, newId, threshold }: AutoRevocationServices, risk: ObservedRisk): Promise<AutoRevocation> {
  if (!(risk.score >= threshold)) return { outcome: 'below-threshold' };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const agent = await registry.getAgent(risk.agentId);
    // Agents are never deleted, so somebody means one that will now not be stopped.
    if (agent === undefined) throw new Error(`Risk record ${risk.recordId} names an agent that does not exist: ${risk.agentId}.`);
    if (risk.tenantId !== undefined && risk.tenantId !== agent.tenantId) {
      throw new Error(`Risk record ${risk.recordId} names a tenant that agent ${agent.id} does not belong to.`);
    }
    const { lease } = agent;
    const certificate = activeCertificateOf(agent);
    const now = clock().toISOString();
    // Whether something that began at `start` and ends at `end` was there when the risk was observed, and is still.
    const concerned = (start: string, end: string) => start <= risk.observedAt && end > now;
    if (certificate !== undefined && concerned(certificate.issuedAt, certificate.expiresAt)) {
      const revocation: Revocation = { revokedAt: now, reason: `Risk score ${risk.score} reached the threshold of ${threshold}`, reasonCode: 'privilegeWithdrawn' };
      if (await registry.revokeCertificate(certificate, revocation, revocationAudit(certificate, revocation, actor, newId))) {
        return { outcome: 'revoked', certificateId: certificate.id };
      }
    } else if (lease !== undefined && concerned(lease.acquiredAt, lease.expiresAt)) {
      await registry.releaseLease(agent.id, lease);
      if ((await registry.getCertificate(lease.id)) === undefined) return { outcome: 'issuance-interrupted' };
    } else {
      return { outcome: 'nothing-to-revoke' };
    }
  }
  throw new Error(`Agent ${risk.agentId} kept changing while risk record ${risk.recordId} was acted upon.`);
}
