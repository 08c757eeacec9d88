import { hexOf } from './hexadecimal.ts';
import { firstShardOf } from './issuing-generation.ts';

// Certificate ids and serial numbers are two spellings of one 128-bit number: the id is its UUIDv4 form, the serial
// number its 32 hexadecimal digits. RFC 5280 §4.1.2.2 asks for a positive INTEGER of at most 20 octets. With a first
// octet in 0x01–0x7f its DER is exactly the 16 octets: no sign padding, no dropped leading zero, so that certificate,
// CRL, OCSP and database key can never disagree about it.

const SERIAL_OCTETS = 16;
const CANONICAL_SERIAL = /^[0-9A-F]{32}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

// Longest accepted spelling: 20 octets with colons is 59 characters; the rest is room for `serial=`, `0x` and spaces.
const LONGEST_SPELLING = 80;

/**
 * Makes a certificate id out of randomness.
 * @param random16 16 octets from a cryptographic generator; 121 of their bits survive (RFC 5280 and the CA/Browser
 *   Forum ask for 64 at least)
 * @returns a lower-case UUIDv4 (RFC 9562 §5.4) whose first octet lies in 0x01–0x7f
 * @throws RangeError if `random16` is not 16 octets long
 */
export function certificateIdFromRandom(random16: Uint8Array): string {
  const octets = positiveOctets(random16);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x40;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  return certificateIdOf(hexOf(octets).toUpperCase());
}

/**
 * Makes a CA certificate's serial number out of randomness: 127 random bits, no UUID structure.
 * @param random16 16 octets from a cryptographic generator
 * @returns 32 upper-case hexadecimal digits, the first octet in 0x01–0x7f
 * @throws RangeError if `random16` is not 16 octets long
 */
export function serialNumberFromRandom(random16: Uint8Array): string {
  return hexOf(positiveOctets(random16)).toUpperCase();
}

/**
 * The serial number of the certificate with this id.
 * @param certificateId a UUID, hyphenated
 * @returns the same 128 bits as 32 upper-case hexadecimal digits
 * @throws RangeError if `certificateId` is not a UUID
 */
export function serialNumberOf(certificateId: string): string {
  if (!UUID.test(certificateId)) throw new RangeError('A certificate id is a hyphenated UUID.');
  return certificateId.replaceAll('-', '').toUpperCase();
}

/**
 * The id of the certificate with this serial number: the reverse of {@link serialNumberOf}.
 * @param serialNumber 32 upper-case hexadecimal digits, as {@link parseSerialNumber} returns them
 * @returns a lower-case, hyphenated UUID
 * @throws RangeError if `serialNumber` is not in canonical form
 */
export function certificateIdOf(serialNumber: string): string {
  if (!CANONICAL_SERIAL.test(serialNumber)) throw new RangeError('A serial number is 32 upper-case hexadecimal digits.');
  const hex = serialNumber.toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * Reads a serial number as clients spell it: upper or lower case, octets separated by colons, leading zeros missing or
 * (DER sign padding) in excess, the output of `openssl x509 -serial` with its `serial=`, a `0x` prefix, the certificate
 * id itself. Work is bounded by {@link LONGEST_SPELLING}, and every pattern is linear.
 * @returns the canonical 32 upper-case hexadecimal digits, or undefined for what is not a serial number or has more
 *   than 32 significant digits. Zero is accepted as a spelling, although no certificate carries it.
 */
export function parseSerialNumber(text: string): string | undefined {
  if (text.length > LONGEST_SPELLING) return undefined;
  const spelling = text.trim().replace(/^serial=/i, '').replace(/^0x/i, '');
  const digits = joinedDigits(spelling);
  if (digits === undefined || !/^[0-9a-f]+$/i.test(digits)) return undefined;
  const significant = digits.replace(/^0+/, '');
  return significant.length > 2 * SERIAL_OCTETS ? undefined : significant.padStart(2 * SERIAL_OCTETS, '0').toUpperCase();
}

/**
 * The serial number an ASN.1 INTEGER stands for.
 * @param content the INTEGER's, in DER
 * @returns the canonical 32 upper-case hexadecimal digits, or undefined for what no certificate of this service has:
 *   zero, a negative number, or one of more than 16 octets
 */
export function serialNumberOfInteger(content: Uint8Array): string | undefined {
  const isPositive = (content[0] ?? 0x80) < 0x80 && content.some((octet) => octet !== 0);
  return isPositive ? parseSerialNumber(hexOf(content)) : undefined;
}

/** Takes the separators out where they separate octets (colons) or stand as in a UUID (hyphens), and nowhere else. */
function joinedDigits(spelling: string): string | undefined {
  if (UUID.test(spelling)) return spelling.replaceAll('-', '');
  if (!spelling.includes(':')) return spelling;
  const [first = '', ...octets] = spelling.split(':');
  // Only the most significant octet may have lost a zero.
  const separatesOctets = (first.length === 1 || first.length === 2) && octets.every((octet) => octet.length === 2);
  return separatesOctets ? first + octets.join('') : undefined;
}

function positiveOctets(random16: Uint8Array): Uint8Array {
  if (random16.length !== SERIAL_OCTETS) throw new RangeError(`A serial number is made of ${SERIAL_OCTETS} random octets, not ${random16.length}.`);
  const octets = Uint8Array.from(random16);
  octets[0] = (octets[0] ?? 0) & 0x7f || 0x01;
  return octets;
}

/**
 * The CRL shard a certificate belongs to from birth, one of the `shardCount` of its issuer's generation, evenly spread by
 * the random bits of its id.
 */
export function crlShardOf(certificateId: string, shardCount: number, generation: number): number {
  return firstShardOf(generation) + (Number.parseInt(certificateId.slice(-6), 16) % shardCount);
}
