import { equalOctets } from '../lambdas/pki/octets.ts';
import { OID } from '../lambdas/pki/object-identifiers.ts';
import { RSA_BITS } from '../lambdas/pki/profile.ts';
import type { Certificate } from './certificate.ts';
import { hasBegun, isOver, type Moment, timeText } from './moment.ts';
import { Refusal } from './refusal.ts';
import { isSignedBy } from './signature.ts';
import { isSelfIssued, type TrustContents } from './trust.ts';

// RFC 5280 §6.1 for paths as this service has them: an agent's certificate, the issuing CA's, and the root's unless the
// issuing CA is itself the anchor. Signatures are verified from the anchor down, so that no key does work before it is
// vouched for.

export interface Path {
  readonly leaf: Certificate;
  readonly issuing: Certificate;
  /** Undefined where the issuing CA is the trust anchor. */
  readonly root: Certificate | undefined;
}

const EXPONENT_65537 = '010001';
// The critical extensions that are processed here (§6.1.4 (o), §6.1.5 (f)).
const PROCESSED_OF_AUTHORITY: readonly string[] = [OID.basicConstraints, OID.keyUsage];
const PROCESSED_OF_AGENT: readonly string[] = [...PROCESSED_OF_AUTHORITY, OID.extKeyUsage, OID.subjectAltName];

/**
 * Finds a path from `leaf` to a trust anchor on which everything holds at the moment.
 * @param untrusted certificates that came with the leaf
 * @throws Refusal with what is wrong with the first path there is
 */
export async function findPath(leaf: Certificate, untrusted: readonly Certificate[], trust: TrustContents, moment: Moment): Promise<Path> {
  let firstRefusal: Refusal | undefined;
  for (const path of candidates(leaf, untrusted, trust)) {
    const refusal = await refusalOfPath(path, moment);
    if (refusal === undefined) return path;
    firstRefusal ??= refusal;
  }
  throw firstRefusal ?? new Refusal('issuer_unknown', `No authority that is trusted has issued the certificate; its issuer is ${leaf.issuerName}. Get the authorities from GET /v1/ca of the service you trust.`);
}

/** Every path whose names and key identifiers chain, byte for byte (§6.1.3 (a)(4), §4.2.1.1). */
function* candidates(leaf: Certificate, untrusted: readonly Certificate[], { authorities, anchors }: TrustContents): Generator<Path, void, undefined> {
  for (const issuing of [...authorities, ...untrusted]) {
    if (!isNamedIssuer(issuing, leaf)) continue;
    if (anchors.includes(issuing)) yield { leaf, issuing, root: undefined };
    else for (const root of anchors) if (isNamedIssuer(root, issuing)) yield { leaf, issuing, root };
  }
}

function isNamedIssuer(issuer: Certificate, subject: Certificate): boolean {
  const { authorityKeyIdentifier } = subject;
  const { subjectKeyIdentifier } = issuer;
  const isSameKey = authorityKeyIdentifier === undefined || subjectKeyIdentifier === undefined || equalOctets(authorityKeyIdentifier, subjectKeyIdentifier);
  return isSameKey && equalOctets(issuer.subject.encoded, subject.issuer.encoded);
}

async function refusalOfPath({ leaf, issuing, root }: Path, moment: Moment): Promise<Refusal | undefined> {
  const ofRoot = root && refusalOfAuthority(root, 1, moment);
  if (ofRoot !== undefined) return ofRoot;
  if (root !== undefined && !(await isSignedBy(root.subjectPublicKeyInfo, issuing.signed, issuing.signature))) {
    return new Refusal('issuer_unknown', `${issuing.subjectName} is not signed by ${root.subjectName}, although it says so.`);
  }
  const ofIssuing = refusalOfAuthority(issuing, 0, moment);
  if (ofIssuing !== undefined) return ofIssuing;
  if (!(await isSignedBy(issuing.subjectPublicKeyInfo, leaf.signed, leaf.signature))) {
    return new Refusal('certificate_signature_mismatch', `The certificate is not signed by ${issuing.subjectName}, although it says so. It is forged or damaged.`);
  }
  return refusalOfAgent(leaf, moment);
}

/** @param authoritiesBelow CA certificates between this one and the agent's */
function refusalOfAuthority(authority: Certificate, authoritiesBelow: number, moment: Moment): Refusal | undefined {
  const name = authority.subjectName;
  const unsuitable = (what: string): Refusal => new Refusal('issuer_unsuitable', `${name} ${what}`);
  const { isAuthority, pathLength, critical } = authority;
  if (!isAuthority || !critical.includes(OID.basicConstraints)) return unsuitable('is not a CA (RFC 5280 §4.2.1.9).');
  if (pathLength !== undefined && pathLength < authoritiesBelow) return unsuitable('may not certify other CAs (RFC 5280 §4.2.1.9).');
  if (!authority.maySignCertificates || !critical.includes(OID.keyUsage)) return unsuitable('may not sign certificates (RFC 5280 §4.2.1.3).');
  const unknown = unknownCritical(authority, PROCESSED_OF_AUTHORITY);
  if (unknown !== undefined) return unsuitable(unknown);
  const weakness = weaknessOf(authority, isSelfIssued(authority) ? RSA_BITS.root : RSA_BITS.issuing);
  if (weakness !== undefined) return unsuitable(weakness);
  if (!hasBegun(moment, authority.notBefore)) return new Refusal('issuer_not_yet_valid', `${name} is valid from ${timeText(authority.notBefore)} on.`);
  if (isOver(moment, authority.notAfter)) return new Refusal('issuer_expired', `${name} was valid until ${timeText(authority.notAfter)}.`);
  return undefined;
}

function refusalOfAgent(leaf: Certificate, moment: Moment): Refusal | undefined {
  const unsuitable = (what: string): Refusal => new Refusal('certificate_unsuitable', `The certificate ${what}`);
  if (leaf.isAuthority) return unsuitable('is a CA’s, not an agent’s (RFC 5280 §4.2.1.9).');
  if (!leaf.mayDigitallySign) return unsuitable('is not for digital signatures (RFC 5280 §4.2.1.3).');
  if (!leaf.purposes.includes(OID.clientAuth)) return unsuitable('is not for authenticating a client, as an agent’s is (RFC 5280 §4.2.1.12).');
  const unknown = unknownCritical(leaf, PROCESSED_OF_AGENT);
  if (unknown !== undefined) return unsuitable(unknown);
  const weakness = weaknessOf(leaf, RSA_BITS.agent);
  if (weakness !== undefined) return unsuitable(weakness);
  if (!hasBegun(moment, leaf.notBefore)) return new Refusal('certificate_not_yet_valid', `The certificate is valid from ${timeText(leaf.notBefore)} on.`);
  if (isOver(moment, leaf.notAfter)) return new Refusal('certificate_expired', `The certificate was valid until ${timeText(leaf.notAfter)}. The agent needs a new one.`);
  return undefined;
}

function unknownCritical({ critical }: Certificate, processed: readonly string[]): string | undefined {
  const oid = critical.find((one) => !processed.includes(one));
  return oid && `has the critical extension ${oid}, which is not known here (RFC 5280 §4.2).`;
}

function weaknessOf({ publicKey: { modulusBits, exponent } }: Certificate, minimumBits: number): string | undefined {
  if (modulusBits < minimumBits) return `has an RSA key of ${modulusBits} bits, fewer than ${minimumBits} (certificate profile).`;
  return exponent === EXPONENT_65537 ? undefined : 'has an RSA key whose exponent is not 65537 (certificate profile).';
}
