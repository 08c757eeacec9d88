/**
 * Verifies what Kakunin's agents present, without calling the service: a certificate, a signed message, a JWT. Runs in
 * Node 20 and later and in browsers, on WebCrypto alone.
 *
 * ```ts
 * import { readTrust, verifyMessage } from 'kakunin/verify';
 *
 * const trust = readTrust({ authorities: pemOfTheAuthorities, crls: [crlOfTheShard] });
 * const verdict = await verifyMessage({ certificate, payloadText, signature }, trust);
 * if (!verdict.valid) throw new Error(`${verdict.reason}: ${verdict.message}`);
 * verdict.agent.permittedActions; // what the agent may do
 * ```
 *
 * What a counterparty sent never makes these functions throw: the verdict says `valid: false` and why. They throw a
 * TypeError where they are called wrongly.
 */

export type { CertificateInput } from './certificate.ts';
export type { Encoded } from './encoded.ts';
export type { SignedContent } from './payload.ts';
export { readTrust, type Trust, type TrustSource } from './trust.ts';
export type { NotValid, Reason, TokenClaims, Verdict, VerifiedAgent, VerifiedCertificate, VerifiedMessage, VerifiedToken } from './verdict.ts';
export { type RevocationPolicy, verifyCertificate, type VerifyOptions } from './verify-certificate.ts';
export { type SignedMessage, verifyMessage } from './verify-message.ts';
export { verifyToken, type VerifyTokenOptions } from './verify-token.ts';
