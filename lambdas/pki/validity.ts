import { Time } from 'pkijs';
import { ProfileError } from './profile-error.ts';

/** A certificate's validity in whole seconds, both ends included (RFC 5280 §4.1.2.5). */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * @param notBefore milliseconds are cut off: verifiers reject fractions of a second, which asn1js would encode
 * @param validitySeconds notAfter − notBefore, unless the issuer ends earlier
 * @param issuerEnd the issuer's notAfter, where the certificate is to end with it
 * @throws ProfileError if a date is invalid or outside 1950–9999, which neither of the two ASN.1 times can hold
 */
export function validityOf(notBefore: Date, validitySeconds: number, issuerEnd?: Date): Validity {
  const start = Math.floor(notBefore.getTime() / 1000);
  const notAfter = dateOf(start + validitySeconds);
  return { notBefore: dateOf(start), notAfter: issuerEnd !== undefined && issuerEnd < notAfter ? issuerEnd : notAfter };
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
export function encodeTime(date: Date): Time {
  return new Time({ type: date.getUTCFullYear() < 2050 ? 0 : 1, value: date });
}

function dateOf(epochSeconds: number): Date {
  const date = new Date(epochSeconds * 1000);
  const year = date.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) throw new ProfileError('Validity must lie in the years 1950–9999 (RFC 5280 §4.1.2.5).');
  return date;
}
