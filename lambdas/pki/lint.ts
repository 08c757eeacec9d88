import type { CertifiedAgent } from './certified-agent.ts';
import { DerError, readDer } from './der-reader.ts';
import { hexOf } from './hexadecimal.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { expectedOfAgent, expectedOfAuthority, expectedOfService, extensionRefusals } from './lint-extensions.ts';
import { fieldRefusals } from './lint-fields.ts';
import { agentValiditySeconds, ISSUING_VALIDITY_SECONDS, type ProfileSettings, ROOT_VALIDITY_SECONDS, RSA_BITS, SERVICE_PROFILES, type ServiceRole } from './profile.ts';
import { subjectPublicKeyOf } from './rsa-public-key.ts';
import { serialNumberOf } from './serial-number.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';

// The last look at what is about to be signed. It reads the TBSCertificate's bytes with a DER reader of its own, so
// that neither a fault of the builder nor one of the library under it can reach the signature. As in Boulder's
// issuance/ and zlint, the outcome is a flat list of refusals, each with its reason and where the rule is written.

export interface AgentLintInput {
  readonly tbsCertificateDer: Uint8Array;
  /** The certified key as KMS holds it. */
  readonly subjectPublicKeyInfoDer: Uint8Array;
  readonly issuerCertificateDer: Uint8Array;
  readonly certificateId: string;
  readonly settings: ProfileSettings;
  readonly crlShard?: number;
  readonly agent: CertifiedAgent;
}

export interface AuthorityLintInput {
  readonly tbsCertificateDer: Uint8Array;
  readonly subjectPublicKeyInfoDer: Uint8Array;
  /** The root's certificate where an issuing CA is to be signed; undefined for the root itself. */
  readonly issuerCertificateDer?: Uint8Array;
  /** 32 upper-case hexadecimal digits. */
  readonly serialNumber: string;
  readonly subject: DistinguishedName;
  readonly settings: ProfileSettings;
}

export interface ServiceLintInput extends AuthorityLintInput {
  readonly role: ServiceRole;
  readonly issuerCertificateDer: Uint8Array;
}

/**
 * Refuses an agent's TBSCertificate for whatever is not as the profile has it.
 * @returns one sentence for each refusal; empty if it may be signed
 * @throws ProfileError or RangeError if `agent`, `settings` or `certificateId` could not be in any certificate
 */
export function lintAgentCertificate(input: AgentLintInput): string[] {
  return refusals(function* () {
    const issuer = readTbsOfCertificate(input.issuerCertificateDer);
    const tbs = readTbsCertificate(input.tbsCertificateDer);
    const { agent } = input;
    yield* fieldRefusals(tbs, {
      serialNumber: serialNumberOf(input.certificateId),
      issuer,
      validitySeconds: agentValiditySeconds(input.settings),
      subject: { organization: agent.operatorOrg ?? agent.tenantId, commonName: agent.id },
      subjectPublicKeyInfoDer: input.subjectPublicKeyInfoDer,
      rsaBits: RSA_BITS.agent,
    });
    const expected = expectedOfAgent({
      agent,
      settings: input.settings,
      crlShard: input.crlShard,
      subjectPublicKey: subjectPublicKeyOf(readDer(input.subjectPublicKeyInfoDer)),
      issuerKeyIdentifier: hexOf(subjectKeyIdentifierOf(issuer)),
    });
    yield* extensionRefusals(tbs.extensions, expected);
  });
}

/**
 * Refuses the TBSCertificate of the root or of the issuing CA for whatever is not as the profile has it.
 * @returns one sentence for each refusal; empty if it may be signed
 */
export function lintAuthorityCertificate(input: AuthorityLintInput): string[] {
  return refusals(function* () {
    const root = input.issuerCertificateDer && readTbsOfCertificate(input.issuerCertificateDer);
    const tbs = readTbsCertificate(input.tbsCertificateDer);
    const profile = root === undefined
      ? { validitySeconds: ROOT_VALIDITY_SECONDS, rsaBits: RSA_BITS.root }
      : { validitySeconds: ISSUING_VALIDITY_SECONDS, mayEndEarly: true, rsaBits: RSA_BITS.issuing };
    yield* fieldRefusals(tbs, { ...input, ...profile, issuer: root });
    const expected = expectedOfAuthority({
      settings: input.settings,
      subjectPublicKey: subjectPublicKeyOf(readDer(input.subjectPublicKeyInfoDer)),
      issuerKeyIdentifier: root && hexOf(subjectKeyIdentifierOf(root)),
    });
    yield* extensionRefusals(tbs.extensions, expected);
  });
}

/**
 * Refuses the TBSCertificate of a part of the service itself for whatever is not as the profile has it.
 * @returns one sentence for each refusal; empty if it may be signed
 */
export function lintServiceCertificate(input: ServiceLintInput): string[] {
  return refusals(function* () {
    const issuer = readTbsOfCertificate(input.issuerCertificateDer);
    const tbs = readTbsCertificate(input.tbsCertificateDer);
    const profile = SERVICE_PROFILES[input.role];
    yield* fieldRefusals(tbs, { ...input, issuer, validitySeconds: profile.validitySeconds, mayEndEarly: true, rsaBits: RSA_BITS.service });
    const expected = expectedOfService({
      profile,
      subjectPublicKey: subjectPublicKeyOf(readDer(input.subjectPublicKeyInfoDer)),
      issuerKeyIdentifier: hexOf(subjectKeyIdentifierOf(issuer)),
    });
    yield* extensionRefusals(tbs.extensions, expected);
  });
}

/** Bytes that are no DER, or no certificate, are a refusal like any other; nothing after them can be judged. */
function refusals(lint: () => Iterable<string>): string[] {
  const found: string[] = [];
  try {
    for (const refusal of lint()) found.push(refusal);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    found.push(error.message);
  }
  return found;
}
