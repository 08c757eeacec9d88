import type { z } from 'zod';
import { tokenSeconds, type MessageToSign, type SignedMessage } from '../authority/sign-message.ts';
import type { SignedContent } from '../authority/signed-content.ts';
import type { MessageVerification, PresentedMessage } from '../authority/verify-message.ts';
import { certificateIdOf, serialNumberOf } from '../pki/serial-number.ts';
import { invalidRequest, type Issue } from './problem.ts';
import type { signMessageRequest, verifyMessageRequest } from './requests.ts';
import { wholeSeconds } from './resources.ts';

const longestTokenSeconds = 3600;

/**
 * What a request asks to have signed: one of the three, which its schema has seen to. What depends on the time is seen to
 * here, so that a request that is repeated under its Idempotency-Key is not refused for being late.
 * @throws BadRequest 400 VALIDATION_FAILED for a token that has expired, lives for more than an hour, or never begins to
 */
export function messageToSign({ jwt, ...content }: z.output<typeof signMessageRequest>, now: Date): MessageToSign {
  if (!jwt) return signedContent(content);
  const issues = issuesOfClaims(jwt, now.getTime() / 1000);
  if (issues.length > 0) throw invalidRequest('body', issues);
  return { kind: 'jwt', claims: jwt };
}

function issuesOfClaims({ exp, nbf }: { exp?: number | undefined; nbf?: number | undefined }, now: number): Issue[] {
  const isWithinHour = exp === undefined || (exp > now && exp <= now + longestTokenSeconds);
  const begins = nbf === undefined || nbf < (exp ?? now + tokenSeconds);
  return [
    ...(isWithinHour ? [] : [{ path: 'jwt.exp', message: 'must be a time within the next hour, in seconds since 1970' }]),
    ...(begins ? [] : [{ path: 'jwt.nbf', message: exp === undefined ? `must be before exp, which is ${tokenSeconds} s ahead unless given` : 'must be before exp' }]),
  ];
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
