import { verifyRsaSha256Digest } from '../pki/digest-signature.ts';
import { pemToDer } from '../pki/pem.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import { statusAt, type Certificate, type CertificateStatus } from './certificate.ts';
import { lookUpCertificate, type CertificateLookupServices } from './look-up-certificate.ts';
import { digestSha256Of, type SignedContent } from './signed-content.ts';

export interface PresentedMessage {
  readonly certificateId: string;
  readonly content: SignedContent;
  /** Undefined where what was presented as a signature cannot be one. */
  readonly signature: Uint8Array | undefined;
  /** Who is said to have signed it. */
  readonly agentId?: string | undefined;
}

/** Why a message is not to be relied on; the first that applies. */
export type InvalidMessageReason = 'signature_malformed' | 'signature_mismatch' | 'agent_mismatch' | 'certificate_revoked' | 'certificate_expired';

export interface MessageVerification {
  readonly certificate: Certificate;
  readonly certificateStatus: CertificateStatus;
  /** Undefined where the message is valid. */
  readonly reason: InvalidMessageReason | undefined;
}

/**
 * Verifies what somebody presents as signed by an agent: the signature under the certificate's key, and that the
 * certificate is active. One round trip, but that its issuer is read once a minute. It records nothing: whoever asks is unknown, and must not be able to get an
 * agent into trouble.
 * @throws Refusal CERTIFICATE_NOT_FOUND, REGISTRY_UNAVAILABLE.
 */
export async function verifyMessage({ clock, ...services }: CertificateLookupServices & { clock: () => Date }, message: PresentedMessage): Promise<MessageVerification> {
  const certificate = await lookUpCertificate(services, message.certificateId);
  const certificateStatus = statusAt(certificate, clock().toISOString());
  return { certificate, certificateStatus, reason: whyInvalid(message, certificate, certificateStatus) };
}

/** The signature comes first: what nobody has signed is no message of a revoked certificate either. */
function whyInvalid({ signature, content, agentId }: PresentedMessage, certificate: Certificate, status: CertificateStatus): InvalidMessageReason | undefined {
  if (signature === undefined) return 'signature_malformed';
  if (!verifyRsaSha256Digest(subjectPublicKeyInfoOf(pemToDer(certificate.certificatePem)), digestSha256Of(content), signature)) return 'signature_mismatch';
  if (agentId !== undefined && agentId.toLowerCase() !== certificate.agentId) return 'agent_mismatch';
  return status === 'active' ? undefined : `certificate_${status}`;
}
