import { TAG } from './der-reader.ts';
import { ProfileError } from './profile-error.ts';

// The only ASN.1 this project encodes by hand. A CRL is long: through PKI.js's objects 100,000 entries take 11 s and
// 1.8 GB, joined as DER they take milliseconds. An OCSP response is asked for often, and repeats a certificate that asn1js
// would take apart and encode anew for each. Tests hold both equal to what PKI.js builds, byte for byte. All else is
// encoded by asn1js.

/**
 * The identifier and length octets of an element, the length in the fewest octets (X.690 §10.1).
 * @param contentLength in octets, below 2^32
 */
export function derHeader(tag: number, contentLength: number): Uint8Array<ArrayBuffer> {
  if (contentLength < 0x80) return Uint8Array.of(tag, contentLength);
  const octets: number[] = [];
  for (let rest = contentLength; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | octets.length, ...octets);
}

/** One element around the parts, in memory of its own. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatenated([derHeader(tag, totalLength(parts)), ...parts]);
}

/**
 * A positive INTEGER in the fewest octets (X.690 §8.3.2): leading zeros go, and one comes back where the number would
 * otherwise be negative. asn1js does neither, and a CRL whose serial number differs from the certificate's by such an
 * octet revokes nothing.
 * @param magnitude big-endian
 * @throws ProfileError if it is zero
 */
export function derPositiveInteger(magnitude: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = magnitude.findIndex((octet) => octet !== 0);
  if (start === -1) throw new ProfileError('A serial number or CRL number is a positive INTEGER (RFC 5280 §4.1.2.2, §5.2.3).');
  const significant = magnitude.subarray(start);
  return derElement(TAG.integer, (significant[0] ?? 0) < 0x80 ? significant : concatenated([Uint8Array.of(0), significant]));
}

/**
 * A Time in whole seconds: UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §5.1.2.4 to §5.1.2.6).
 * @param date milliseconds are cut off
 * @throws ProfileError if it is invalid or outside 1950–9999, which neither of the two can hold
 */
export function derTime(date: Date): Uint8Array<ArrayBuffer> {
  return date.getUTCFullYear() < 2050 ? derElement(TAG.utcTime, new TextEncoder().encode(digitsOf(date).slice(2))) : derGeneralizedTime(date);
}

/** As {@link derTime}, but GeneralizedTime whatever the year, as OCSP has it (RFC 6960 §4.2.1). */
export function derGeneralizedTime(date: Date): Uint8Array<ArrayBuffer> {
  return derElement(TAG.generalizedTime, new TextEncoder().encode(digitsOf(date)));
}

/** YYYYMMDDHHMMSSZ */
function digitsOf(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) throw new ProfileError('A date in a CRL or OCSP response lies in the years 1950–9999 (RFC 5280 §5.1.2.4).');
  return date.toISOString().replace(/\.\d+Z$/, 'Z').replace(/[-:T]/g, '');
}

/** The sum of the parts' lengths, in octets. */
export function totalLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** The parts one after the other, in memory of its own: Buffer.concat may place them in Node's shared pool. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(totalLength(parts));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
