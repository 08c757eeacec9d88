import { DerError, readDer, TAG } from './der-reader.ts';
import { dateOfTime } from './der-values.ts';
import { derElement, derPositiveInteger, derTime } from './der-writer.ts';
import { octetsOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { ProfileError } from './profile-error.ts';
import { serialNumberOfInteger } from './serial-number.ts';
import { extensionOf } from './tbs-certificate.ts';

/** A certificate on a CRL. */
export interface RevokedCertificate {
  /** 32 hexadecimal digits, upper case. */
  readonly serialNumber: string;
  /** Whole seconds. */
  readonly revocationDate: Date;
  /** CRLReason (RFC 5280 §5.3.1); 0, unspecified, where the entry gives none. */
  readonly reasonCode: number;
}

/**
 * CRLReason values an entry may carry. 7 is not assigned. removeFromCRL (8) belongs on delta CRLs only (RFC 5280 §5.3.1),
 * which this service does not issue, and OpenSSL takes a certificate listed with it for good.
 */
export const REVOCATION_REASON_CODES: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 9, 10];
const UNSPECIFIED = 0;
const ENTRY_MAX_OCTETS = 128;

const REASON_CODE_OID_DER = octetsOf('0603551d15'); // OID.reasonCode
const ENUMERATED = 0x0a;

/**
 * Encodes one entry of revokedCertificates (RFC 5280 §5.1.2.6): what a revocation is stored with, so that a CRL is made
 * by joining. reasonCode is not critical, and left out for unspecified, as §5.3.1 wants it.
 * @param revoked `serialNumber`: 32 hexadecimal digits of either case; milliseconds of `revocationDate` are cut off
 * @returns the SEQUENCE's DER
 * @throws ProfileError for a serial number that is malformed or zero, a date outside 1950–9999 or a reason that is not
 *   one of {@link REVOCATION_REASON_CODES}
 */
export function encodeRevokedCertificate(revoked: RevokedCertificate): Uint8Array {
  const { serialNumber, revocationDate, reasonCode } = revoked;
  if (!/^[0-9A-F]{32}$/i.test(serialNumber)) throw new ProfileError('A serial number on a CRL is 32 hexadecimal digits (RFC 5280 §5.1.2.6).');
  if (!REVOCATION_REASON_CODES.includes(reasonCode)) {
    throw new ProfileError('A reasonCode on a complete CRL is 0–6, 9 or 10 (RFC 5280 §5.3.1).');
  }
  return derElement(
    TAG.sequence,
    derPositiveInteger(octetsOf(serialNumber)),
    derTime(revocationDate),
    ...(reasonCode === UNSPECIFIED ? [] : [derElement(TAG.sequence, reasonCodeExtension(reasonCode))]),
  );
}

/**
 * Reads one entry of revokedCertificates, strictly.
 * @param der the SEQUENCE
 * @throws DerError if it is not an entry as {@link encodeRevokedCertificate} makes them
 */
export function decodeRevokedCertificate(der: Uint8Array): RevokedCertificate {
  if (der.length > ENTRY_MAX_OCTETS) throw new DerError('An entry of the CRL is longer than those of this service.');
  const { tag, children } = readDer(der);
  const [userCertificate, revocationDate, extensions, ...beyond] = children;
  if (tag !== TAG.sequence || userCertificate?.tag !== TAG.integer || !revocationDate || beyond.length > 0) {
    throw new DerError('The DER is not an entry of revokedCertificates (RFC 5280 §5.1).');
  }
  const serialNumber = serialNumberOfInteger(userCertificate.content);
  if (serialNumber === undefined) throw new DerError('A serial number on the CRL is not positive or above 16 octets (RFC 5280 §4.1.2.2).');
  if (extensions === undefined) return { serialNumber, revocationDate: dateOfTime(revocationDate), reasonCode: UNSPECIFIED };
  const [extension, ...others] = extensions.children.map(extensionOf);
  if (extensions.tag !== TAG.sequence || extension?.oid !== OID.reasonCode || extension.critical || others.length > 0) {
    throw new DerError('An entry of the CRL has other extensions than a reasonCode that is not critical (RFC 5280 §5.3).');
  }
  return { serialNumber, revocationDate: dateOfTime(revocationDate), reasonCode: reasonCodeOf(extension.value) };
}

function reasonCodeExtension(reasonCode: number): Uint8Array {
  const cRLReason = derElement(ENUMERATED, Uint8Array.of(reasonCode));
  return derElement(TAG.sequence, REASON_CODE_OID_DER, derElement(TAG.octetString, cRLReason));
}

function reasonCodeOf(extnValue: Uint8Array): number {
  const [tag, length, reasonCode = UNSPECIFIED] = extnValue;
  const isListed = reasonCode !== UNSPECIFIED && REVOCATION_REASON_CODES.includes(reasonCode);
  if (extnValue.length !== 3 || tag !== ENUMERATED || length !== 1 || !isListed) throw new DerError('A reasonCode on the CRL is not 1–6, 9 or 10 (RFC 5280 §5.3.1).');
  return reasonCode;
}
