import type { Actor, AuditEntry } from './audit.ts';
import { ownCertificate, statusAt, type Certificate } from './certificate.ts';
import { Refusal } from './errors.ts';
import type { Registry, Revocation } from './ports.ts';
import type { ReasonCode } from './revocation-reasons.ts';

export interface RevocationServices {
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly newId: () => string;
}

export interface RevocationRequest {
  readonly certificateId: string;
  readonly tenantId: string;
  readonly reason: string;
  readonly reasonCode: ReasonCode;
  readonly actor: Actor;
}

export type RevokedCertificate = Certificate & Required<Pick<Certificate, 'revokedAt' | 'revocationReason' | 'reasonCode'>>;

/**
 * Revokes a certificate for ever, suspends its agent and writes the audit trail, in one transaction. Two round trips.
 * @throws Refusal CERTIFICATE_NOT_FOUND, CERTIFICATE_ALREADY_REVOKED, CERTIFICATE_EXPIRED, REGISTRY_UNAVAILABLE.
 */
export async function revokeCertificate({ registry, clock, newId }: RevocationServices, request: RevocationRequest): Promise<RevokedCertificate> {
  const certificate = ownCertificate(await registry.getCertificate(request.certificateId), request.tenantId);
  // As late as can be: what is signed until the transaction is written is not to look as if it came after the revocation.
  const revokedAt = clock().toISOString();
  switch (statusAt(certificate, revokedAt)) {
    case 'revoked': throw alreadyRevoked();
    case 'expired': throw new Refusal('CERTIFICATE_EXPIRED', 'The certificate has expired, so it is trusted by nobody and cannot be revoked. If its agent is to stop, which may have another since, halt it with POST /v1/agents/{id}/halt.');
    case 'active': break;
  }
  const revocation = { revokedAt, reason: request.reason, reasonCode: request.reasonCode };
  const revoked = await registry.revokeCertificate(certificate, revocation, revocationAudit(certificate, revocation, request.actor, newId));
  if (!revoked) throw alreadyRevoked();
  return { ...certificate, status: 'revoked', revokedAt, revocationReason: request.reason, reasonCode: request.reasonCode };
}

/** What the audit trail says of a revocation: that the certificate was revoked, and that this suspended its agent. */
export function revocationAudit(
  certificate: Pick<Certificate, 'id' | 'agentId' | 'tenantId'>, { revokedAt, reason, reasonCode }: Revocation, actor: Actor, newId: () => string,
): AuditEntry[] {
  const entry = { tenantId: certificate.tenantId, actor, createdAt: revokedAt };
  return [
    { ...entry, id: newId(), eventType: 'certificate.revoked', description: 'Certificate revoked', affectedId: certificate.id, metadata: { agent_id: certificate.agentId, reason, reason_code: reasonCode } },
    { ...entry, id: newId(), eventType: 'agent.suspended', description: 'Agent suspended by the revocation of its certificate', affectedId: certificate.agentId, metadata: { certificate_id: certificate.id } },
  ];
}

function alreadyRevoked(): Refusal {
  return new Refusal('CERTIFICATE_ALREADY_REVOKED', 'The certificate is revoked already, and a revocation is final. If its agent is to stop, which may have another since, halt it with POST /v1/agents/{id}/halt.');
}
