import type { CertifiedAgent } from './certified-agent.ts';
import { DerError, readDer } from './der-reader.ts';
import { hexOf } from './hexadecimal.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { expectedOfAgent, expectedOfAuthority, extensionRefusals } from './lint-extensions.ts';
import * as fields from './lint-fields.ts';
import { OID } from './object-identifiers.ts';
import { AGENT_VALIDITY_SECONDS, ISSUING_VALIDITY_SECONDS, type ProfileSettings, ROOT_VALIDITY_SECONDS, RSA_BITS } from './profile.ts';
import { subjectPublicKeyOf } from './rsa-public-key.ts';
import { serialNumberOf } from './serial-number.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectKeyIdentifierOf, type TbsFields } from './tbs-certificate.ts';

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
    yield* fields.versionRefusals(tbs);
    yield* fields.serialNumberRefusals(tbs, serialNumberOf(input.certificateId));
    yield* fields.signatureAlgorithmRefusals(tbs);
    yield* authorityRefusals(issuer);
    yield* fields.issuerRefusals(tbs, issuer.subject);
    yield* fields.validityRefusals(tbs, { validitySeconds: AGENT_VALIDITY_SECONDS }, issuer);
    yield* fields.subjectRefusals(tbs, { organization: agent.operatorOrg ?? agent.tenantId, commonName: agent.id });
    yield* fields.publicKeyRefusals(tbs, input.subjectPublicKeyInfoDer, RSA_BITS.agent);
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
    yield* fields.versionRefusals(tbs);
    yield* fields.serialNumberRefusals(tbs, input.serialNumber);
    yield* fields.signatureAlgorithmRefusals(tbs);
    if (root !== undefined) yield* authorityRefusals(root);
    yield* fields.issuerRefusals(tbs, root?.subject ?? tbs.subject);
    yield* root === undefined
      ? fields.validityRefusals(tbs, { validitySeconds: ROOT_VALIDITY_SECONDS }, undefined)
      : fields.validityRefusals(tbs, { validitySeconds: ISSUING_VALIDITY_SECONDS, mayEndEarly: true }, root);
    yield* fields.subjectRefusals(tbs, input.subject);
    yield* fields.publicKeyRefusals(tbs, input.subjectPublicKeyInfoDer, root === undefined ? RSA_BITS.root : RSA_BITS.issuing);
    const expected = expectedOfAuthority({
      settings: input.settings,
      subjectPublicKey: subjectPublicKeyOf(readDer(input.subjectPublicKeyInfoDer)),
      issuerKeyIdentifier: root && hexOf(subjectKeyIdentifierOf(root)),
    });
    yield* extensionRefusals(tbs.extensions, expected);
  });
}

/** Bytes that are no DER, or no certificate, are a refusal like any other; nothing after them can be judged. */
export function refusals(lint: () => Iterable<string>): string[] {
  const found: string[] = [];
  try {
    for (const refusal of lint()) found.push(refusal);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    found.push(error.message);
  }
  return found;
}

/** A wrong file configured as the issuer would otherwise show only in the first client's handshake. */
export function* authorityRefusals(issuer: TbsFields): Iterable<string> {
  const basicConstraints = issuer.extensions.find(({ oid }) => oid === OID.basicConstraints);
  const isAuthority = basicConstraints !== undefined && readDer(basicConstraints.value).children[0]?.content[0] === 0xff;
  if (!isAuthority) yield 'the issuer certificate is not a CA certificate (RFC 5280 §4.2.1.9)';
}
