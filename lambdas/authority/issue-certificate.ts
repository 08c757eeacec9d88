import { whyNotIssuable } from './agent.ts';
import type { Actor } from './audit.ts';
import type { Certificate } from './certificate.ts';
import { issuanceAudit, issueUnderLease, type IssuanceServices } from './issuance.ts';

export interface IssuanceRequest {
  readonly agentId: string;
  readonly tenantId: string;
  readonly actor: Actor;
  /** The IAM role that is to sign with the new key without this service in between. */
  readonly granteePrincipalArn?: string | undefined;
}

/**
 * Issues the agent its one active certificate.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_RETIRED, ACTIVE_CERTIFICATE_EXISTS, ISSUANCE_IN_PROGRESS, and those of
 *   issueUnderLease.
 */
export function issueCertificate(services: IssuanceServices, { agentId, tenantId, actor, granteePrincipalArn }: IssuanceRequest): Promise<Certificate> {
  const { registry, clock } = services;
  return issueUnderLease(services, {
    agentId,
    granteePrincipalArn,
    reserve: (lease) => registry.reserveIssuance(agentId, tenantId, lease),
    whyNot: (agent, now) => whyNotIssuable(agent, tenantId, now),
    commit: (certificate, agent, { acquiredAt }) => registry.commitIssuance(certificate, acquiredAt, issuanceAudit(certificate, agent.name, actor, clock().toISOString())),
  });
}
