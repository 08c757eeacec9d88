import { uriOfDistributionPoint } from '../lambdas/pki/crl-reader.ts';
import { DerError, type DerElement, readDer, TAG } from '../lambdas/pki/der-reader.ts';
import { derNotation, dottedOid, textOf } from '../lambdas/pki/der-values.ts';
import { OID } from '../lambdas/pki/object-identifiers.ts';
import type { ExtensionFields } from '../lambdas/pki/tbs-certificate.ts';

/** What a certificate's standard extensions say (RFC 5280 §4.2). One that is missing says nothing. */
export interface ExtensionValues {
  readonly isAuthority: boolean;
  /** How many CA certificates may stand between this one and an agent's; undefined for any number. */
  readonly pathLength: number | undefined;
  readonly mayDigitallySign: boolean;
  readonly maySignCertificates: boolean;
  readonly maySignCrls: boolean;
  /** Dotted OIDs. */
  readonly purposes: readonly string[];
  /** The URI that is the whole subjectAltName; undefined for any other. */
  readonly uri: string | undefined;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  readonly crlUrls: readonly string[];
  /** OIDs of the critical ones. */
  readonly critical: readonly string[];
  /** The value of any other. */
  extensionValue(oid: string): DerElement | undefined;
}

const BASIC_CONSTRAINTS = /^SEQUENCE \{ BOOLEAN ff(?:, INTEGER ([0-7][0-9a-f]))? \}$/;
const [DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN] = [0, 5, 6]; // Bits of KeyUsage (§4.2.1.3).
const URI_TAG = 0x86; // GeneralName uniformResourceIdentifier [6]
const KEY_IDENTIFIER_TAG = 0x80;

/** @throws DerError for an extension that is there twice or is not in DER, and for a standard one of another form than this service's */
export function readExtensionValues(extensions: readonly ExtensionFields[]): ExtensionValues {
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) throw new DerError('An extension of the certificate appears twice (RFC 5280 §4.2).');
  if (extensions.some(({ defaultEncoded }) => defaultEncoded)) throw new DerError('An extension of the certificate encodes critical FALSE, the default (X.690 §11.5).');
  const valueOf = (oid: string): DerElement | undefined => {
    const found = extensions.find((extension) => extension.oid === oid);
    return found && readDer(found.value);
  };
  const listOf = (oid: string): readonly DerElement[] => {
    const value = valueOf(oid);
    if (value !== undefined && value.tag !== TAG.sequence) throw new DerError(`Extension ${oid} of the certificate is not a SEQUENCE (RFC 5280 §4.2).`);
    return value?.children ?? [];
  };
  const keyUsage = valueOf(OID.keyUsage);
  const [firstName, ...otherNames] = listOf(OID.subjectAltName);
  const authorityKeyIdentifier = listOf(OID.authorityKeyIdentifier).find(({ tag }) => tag === KEY_IDENTIFIER_TAG);
  return {
    ...authorityValues(valueOf(OID.basicConstraints)),
    mayDigitallySign: hasBit(keyUsage, DIGITAL_SIGNATURE),
    maySignCertificates: hasBit(keyUsage, KEY_CERT_SIGN),
    maySignCrls: hasBit(keyUsage, CRL_SIGN),
    purposes: listOf(OID.extKeyUsage).map(({ content }) => dottedOid(content)),
    uri: firstName?.tag === URI_TAG && otherNames.length === 0 ? textOf(firstName.content) : undefined,
    subjectKeyIdentifier: valueOf(OID.subjectKeyIdentifier)?.content,
    authorityKeyIdentifier: authorityKeyIdentifier?.content,
    crlUrls: listOf(OID.cRLDistributionPoints).map(uriOfDistributionPoint),
    critical: extensions.filter(({ critical }) => critical).map(({ oid }) => oid),
    extensionValue: valueOf,
  };
}

function authorityValues(basicConstraints: DerElement | undefined): Pick<ExtensionValues, 'isAuthority' | 'pathLength'> {
  const notation = basicConstraints === undefined ? 'SEQUENCE {}' : derNotation(basicConstraints);
  if (notation === 'SEQUENCE {}') return { isAuthority: false, pathLength: undefined };
  const match = BASIC_CONSTRAINTS.exec(notation);
  if (match === null) throw new DerError('The certificate’s basicConstraints are neither empty nor those of a CA (RFC 5280 §4.2.1.9).');
  return { isAuthority: true, pathLength: match[1] === undefined ? undefined : Number.parseInt(match[1], 16) };
}

function hasBit(keyUsage: DerElement | undefined, bit: number): boolean {
  if (keyUsage === undefined) return false;
  if (keyUsage.tag !== TAG.bitString) throw new DerError('The certificate’s keyUsage is not a BIT STRING (RFC 5280 §4.2.1.3).');
  return ((keyUsage.content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
}
