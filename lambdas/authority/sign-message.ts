import { describeCertificate } from '../pki/certificate-description.ts';
import { verifyRsaSha256Digest } from '../pki/digest-signature.ts';
import { generationOfShard } from '../pki/issuing-generation.ts';
import { compactJws, jwsSigningInput } from '../pki/jws.ts';
import { pemToDer } from '../pki/pem.ts';
import { serialNumberOf } from '../pki/serial-number.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import { ownAgent, type ActiveCertificate, type Agent } from './agent.ts';
import type { Principal } from './api-key.ts';
import type { Actor } from './audit.ts';
import { statusAt } from './certificate.ts';
import { agentNotFound, agentRetired, Refusal } from './errors.ts';
import type { IssuingAuthorities } from './issuing-authority.ts';
import type { KeyManagement, Registry } from './ports.ts';
import { digestSha256Of, sha256, type SignedContent } from './signed-content.ts';

export interface SigningServices {
  readonly registry: Pick<Registry, 'getAgent' | 'getCertificate' | 'recordSignature'>;
  readonly keys: Pick<KeyManagement, 'signDigest'>;
  /** The issuer's certificate goes into a token beside the agent's. */
  readonly issuingAuthorities: IssuingAuthorities;
  readonly clock: () => Date;
  readonly newId: () => string;
}

/** What an agent may sign: a JSON object, the SHA-256 of anything, or the claims of a JWT. */
export type MessageToSign =
  | SignedContent
  | { readonly kind: 'jwt'; readonly claims: Readonly<Record<string, unknown>> & { readonly exp?: number | undefined } };

export interface SigningRequest {
  readonly principal: Principal;
  readonly actor: Actor;
  readonly agentId: string;
  readonly message: MessageToSign;
}

export interface SignedMessage {
  readonly certificateId: string;
  readonly signature: Uint8Array;
  /** Of the octets signed. */
  readonly digestSha256: Uint8Array;
  readonly signedAt: string;
  /** The JWT, where that is what was signed. */
  readonly token?: string;
}

/** How long a token lives that does not say. */
export const tokenSeconds = 300;

// Whose certificate is renewed while it signs does so with the new one. That one would have to be renewed in as short a time.
const attempts = 3;

/**
 * Signs in the agent's name with the key of its active certificate. Three round trips: the agent, the signature, and the
 * transaction that records it on condition that the certificate is active still. Where it is not, the agent may have
 * another by now: then as many again.
 *
 * Guarantee: no signature leaves that is not in the audit trail, or that was made under a certificate which had ended by
 * the time it was recorded.
 * @throws Refusal AGENT_NOT_FOUND (also of an agent's own key, for any other agent), AGENT_RETIRED, AGENT_SUSPENDED,
 *   CERTIFICATE_NOT_ACTIVE, KMS_… and REGISTRY_UNAVAILABLE.
 */
export async function signMessage(services: SigningServices, request: SigningRequest): Promise<SignedMessage> {
  const { registry, clock } = services;
  const { principal, agentId } = request;
  if (principal.agentId !== undefined && principal.agentId !== agentId) throw agentNotFound();
  let endedId: string | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const agent = ownAgent(await registry.getAgent(agentId), principal.tenantId);
    const certificate = activeCertificate(agent, clock().toISOString());
    if (certificate.id === endedId) break;
    const signed = await signUnder(services, request, agent, certificate);
    if (signed !== undefined) return signed;
    endedId = certificate.id;
  }
  throw new Refusal('CERTIFICATE_NOT_ACTIVE', 'The agent’s certificate ended while the message was being signed, so nothing was. Read the agent before trying again.');
}

