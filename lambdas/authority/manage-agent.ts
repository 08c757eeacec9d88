import { ownAgent, type Agent, type AgentProfile } from './agent.ts';
import type { Actor, AuditEntry, AuditEventType } from './audit.ts';
import { activeCertificateOf } from './certificate-end.ts';
import { agentChangedMeanwhile, agentRetired, Refusal } from './errors.ts';
import type { AgentChange, Revocation } from './ports.ts';
import { revocationAudit, type RevocationServices } from './revoke-certificate.ts';

interface Caller {
  readonly tenantId: string;
  readonly actor: Actor;
}

/** Registers an agent: pending, until it is certified. */
export async function createAgent({ registry, clock, newId }: RevocationServices, { tenantId, actor }: Caller, profile: AgentProfile): Promise<Agent> {
  const createdAt = clock().toISOString();
  const agent: Agent = { ...profile, id: newId(), tenantId, status: 'pending', createdAt, updatedAt: createdAt };
  await registry.createAgent(agent, agentAudit(agent, 'agent.created', 'Agent registered', actor, createdAt, newId));
  return agent;
}

/** An agent's new profile fields, and the status it is to have. */
export type AgentUpdate = AgentChange['set'];

/**
 * Changes an agent's profile or status. Suspending and retiring revoke its active certificate in the same transaction.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_RETIRED, STATUS_NOT_ALLOWED, AGENT_CHANGED_MEANWHILE, REGISTRY_UNAVAILABLE.
 */
export async function updateAgent(services: RevocationServices, caller: Caller, agentId: string, update: AgentUpdate): Promise<Agent> {
  return changeAgent(services, caller, agentId, (agent) => {
    if (agent.status === 'retired') throw agentRetired();
    if (update.status !== undefined) checkTransition(agent, update.status);
    return update;
  });
}

/**
 * Retires an agent for ever and revokes its active certificate in the same transaction.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_ALREADY_RETIRED, AGENT_CHANGED_MEANWHILE, REGISTRY_UNAVAILABLE.
 */
export async function retireAgent(services: RevocationServices, caller: Caller, agentId: string): Promise<Agent> {
  return changeAgent(services, caller, agentId, (agent) => {
    if (agent.status === 'retired') throw new Refusal('AGENT_ALREADY_RETIRED', 'The agent is retired already, and retirement is final. Nothing needs to be done.');
    return { status: 'retired' };
  });
}

function checkTransition(agent: Agent, wanted: Agent['status']): void {
  if (wanted === 'active') {
    throw new Refusal('STATUS_NOT_ALLOWED', 'An agent cannot be made active by hand. Certify it with POST /v1/agents/{id}/certify.');
  }
  if (wanted === 'pending' && agent.status !== 'suspended') {
    throw new Refusal('STATUS_NOT_ALLOWED', 'Only a suspended agent can be set back to pending. Suspend it first.');
  }
}

// A change that meets another (a certificate issued or revoked in between) is decided anew on what the other left.
const attempts = 5;

async function changeAgent(
  { registry, clock, newId }: RevocationServices, { tenantId, actor }: Caller, agentId: string, decide: (agent: Agent) => AgentUpdate,
): Promise<Agent> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const agent = ownAgent(await registry.getAgent(agentId), tenantId);
    const set = decide(agent);
    if (Object.keys(set).length === 0 || set.status === 'suspended' && agent.status === 'suspended' && Object.keys(set).length === 1) return agent;
    const updatedAt = clock().toISOString();
    const ends = set.status === 'suspended' || set.status === 'retired' ? endOfCertificate(agent, set.status, updatedAt) : undefined;
    const change: AgentChange = {
      agent, set, updatedAt,
      ...(ends !== undefined && { revocation: ends.revocation }),
      audit: [
        agentAudit(agent, auditEventType(set), descriptionOf(set), actor, updatedAt, newId),
        // The revocation's own account of the suspension would say the same twice.
        ...(ends === undefined ? [] : revocationAudit(ends.certificate, ends.revocation, actor, newId).slice(0, 1)),
      ],
    };
    if (await registry.updateAgent(change)) return changed(agent, change);
  }
  throw agentChangedMeanwhile();
}

/** The revocation that suspending or retiring this agent entails; an expired certificate needs none. */
function endOfCertificate(agent: Agent, status: 'suspended' | 'retired', now: string) {
  const certificate = activeCertificateOf(agent);
  if (certificate === undefined || certificate.expiresAt <= now) return undefined;
  const revocation: Revocation = { revokedAt: now, reason: status, reasonCode: status === 'retired' ? 'cessationOfOperation' : 'privilegeWithdrawn' };
  return { certificate, revocation };
}

function changed(agent: Agent, { set, updatedAt }: AgentChange): Agent {
  const { activeCertificate, lease: _ended, ...rest } = agent;
  const kept = Object.entries({ ...rest, ...set }).filter(([, value]) => value !== undefined);
  const pointer = set.status === undefined && activeCertificate !== undefined ? { activeCertificate } : {};
  return { ...(Object.fromEntries(kept) as unknown as Agent), ...pointer, updatedAt };
}

function auditEventType({ status }: AgentUpdate): AuditEventType {
  return status === 'suspended' ? 'agent.suspended' : status === 'retired' ? 'agent.retired' : 'agent.updated';
}

function descriptionOf({ status, ...fields }: AgentUpdate): string {
  const names = Object.keys(fields);
  const what = status === undefined ? 'Agent updated' : `Agent set to ${status}`;
  return names.length === 0 ? what : `${what}: ${names.join(', ')}`;
}

function agentAudit(agent: Agent, eventType: AuditEventType, description: string, actor: Actor, createdAt: string, newId: () => string): AuditEntry {
  return { id: newId(), tenantId: agent.tenantId, eventType, actor, description, affectedId: agent.id, metadata: { agent_name: agent.name }, createdAt };
}
