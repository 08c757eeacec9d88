import { octetsOfBase64 } from '../lambdas/pki/base64.ts';
import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import type { CertificateInput } from './certificate.ts';
import { isOctets } from './encoded.ts';
import { type Content, readContent, type SignedContent } from './payload.ts';
import { Refusal, verdictOf } from './refusal.ts';
import { isDigestSignedBy, isSignedBy, sha256 } from './signature.ts';
import type { Trust } from './trust.ts';
import type { Verdict, VerifiedMessage } from './verdict.ts';
import { proveCertificate, type ProvedCertificate, type VerifyOptions } from './verify-certificate.ts';

export type SignedMessage = SignedContent & {
  readonly certificate: CertificateInput;
  /** RSASSA-PKCS1-v1_5 with SHA-256, in base64 (RFC 4648 §4) or octets. */
  readonly signature: string | Uint8Array;
};

/**
 * Verifies what an agent signed, and its certificate as verifyCertificate does.
 * @returns the agent and what it signed, or why not; never an exception for anything a counterparty may have sent
 * @throws TypeError for a trust that is not from readTrust, for malformed options, and if not exactly one of payload,
 *   payloadText, octets and digest is given
 */
export function verifyMessage(message: SignedMessage, trust: Trust, options: VerifyOptions = {}): Promise<Verdict<VerifiedMessage>> {
  return verdictOf(async () => {
    const content = readContent(message);
    const signature = signatureOf(message.signature);
    const proved = await proveCertificate(message.certificate, trust, options);
    if (!(await isContentSigned(content, proved, signature))) {
      throw new Refusal('signature_mismatch', `The signature is not over this message, or not by the key of certificate ${proved.verified.serialNumber}.`);
    }
    const digest = content.digest ?? (await sha256(content.octets ?? new Uint8Array()));
    return { ...proved.verified, payload: content.payload, payloadHash: hexOf(digest) };
  });
}

async function isContentSigned({ octets, digest }: Content, { certificate }: ProvedCertificate, signature: Uint8Array): Promise<boolean> {
  if (octets !== undefined) return isSignedBy(certificate.subjectPublicKeyInfo, octets, signature);
  return digest !== undefined && isDigestSignedBy(certificate.publicKey, digest, signature);
}

function signatureOf(value: unknown): Uint8Array {
  const signature = typeof value === 'string' ? octetsOfBase64(value) : isOctets(value) ? new Uint8Array(value) : undefined;
  if (signature === undefined || signature.length === 0) throw new Refusal('signature_malformed', 'The signature is not base64 (RFC 4648 §4) or octets.');
  return signature;
}
