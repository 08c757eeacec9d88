import * as asn1js from 'asn1js';
import { isCountryCode } from './iso-3166.ts';
import { nameAttributeProblem } from './name-attribute.ts';
import { OID } from './object-identifiers.ts';
import { ProfileError } from './profile-error.ts';

/** The three attributes this profile names its subjects by. */
export interface DistinguishedName {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country?: string;
  /** 1–64 characters. */
  readonly organization: string;
  /** 1–64 characters. */
  readonly commonName: string;
}

/**
 * Encodes a name as RFC 5280 §4.1.2.4 RDNSequence: country (PrintableString) if present, organization and common name
 * (UTF8String), each in a RelativeDistinguishedName of its own, most significant first.
 * @returns the DER of the SEQUENCE
 * @throws ProfileError if an attribute {@link nameAttributeProblem} or is not an assigned country code
 */
export function encodeName(name: DistinguishedName): Uint8Array {
  if (name.country !== undefined && !isCountryCode(name.country)) {
    throw new ProfileError('The country is not an assigned ISO 3166-1 alpha-2 code in upper case.');
  }
  assertNameAttribute('organization', name.organization);
  assertNameAttribute('common name', name.commonName);
  // One SET for each attribute. PKI.js would put all of them into one, a single multi-valued RDN, and no verifier would
  // find the issuer again.
  const rdnSequence = new asn1js.Sequence({
    value: [
      ...(name.country === undefined ? [] : [attribute(OID.countryName, new asn1js.PrintableString({ value: name.country }))]),
      attribute(OID.organizationName, new asn1js.Utf8String({ value: name.organization })),
      attribute(OID.commonName, new asn1js.Utf8String({ value: name.commonName })),
    ],
  });
  return new Uint8Array(rdnSequence.toBER());
}

function assertNameAttribute(field: string, text: string): void {
  const problem = nameAttributeProblem(text);
  if (problem !== undefined) throw new ProfileError(`The ${field} ${problem} (X.520 upper bounds, RFC 5280 appendix A.1).`);
}

function attribute(type: string, value: asn1js.PrintableString | asn1js.Utf8String): asn1js.Set {
  return new asn1js.Set({ value: [new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: type }), value] })] });
}
