import { isSuspended, ownAgent, type Agent, type Halt } from './agent.ts';
import { attest } from './attestation-authority.ts';
import type { Actor, AuditEntry } from './audit.ts';
import { activeCertificateOf } from './certificate-end.ts';
import { agentAlreadyRetired, agentChangedMeanwhile } from './errors.ts';
import { haltReceiptOf, haltStatementOctets, type HaltReceipt } from './halt-receipt.ts';
import type { KeyManagement, Revocation } from './ports.ts';
import { revocationAudit, type RevocationServices } from './revoke-certificate.ts';

export interface HaltServices extends RevocationServices {
  readonly keys: Pick<KeyManagement, 'signDigest'>;
  /** Told why a receipt could not be signed, or its signature not be kept. */
  readonly warn: (message: string, cause: unknown) => void;
}

export interface HaltRequest {
  readonly agentId: string;
  readonly tenantId: string;
  readonly actor: Actor;
  readonly reason: string;
  readonly operatorNote?: string | undefined;
}

/**
 * Halts an agent: its active certificate is revoked, an issuance under way broken off, and the agent suspended, in one
 * transaction; only then is the receipt signed. Four round trips, five with a certificate to keep the receipt on.
 *
 * Guarantee: where this answers, the halt is durable, whether or not the receipt could be signed. Asked again of an agent
 * that is halted, it answers the receipt of the same event, and signs it if it was not.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_ALREADY_RETIRED, AGENT_CHANGED_MEANWHILE, REGISTRY_UNAVAILABLE.
 */
export async function haltAgent(services: HaltServices, request: HaltRequest): Promise<HaltReceipt> {
  const { agent, halt } = await haltDurably(services, request);
  return signReceipt(services, haltReceiptOf(agent, halt));
}

// Who halts an agent wins over whoever changes it at the same moment, by trying again on what the other left.
const attempts = 10;

async function haltDurably({ registry, clock, newId }: HaltServices, request: HaltRequest): Promise<{ agent: Agent; halt: Halt }> {
  const { agentId, tenantId, actor, reason, operatorNote } = request;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const agent = ownAgent(await registry.getAgent(agentId), tenantId);
    if (agent.status === 'retired') throw agentAlreadyRetired();
    const haltedAt = clock().toISOString();
    if (agent.halt !== undefined && isSuspended(agent, haltedAt)) return { agent, halt: agent.halt };
    const certificate = activeCertificateOf(agent);
    // One that has expired needs no revocation.
    const revoked = certificate !== undefined && certificate.expiresAt > haltedAt ? certificate : undefined;
    const halt: Halt = {
      eventId: newId(), haltedAt, reason,
      ...(operatorNote !== undefined && { operatorNote }),
      ...(revoked !== undefined && { certificateId: revoked.id }),
    };
    const revocation: Revocation = { revokedAt: haltedAt, reason, reasonCode: reasonCodeOf(reason), haltEventId: halt.eventId };
    const written = await registry.updateAgent({
      agent, halt, set: { status: 'suspended' }, updatedAt: haltedAt,
      ...(revoked !== undefined && { revocation }),
      // The revocation's own account of the suspension would say the same twice.
      audit: [haltAudit(agent, halt, actor), ...(revoked === undefined ? [] : revocationAudit(revoked, revocation, actor, newId).slice(0, 1))],
    });
    if (written) return { agent, halt };
  }
  throw agentChangedMeanwhile();
}

/** What those are told who read nothing but the codes of RFC 5280: that the agent stopped without reproach, or lost its permission. */
function reasonCodeOf(reason: string): Revocation['reasonCode'] {
  return reason === 'operator_initiated' ? 'cessationOfOperation' : 'privilegeWithdrawn';
}

function haltAudit(agent: Agent, { eventId, haltedAt, reason, operatorNote, certificateId }: Halt, actor: Actor): AuditEntry {
  return {
    id: eventId, tenantId: agent.tenantId, eventType: 'agent.halted', actor, description: `Agent ${agent.name} halted`, affectedId: agent.id,
    metadata: { reason, ...(operatorNote !== undefined && { operator_note: operatorNote }), ...(certificateId !== undefined && { certificate_id: certificateId }) },
    createdAt: haltedAt,
  };
}

/** Signs the receipt and keeps the signature where verifiers find it. Neither is worth a failure: the agent is halted. */
async function signReceipt(services: HaltServices, receipt: HaltReceipt): Promise<HaltReceipt> {
  const { registry, warn } = services;
  const { eventId, certificateId } = receipt.halt;
  let signature: Uint8Array;
  try {
    ({ signature } = await attest(services, haltStatementOctets(receipt)));
  } catch (cause) {
    warn(`The receipt of halt ${eventId} could not be signed`, cause);
    return receipt;
  }
  if (certificateId !== undefined) {
    await registry.noteHaltReceipt(certificateId, eventId, signature).catch((cause: unknown) => { warn(`The receipt of halt ${eventId} could not be kept`, cause); });
  }
  return { ...receipt, signature };
}
