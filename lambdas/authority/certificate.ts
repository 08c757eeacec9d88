import type { FinancialScope } from './agent.ts';
import type { ReasonCode } from './revocation-reasons.ts';
import { certificateNotFound } from './errors.ts';

/** What the certificate was issued for: the agent as it was at that moment, whatever is edited later. */
export interface CertifiedProfile {
  readonly name: string;
  readonly modelHash: string;
  readonly model?: string;
  readonly version?: string;
  readonly operatorOrg?: string;
  readonly permittedActions: readonly string[];
  readonly financialScope?: FinancialScope;
}

/** A certificate as the registry holds it. Its private key is in KMS; only the key's ARN is here. */
export interface Certificate {
  readonly id: string;
  readonly agentId: string;
  readonly tenantId: string;
  readonly certificatePem: string;
  readonly keyArn: string;
  /** The IAM role that may sign with the key itself, by a grant of KMS. */
  readonly granteePrincipalArn?: string;
  readonly grantId?: string;
  /** What was last written; whether an active one still holds is for `statusAt` to say. */
  readonly status: 'active' | 'revoked';
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly createdAt: string;
  readonly certified: CertifiedProfile;
  /** The issuing authority's subject, as text. */
  readonly issuer: string;
  /** The number of the CRL that its revocation will appear in, which also tells who issued it (pki/issuing-generation.ts); fixed at issuance. */
  readonly crlShard: number;
  readonly revokedAt?: string;
  readonly revocationReason?: string;
  readonly reasonCode?: ReasonCode;
  /** Where its agent was halted, which revoked it: the event, and the attestation authority's signature once it is made. */
  readonly haltEventId?: string;
  readonly haltReceiptSignature?: Uint8Array;
  /** When its end by expiry was written down; it had ended at `expiresAt`. */
  readonly expiryNotedAt?: string;
}

export type CertificateStatus = 'active' | 'revoked' | 'expired';

/** The certificate's status at `now` (ISO 8601, milliseconds). A revocation stays one after the certificate's end. */
export function statusAt(certificate: Pick<Certificate, 'status' | 'expiresAt'>, now: string): CertificateStatus {
  return certificate.status === 'active' && certificate.expiresAt <= now ? 'expired' : certificate.status;
}

/** The certificate, if it exists and is the tenant's; throws CERTIFICATE_NOT_FOUND otherwise. */
export function ownCertificate(certificate: Certificate | undefined, tenantId: string): Certificate {
  if (certificate?.tenantId !== tenantId) throw certificateNotFound();
  return certificate;
}
