import { issuanceInProgress, type Agent } from './agent.ts';
import type { Actor } from './audit.ts';
import { activeCertificateOf } from './certificate-end.ts';
import { ownCertificate, statusAt, type Certificate } from './certificate.ts';
import { agentRetired, Refusal } from './errors.ts';
import { granteeNotAllowed } from './grantee.ts';
import { issuanceAudit, issueUnderLease, type IssuanceServices } from './issuance.ts';
import type { Revocation } from './ports.ts';
import { revocationAudit } from './revoke-certificate.ts';

export interface RenewalRequest {
  readonly certificateId: string;
  readonly tenantId: string;
  readonly actor: Actor;
}

/**
 * Issues a new key and certificate in the place of the agent's active one, which is revoked as superseded in the same
 * transaction: the agent stays active, is never without a certificate and never has two. Six round trips, one to read the
 * certificate and five to issue. A role that may sign with the old key may do so with the new one, if it still may.
 * @throws Refusal CERTIFICATE_NOT_FOUND, CERTIFICATE_ALREADY_REVOKED, CERTIFICATE_EXPIRED, AGENT_RETIRED,
 *   ISSUANCE_IN_PROGRESS, and those of issueUnderLease.
 */
export async function renewCertificate(services: IssuanceServices, { certificateId, tenantId, actor }: RenewalRequest): Promise<Certificate> {
  const { registry, clock, newId } = services;
  const renewed = ownCertificate(await registry.getCertificate(certificateId), tenantId);
  const renewal = issueUnderLease(services, {
    agentId: renewed.agentId,
    granteePrincipalArn: renewed.granteePrincipalArn,
    reserve: (lease) => registry.reserveRenewal(renewed, lease),
    whyNot: (agent, now) => whyNotRenewable(renewed, agent, now),
    commit: async (certificate, agent, { acquiredAt }) => {
      const superseded = activeCertificateOf(agent);
      if (superseded === undefined) throw new Error(`Agent ${agent.id} was reserved for the renewal of a certificate that it does not have.`);
      const revocation: Revocation = { revokedAt: clock().toISOString(), reason: 'superseded', reasonCode: 'superseded' };
      return registry.commitRenewal(certificate, {
        issuedAt: acquiredAt, superseded, revocation,
        // Without the suspension that other revocations entail.
        audit: [issuanceAudit(certificate, agent.name, actor, revocation.revokedAt), ...revocationAudit(superseded, revocation, actor, newId).slice(0, 1)],
      });
    },
  });
  return renewal.catch((error: unknown) => { throw isOfGrantee(error) ? granteeGone(error) : error; });
}

const isOfGrantee = (error: unknown) => error instanceof Refusal && error.code === 'GRANTEE_NOT_ALLOWED';

/** Nobody has named the role now, so nobody can name another. */
function granteeGone(cause: unknown): Refusal {
  return granteeNotAllowed('The role that may sign with the certificate’s key is not allowed any more, or is gone, so the certificate cannot be renewed for it. Ask the operator to allow its account, or revoke the certificate and certify the agent for another role or none.', cause);
}

/** Why the certificate cannot be renewed at `now`, judged by its agent's item that made the reservation fail. */
function whyNotRenewable(certificate: Certificate, agent: Agent | undefined, now: string): Refusal {
  if (agent?.status === 'retired') return agentRetired();
  if (statusAt(certificate, now) === 'expired') {
    return new Refusal('CERTIFICATE_EXPIRED', 'The certificate has expired, so there is nothing to renew. Certify the agent with POST /v1/agents/{id}/certify.');
  }
  const active = agent?.activeCertificate;
  if (active?.id !== certificate.id) {
    return new Refusal('CERTIFICATE_ALREADY_REVOKED', 'The certificate is not the agent’s active one any more, so there is nothing to renew. Renew the one that is, or certify the agent with POST /v1/agents/{id}/certify.', {
      ...(active !== undefined && active.expiresAt > now && { data: { certificate_id: active.id } }),
    });
  }
  return issuanceInProgress();
}
