import { decodeRevokedCertificate, type RevokedCertificate } from './crl-entry.ts';
import { DerError, TAG } from './der-reader.ts';
import { octetsOf } from './hexadecimal.ts';

// One extension, reasonCode, not critical, up to the code itself: how every entry of this service ends that has one.
const REASON_CODE = octetsOf('300c300a0603551d1504030a01');

/**
 * Looks a certificate up among the entries of a CRL. All are walked over, whether it is found or not, so that a list is
 * believed whole or not at all; only the one that is found becomes an object.
 * @param entries the content of revokedCertificates
 * @param serialNumber the content of the certificate's INTEGER
 * @throws DerError at an entry that is not as this service makes them, such as one with a critical extension, after which
 *   nothing of the CRL may be used (RFC 5280 §5.3)
 */
export function findRevokedCertificate(entries: Uint8Array, serialNumber: Uint8Array): RevokedCertificate | undefined {
  let found: RevokedCertificate | undefined;
  for (let offset = 0; offset < entries.length; ) {
    const end = endOfEntry(entries, offset);
    const isSought = hasSerialNumber(entries, offset, serialNumber);
    if (isSought || !isFamiliar(entries, offset, end)) {
      const revoked = decodeRevokedCertificate(entries.subarray(offset, end));
      if (isSought) found ??= revoked;
    }
    offset = end;
  }
  return found;
}

/** An entry is short enough for a length of one octet (X.690 §8.1.3.4). */
function endOfEntry(entries: Uint8Array, offset: number): number {
  const length = entries[offset + 1] ?? 0x80;
  const end = offset + 2 + length;
  if (entries[offset] !== TAG.sequence || length >= 0x80 || end > entries.length) throw new DerError('An entry of the CRL is not of this service, or is cut off.');
  return end;
}

function hasSerialNumber(entries: Uint8Array, offset: number, serialNumber: Uint8Array): boolean {
  if (entries[offset + 2] !== TAG.integer || entries[offset + 3] !== serialNumber.length) return false;
  for (let i = 0; i < serialNumber.length; i++) if (entries[offset + 4 + i] !== serialNumber[i]) return false;
  return true;
}

/** Whether an entry is an INTEGER, a Time and, if anything follows, a reasonCode. */
function isFamiliar(entries: Uint8Array, offset: number, end: number): boolean {
  if (entries[offset + 2] !== TAG.integer) return false;
  const time = offset + 4 + (entries[offset + 3] ?? 0);
  const afterTime = time + 2 + (entries[time + 1] ?? 0);
  if (entries[time] !== TAG.utcTime && entries[time] !== TAG.generalizedTime) return false;
  if (afterTime === end) return true;
  if (afterTime + REASON_CODE.length + 1 !== end) return false;
  for (let i = 0; i < REASON_CODE.length; i++) if (entries[afterTime + i] !== REASON_CODE[i]) return false;
  return true;
}
