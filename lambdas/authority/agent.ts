import { agentNotFound, agentRetired, Refusal } from './errors.ts';

/** pending → active (certify) → suspended (revocation) → active again (certify) · any → retired, from which nothing returns. */
export type AgentStatus = 'pending' | 'active' | 'suspended' | 'retired';

/** What an agent may trade, in the words of the API; signed into its certificate as RFC 8785 JSON. */
export type FinancialScope = {
  readonly max_single_trade_usd?: number;
  readonly daily_limit_usd?: number;
  readonly permitted_instruments?: readonly string[];
  readonly permitted_venues?: readonly string[];
  readonly leverage_permitted?: boolean;
  readonly max_leverage_ratio?: number;
};

/** What an operator says of an agent; editable at any time. What a certificate says is the copy taken at issuance. */
export interface AgentProfile {
  readonly name: string;
  readonly modelHash: string;
  readonly model?: string;
  readonly version?: string;
  readonly description?: string;
  readonly operatorOrg?: string;
  readonly permittedActions: readonly string[];
  readonly financialScope?: FinancialScope;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The right to issue the agent's next certificate, held by one request at a time. Its id is the certificate's id to be. */
export interface Lease {
  readonly id: string;
  readonly acquiredAt: string;
  readonly expiresAt: string;
  /** The key created under this lease, once there is one. */
  readonly keyArn?: string;
}

/** The agent's pointer to its one active certificate. */
export interface ActiveCertificate {
  readonly id: string;
  /** The instant of issuance, in milliseconds; the certificate's notBefore is the second it fell into. */
  readonly issuedAt: string;
  /** The first second in which the certificate no longer holds: notAfter + 1 s. */
  readonly expiresAt: string;
  /** What its end will need: the key to be deleted, and the CRL that a revocation appears in. */
  readonly keyArn: string;
  readonly crlShard: number;
}

/** An agent as the registry holds it. All times are ISO 8601 in UTC with milliseconds, so that they compare as strings. */
export interface Agent extends AgentProfile {
  readonly id: string;
  readonly tenantId: string;
  readonly status: AgentStatus;
  readonly riskScore?: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly activeCertificate?: ActiveCertificate;
  readonly lease?: Lease;
}

/** The agent, if it exists and is the tenant's; throws AGENT_NOT_FOUND otherwise. */
export function ownAgent(agent: Agent | undefined, tenantId: string): Agent {
  if (agent?.tenantId !== tenantId) throw agentNotFound();
  return agent;
}

/** Why a certificate cannot be issued to this agent at `now`, judged by the item that made the reservation fail. */
export function whyNotIssuable(agent: Agent | undefined, tenantId: string, now: string): Refusal {
  if (agent?.tenantId !== tenantId) return agentNotFound();
  if (agent.status === 'retired') return agentRetired();
  const { activeCertificate } = agent;
  if (activeCertificate !== undefined && activeCertificate.expiresAt > now) {
    return new Refusal('ACTIVE_CERTIFICATE_EXISTS', 'The agent already has an active certificate. Use it, or revoke it before asking for another.', {
      data: { certificate_id: activeCertificate.id },
    });
  }
  return new Refusal('ISSUANCE_IN_PROGRESS', 'A certificate is being issued to this agent right now. Read the agent in a moment to find it.');
}
