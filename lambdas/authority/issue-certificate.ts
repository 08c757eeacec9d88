import { X509Certificate } from 'node:crypto';
import { buildAgentCertificate, certificateToPem, describeCertificate, pemToDer } from '../pki/certificate.ts';
import { lintAgentCertificate } from '../pki/lint.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import { certificateIdFromRandom, crlShardOf } from '../pki/serial-number.ts';
import { verifyCertificateSignature } from '../pki/signature.ts';
import { whyNotIssuable, type Agent, type Lease } from './agent.ts';
import type { Actor } from './audit.ts';
import type { Certificate, CertifiedProfile } from './certificate.ts';
import { Refusal } from './errors.ts';
import type { Authority, KeyManagement, Registry } from './ports.ts';

/** Longer than any Lambda that issues may run (API Gateway gives up after 29 s), so a live issuance never loses its lease. */
export const leaseSeconds = 60;

export interface IssuanceServices {
  readonly registry: Registry;
  readonly keys: KeyManagement;
  /** The issuing authority; rejects with CA_NOT_INITIALISED where none has been minted. */
  readonly issuingAuthority: () => Promise<Authority>;
  readonly settings: ProfileSettings;
  /** Of how many CRLs each new certificate gets one. */
  readonly crlShardCount: number;
  readonly clock: () => Date;
  readonly random: (byteCount: number) => Uint8Array;
  /** Told of what could not be cleaned up at once and is left to be found by its tags. */
  readonly warn: (message: string, cause: unknown) => void;
}

export interface IssuanceRequest {
  readonly agentId: string;
  readonly tenantId: string;
  readonly actor: Actor;
}

/**
 * Issues the agent's certificate: a key born in KMS, a certificate signed by the issuing authority's KMS key, and one
 * transaction that makes it the agent's one active certificate. Five round trips one after the other: reserve, create the
 * key, read its public half, sign, commit.
 *
 * Guarantee: whatever fails, there is never a second active certificate, and never an active one without a usable key.
 * @throws Refusal AGENT_NOT_FOUND, AGENT_RETIRED, ACTIVE_CERTIFICATE_EXISTS, ISSUANCE_IN_PROGRESS (one round trip, no KMS
 *   call), ISSUANCE_INTERRUPTED, CA_NOT_INITIALISED, KMS_… and REGISTRY_UNAVAILABLE.
 */
export async function issueCertificate(services: IssuanceServices, request: IssuanceRequest): Promise<Certificate> {
  const { registry, keys, warn } = services;
  const authorityLoading = services.issuingAuthority();
  authorityLoading.catch(() => undefined); // awaited below, once it is known whether there is a lease to give back

  const lease = newLease(services);
  const reservation = await registry.reserveIssuance(request.agentId, request.tenantId, lease).catch(async (cause: unknown) => {
    await unwind(services, request.agentId, lease, undefined); // Only its answer may have been lost.
    throw cause;
  });
  if (!reservation.reserved) throw whyNotIssuable(reservation.agent, request.tenantId, lease.acquiredAt);

  // The key to be got rid of if this fails: at first one that an earlier issuance could not get rid of itself.
  let keyArn = reservation.abandonedKeyArn;
  try {
    const authority = await authorityLoading;
    const { agent } = reservation;
    if (keyArn !== undefined) {
      await keys.scheduleKeyDeletion(keyArn).then(() => { keyArn = undefined; }, (cause: unknown) => { warn(`Abandoned key ${keyArn} still exists`, cause); });
    }
    keyArn = await keys.createAgentKey({ tenantId: agent.tenantId, agentId: agent.id, certificateId: lease.id });
    const [publicKey] = await Promise.all([keys.getPublicKey(keyArn), registry.noteLeaseKey(agent.id, lease.id, keyArn)]);
    const certificateDer = await signCertificate(services, authority, agent, lease, publicKey);
    const certificate = certificateRecord(agent, lease, keyArn, certificateDer, services.crlShardCount);
    const committed = await registry.commitIssuance(certificate, lease.acquiredAt, {
      id: lease.id,
      tenantId: agent.tenantId,
      eventType: 'certificate.issued',
      actor: request.actor,
      description: `Certificate issued to agent ${agent.name}`,
      affectedId: certificate.id,
      metadata: { agent_id: agent.id, expires_at: certificate.expiresAt },
      createdAt: services.clock().toISOString(),
    });
    if (!committed) {
      throw new Refusal('ISSUANCE_INTERRUPTED', 'The agent was suspended, retired or found at high risk while its certificate was being issued, so none was. Read the agent before trying again.');
    }
    return certificate;
  } catch (error) {
    const landed = await unwind(services, request.agentId, lease, keyArn);
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

/** Builds the certificate, checks it as a stranger would, has its digest signed, and checks the signature. */
async function signCertificate({ keys, settings, crlShardCount }: IssuanceServices, authority: Authority, agent: Agent, lease: Lease, publicKey: Uint8Array): Promise<Uint8Array> {
  const issuerCertificateDer = pemToDer(authority.certificatePem);
  const parameters = {
    agent, certificateId: lease.id, subjectPublicKeyInfoDer: publicKey, issuerCertificateDer, settings, crlShard: crlShardOf(lease.id, crlShardCount),
  };
  const unsigned = buildAgentCertificate({ ...parameters, notBefore: new Date(lease.acquiredAt) });
  const findings = lintAgentCertificate({ ...parameters, tbsCertificateDer: unsigned.tbsCertificateDer });
  if (findings.length > 0) throw new Error(`The certificate to be signed violates the profile: ${findings.join('; ')}`);
  const certificateDer = unsigned.withSignature(await keys.signDigest(authority.keyArn, unsigned.digest));
  if (!verifyCertificateSignature(certificateDer, publicKeyOf(issuerCertificateDer))) {
    throw new Error('The signature that KMS made does not verify with the issuing certificate.');
  }
  return certificateDer;
}

function publicKeyOf(certificateDer: Uint8Array): Uint8Array {
  return new X509Certificate(certificateDer).publicKey.export({ type: 'spki', format: 'der' });
}

function certificateRecord(agent: Agent, lease: Lease, keyArn: string, certificateDer: Uint8Array, crlShardCount: number): Certificate {
  const { issuer, notBefore, notAfter } = describeCertificate(certificateDer);
  const { name, modelHash, model, version, operatorOrg, permittedActions, financialScope } = agent;
  return {
    id: lease.id,
    agentId: agent.id,
    tenantId: agent.tenantId,
    certificatePem: certificateToPem(certificateDer),
    keyArn,
    status: 'active',
    issuedAt: notBefore.toISOString(),
    expiresAt: new Date(notAfter.getTime() + 1000).toISOString(),
    createdAt: lease.acquiredAt,
    issuer,
    crlShard: crlShardOf(lease.id, crlShardCount),
    certified: {
      name, modelHash, permittedActions,
      ...(model !== undefined && { model }),
      ...(version !== undefined && { version }),
      ...(operatorOrg !== undefined && { operatorOrg }),
      ...(financialScope !== undefined && { financialScope }),
    } satisfies CertifiedProfile,
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
