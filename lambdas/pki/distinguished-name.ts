import * as asn1js from 'asn1js';
import { isCountryCode } from './iso-3166.ts';
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

/** X.520 ub-organization-name and ub-common-name (RFC 5280 appendix A.1), counted in characters, not in octets. */
export const NAME_ATTRIBUTE_MAX_CHARACTERS = 64;

// Control characters, lone surrogates, line and paragraph separators, and the marks that reverse the direction of what
// follows: with any of them a name displays as something else than it is.
const UNDISPLAYABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

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

/**
 * Says why `text` cannot be an organization or common name, so that a request can be refused before anything is issued.
 * @returns the rule it breaks, fit to follow "The organization", or undefined where it is acceptable
 */
export function nameAttributeProblem(text: string): string | undefined {
  if (text.trim() === '') return 'is empty or blank';
  if (UNDISPLAYABLE.test(text)) return 'contains a control character, a line separator, a direction mark or half a character';
  if ([...text].length > NAME_ATTRIBUTE_MAX_CHARACTERS) return `is longer than ${NAME_ATTRIBUTE_MAX_CHARACTERS} characters`;
  return undefined;
}

function assertNameAttribute(field: string, text: string): void {
  const problem = nameAttributeProblem(text);
  if (problem !== undefined) throw new ProfileError(`The ${field} ${problem} (X.520 upper bounds, RFC 5280 appendix A.1).`);
}

function attribute(type: string, value: asn1js.PrintableString | asn1js.Utf8String): asn1js.Set {
  return new asn1js.Set({ value: [new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: type }), value] })] });
}