function activeCertificate({ status, activeCertificate: certificate }: Agent, now: string): ActiveCertificate {
  if (status === 'retired') throw agentRetired();
  if (status === 'suspended') {
    throw new Refusal('AGENT_SUSPENDED', 'The agent is suspended, so nothing is signed in its name. Certify it again with POST /v1/agents/{id}/certify before it signs.');
  }
  if (status !== 'active' || certificate === undefined || certificate.expiresAt <= now) {
    throw new Refusal('CERTIFICATE_NOT_ACTIVE', 'The agent has no active certificate, so nothing can be signed in its name. Certify it with POST /v1/agents/{id}/certify first.');
  }
  // It is not in the agent's item, and its key does not know the signing role.
  if (certificate.certificateDer === undefined) {
    throw new Refusal('CERTIFICATE_NOT_ACTIVE', 'The agent’s certificate was issued before agents could sign with theirs. Renew it with POST /v1/certificates/{id}/renew first.', {
      data: { certificate_id: certificate.id },
    });
  }
  return certificate;
}

/** Signs and records under this certificate; undefined where it had ended by then. */
async function signUnder(services: SigningServices, { actor, message }: SigningRequest, agent: Agent, certificate: ActiveCertificate): Promise<SignedMessage | undefined> {
  const { registry, clock, newId } = services;
  const id = newId();
  const { digestSha256, tokenWith } = await prepare(services, message, certificate, id);
  const signature = await sign(services, certificate, digestSha256);
  if (signature === undefined) return undefined;
  const signedAt = clock().toISOString();
  const recorded = await registry.recordSignature(certificate.id, {
    id,
    tenantId: agent.tenantId,
    eventType: 'message.signed',
    actor,
    description: `Message signed in the name of agent ${agent.name}`,
    affectedId: agent.id,
    metadata: { kind: message.kind, payload_hash: Buffer.from(digestSha256).toString('hex'), certificate_serial: serialNumberOf(certificate.id) },
    createdAt: signedAt,
  });
  if (!recorded) return undefined;
  return { certificateId: certificate.id, signature, digestSha256, signedAt, ...(tokenWith !== undefined && { token: tokenWith(signature) }) };
}

interface Prepared {
  readonly digestSha256: Uint8Array;
  /** Puts the signature to the token that was prepared. */
  readonly tokenWith?: (signature: Uint8Array) => string;
}

/** @param id of what is to be signed: a token's jti, by which it is found in the audit trail */
async function prepare({ clock, issuingAuthorities }: SigningServices, message: MessageToSign, { certificateDer, crlShard }: ActiveCertificate, id: string): Promise<Prepared> {
  if (message.kind !== 'jwt') return { digestSha256: digestSha256Of(message) };
  const [uri] = describeCertificate(certificateDer).subjectAltName;
  const iat = Math.floor(clock().getTime() / 1000);
  // The agent speaks for itself, as in RFC 7523 §3; it cannot say that it is another, or that this was said before.
  const claims = { ...message.claims, iss: uri, sub: uri, iat, exp: message.claims.exp ?? iat + tokenSeconds, jti: id };
  const { certificatePem: issuerPem } = await issuingAuthorities(generationOfShard(crlShard));
  const signingInput = jwsSigningInput(claims, [certificateDer, pemToDer(issuerPem)]);
  return { digestSha256: sha256(signingInput), tokenWith: (signature) => compactJws(signingInput, signature) };
}

/** Has the digest signed, and checks the signature as a stranger would, with the certificate; undefined where that has ended. */
async function sign({ registry, keys, clock }: SigningServices, { id, keyArn, certificateDer }: ActiveCertificate, digestSha256: Uint8Array): Promise<Uint8Array | undefined> {
  const signature = await keys.signDigest(keyArn, digestSha256).catch(async (cause: unknown) => {
    // The key of a certificate that has just ended is pending deletion: to try again, as other failures ask for, is in vain.
    const certificate = await registry.getCertificate(id);
    if (certificate !== undefined && statusAt(certificate, clock().toISOString()) !== 'active') return undefined;
    throw cause;
  });
  if (signature !== undefined && !verifyRsaSha256Digest(subjectPublicKeyInfoOf(certificateDer), digestSha256, signature)) {
    throw new Error('The signature that KMS made does not verify with the agent’s certificate.');
  }
  return signature;
}
