import { fromBER } from 'asn1js';
import { PublicKeyInfo } from 'pkijs';
import { DerError } from './der-reader.ts';
import { ownedBuffer } from './owned-buffer.ts';

/**
 * Parses a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), as KMS GetPublicKey returns it, over a copy of its bytes.
 * @throws DerError if `der` is not exactly one SubjectPublicKeyInfo; trailing bytes, which asn1js would ignore, included
 */
export function parseSubjectPublicKeyInfo(der: Uint8Array): PublicKeyInfo {
  const { offset, result } = fromBER(ownedBuffer(der));
  if (offset !== der.byteLength) throw new DerError('The SubjectPublicKeyInfo is not DER, or is followed by trailing bytes.');
  try {
    return new PublicKeyInfo({ schema: result });
  } catch (cause) {
    throw new DerError('The DER is not a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).', { cause });
  }
}
