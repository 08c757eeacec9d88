import { certificateIdFromRandom } from '../pki/serial-number.ts';
import type { Agent, Lease } from './agent.ts';
import { agentCertificateRecord, signAgentCertificate, type AgentCertificateServices } from './agent-certificate.ts';
import type { Actor, AuditEntry } from './audit.ts';
import type { Certificate } from './certificate.ts';
import { Refusal } from './errors.ts';
import { checkGrantee } from './grantee.ts';
import type { Authority, KeyManagement, Registry, Reservation } from './ports.ts';

/** Longer than any Lambda that issues may run (API Gateway gives up after 29 s), so a live issuance never loses its lease. */
export const leaseSeconds = 60;

export interface IssuanceServices extends AgentCertificateServices {
  readonly registry: Registry;
  readonly keys: KeyManagement;
  /** The authority that issues; rejects with CA_NOT_INITIALISED where none has been minted, with CA_REVOKED where it was revoked. */
  readonly issuingAuthority: () => Promise<Authority>;
  /** The accounts whose roles may be granted the use of agents' keys. */
  readonly granteeAccounts: readonly string[];
  readonly clock: () => Date;
  readonly random: (byteCount: number) => Uint8Array;
  readonly newId: () => string;
  /** Told of what could not be cleaned up at once and is left to be found by its tags. */
  readonly warn: (message: string, cause: unknown) => void;
}

/** What distinguishes one way to a certificate from another. */
export interface Issuance {
  readonly agentId: string;
  /** The IAM role that is to sign with the key itself; undefined for none. */
  readonly granteePrincipalArn: string | undefined;
  /** Takes the agent's lease, if its certificate may be issued. */
  readonly reserve: (lease: Lease) => Promise<Reservation>;
  /** Why it may not, judged by the item that made the reservation fail. */
  readonly whyNot: (agent: Agent | undefined, now: string) => Refusal;
  /** Makes the certificate the agent's active one, if the lease is still ours; false where it is not. */
  readonly commit: (certificate: Certificate, agent: Agent, lease: Lease) => Promise<boolean>;
}

/**
 * Issues a certificate under a lease: a key born in KMS, a certificate signed by the issuing authority's KMS key, and one
 * transaction that makes it the agent's active one. Five round trips one after the other: reserve, create the key, read
 * its public half, sign, commit. The key's ARN is noted, and the key granted, beside the third.
 *
 * Guarantee: whatever fails, there is never a second active certificate, and never an active one without a usable key,
 * nor one whose grantee is not granted the key.
 * @throws Refusal of `whyNot` (one round trip, no KMS call), GRANTEE_NOT_ALLOWED (none, or where KMS does not know the
 *   role), ISSUANCE_INTERRUPTED, CA_NOT_INITIALISED, CA_REVOKED, KMS_… and REGISTRY_UNAVAILABLE.
 */
export async function issueUnderLease(services: IssuanceServices, issuance: Issuance): Promise<Certificate> {
  const { registry, keys, warn } = services;
  const { agentId, granteePrincipalArn } = issuance;
  if (granteePrincipalArn !== undefined) checkGrantee(granteePrincipalArn, services.granteeAccounts);
  const authorityLoading = services.issuingAuthority();
  authorityLoading.catch(() => undefined); // awaited below, once it is known whether there is a lease to give back

  const lease = newLease(services);
  const reservation = await issuance.reserve(lease).catch(async (cause: unknown) => {
    await unwind(services, agentId, lease, undefined); // Only its answer may have been lost.
    throw cause;
  });
  if (!reservation.reserved) throw issuance.whyNot(reservation.agent, lease.acquiredAt);

  // The key to be got rid of if this fails: at first one that an earlier issuance could not get rid of itself.
  let keyArn = reservation.abandonedKeyArn;
  try {
    const authority = await authorityLoading;
    const { agent } = reservation;
    if (keyArn !== undefined) {
      await keys.scheduleKeyDeletion(keyArn).then(() => { keyArn = undefined; }, (cause: unknown) => { warn(`Abandoned key ${keyArn} still exists`, cause); });
    }
    keyArn = await keys.createAgentKey({ tenantId: agent.tenantId, agentId: agent.id, certificateId: lease.id }, granteePrincipalArn);
    const [publicKey, grant] = await Promise.all([
      keys.getPublicKey(keyArn),
      granted(keys, keyArn, granteePrincipalArn, lease.id),
      registry.noteLeaseKey(agent.id, lease.id, keyArn),
    ]);
    const certificateDer = await signAgentCertificate(services, authority, agent, lease, publicKey);
    const certificate = agentCertificateRecord(services, authority, agent, lease, { keyArn, ...grant }, certificateDer);
    if (!(await issuance.commit(certificate, agent, lease))) {
      throw new Refusal('ISSUANCE_INTERRUPTED', 'The agent was suspended, retired or found at high risk while its certificate was being issued, so none was. Read the agent before trying again.');
    }
    return certificate;
  } catch (error) {
    const landed = await unwind(services, agentId, lease, keyArn);
    if (landed !== undefined) return landed;
    throw error;
  }
}

function newLease({ clock, random }: IssuanceServices): Lease {
  const acquiredAt = clock();
  return {
    id: certificateIdFromRandom(random(16)),
    acquiredAt: acquiredAt.toISOString(),
    expiresAt: new Date(acquiredAt.getTime() + leaseSeconds * 1000).toISOString(),
  };
}

async function granted(keys: KeyManagement, keyArn: string, granteePrincipalArn: string | undefined, certificateId: string): Promise<Pick<Certificate, 'granteePrincipalArn' | 'grantId'>> {
  if (granteePrincipalArn === undefined) return {};
  return { granteePrincipalArn, grantId: await keys.grantSigning(keyArn, granteePrincipalArn, certificateId) };
}

/** What the audit trail says of an issuance. */
export function issuanceAudit({ id, agentId, tenantId, expiresAt, granteePrincipalArn }: Certificate, agentName: string, actor: Actor, createdAt: string): AuditEntry {
  return {
    id, tenantId, actor, createdAt, eventType: 'certificate.issued', description: `Certificate issued to agent ${agentName}`, affectedId: id,
    metadata: { agent_id: agentId, expires_at: expiresAt, ...(granteePrincipalArn !== undefined && { grantee_principal_arn: granteePrincipalArn }) },
  };
}

/**
 * Takes back what a failed issuance left, and answers its certificate where the failure was only the loss of the commit's
 * answer. The order matters: only after the lease is released can the commit no longer land, so only then is it known
 * whether it did, and only then may the key go. Where even this fails, the key stays noted on the lease or findable by
 * its tags.
 */
async function unwind({ registry, keys, warn }: IssuanceServices, agentId: string, lease: Lease, keyArn: string | undefined): Promise<Certificate | undefined> {
  try {
    await registry.releaseLease(agentId, keyArn === undefined ? lease : { ...lease, keyArn });
    if (keyArn === undefined) return undefined;
    const landed = await registry.getCertificate(lease.id);
    if (landed !== undefined) return landed;
    await keys.scheduleKeyDeletion(keyArn);
    await registry.forgetLease(agentId, lease.id);
  } catch (cause) {
    warn(`Issuance ${lease.id} could not be unwound: key ${keyArn ?? 'none'}, agent ${agentId}`, cause);
  }
  return undefined;
}
