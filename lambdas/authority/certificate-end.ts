import type { ActiveCertificate, Agent } from './agent.ts';
import type { Certificate } from './certificate.ts';

/** What must be known of a certificate to end it. */
export type EndingCertificate = Pick<Certificate, 'id' | 'agentId' | 'tenantId' | 'keyArn' | 'grantId' | 'crlShard' | 'expiresAt'>;

/**
 * That a certificate has ended: an entry of the registry's outbox, written in the transaction that ends it. What the end
 * entails outside the registry, its key's deletion and its place on CRLs, follows from the table's stream.
 */
export interface CertificateEnd {
  readonly certificateId: string;
  readonly agentId: string;
  readonly tenantId: string;
  readonly keyArn: string;
  /** Of the grant on the key, where there is one. */
  readonly grantId?: string | undefined;
  readonly crlShard: number;
  readonly cause: 'revoked' | 'expired';
  readonly endedAt: string;
}

/** A key that an issuance has left behind: no certificate has it, and none will. */
export interface AbandonedKey {
  readonly cause: 'abandoned';
  readonly keyArn: string;
  /** Whose issuance it was created for. There may be such a certificate all the same, with another key. */
  readonly certificateId: string;
  readonly agentId: string;
  readonly tenantId: string;
}

/** A key that is to be taken out of use, and why. */
export type KeyEnd = CertificateEnd | AbandonedKey;

export function certificateEnd({ id, agentId, tenantId, keyArn, grantId, crlShard }: EndingCertificate, cause: CertificateEnd['cause'], endedAt: string): CertificateEnd {
  return { certificateId: id, agentId, tenantId, keyArn, ...(grantId !== undefined && { grantId }), crlShard, cause, endedAt };
}

/** The certificate that the agent points to, without another read. */
export function activeCertificateOf({ id: agentId, tenantId, activeCertificate }: Agent): (ActiveCertificate & EndingCertificate) | undefined {
  return activeCertificate && { ...activeCertificate, agentId, tenantId };
}
