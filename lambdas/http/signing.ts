import type { z } from 'zod';
import type { MessageToSign, SignedMessage } from '../authority/sign-message.ts';
import type { SignedContent } from '../authority/signed-content.ts';
import type { MessageVerification, PresentedMessage } from '../authority/verify-message.ts';
import { certificateIdOf, serialNumberOf } from '../pki/serial-number.ts';
import type { signMessageRequest, verifyMessageRequest } from './requests.ts';
import { wholeSeconds } from './resources.ts';

/** What a request asks to have signed: one of the three, which its schema has seen to. */
export function messageToSign({ jwt, ...content }: z.output<typeof signMessageRequest>): MessageToSign {
  return jwt ? { kind: 'jwt', claims: jwt } : signedContent(content);
}

export function signatureResource({ certificateId, signature, digestSha256, signedAt, token }: SignedMessage) {
  return {
    signature: Buffer.from(signature).toString('base64'),
    algorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    certificate_serial: serialNumberOf(certificateId),
    payload_hash: Buffer.from(digestSha256).toString('hex'),
    signed_at: signedAt,
    ...(token !== undefined && { token }),
  };
}

export function presentedMessage({ signature, certificate_serial, agent_id, ...content }: z.output<typeof verifyMessageRequest>): PresentedMessage {
  return { certificateId: certificateIdOf(certificate_serial), content: signedContent(content), signature, agentId: agent_id ?? undefined };
}

function signedContent({ payload, digest }: Pick<z.output<typeof verifyMessageRequest>, 'payload' | 'digest'>): SignedContent {
  return digest ? { kind: 'digest', digestSha256: digest } : { kind: 'payload', payload: payload ?? {} };
}

export function messageVerificationResource({ certificate, certificateStatus, reason }: MessageVerification) {
  return {
    valid: reason === undefined,
    certificate_status: certificateStatus,
    agent_id: certificate.agentId,
    agent_name: certificate.certified.name,
    model_hash: certificate.certified.modelHash,
    certificate_serial: serialNumberOf(certificate.id),
    expires_at: wholeSeconds(certificate.expiresAt),
    reason: reason ?? null,
  };
}
