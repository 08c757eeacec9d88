import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import type { RsaPublicKey } from '../lambdas/pki/rsa-public-key.ts';

const RSASSA_PKCS1_V1_5 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
/** DigestInfo with SHA-256, up to the digest (RFC 8017 §9.2 note 1). */
const DIGEST_INFO_SHA256 = '3031300d060960864801650304020105000420';
/** Of 00 01, of the 00 before the DigestInfo, and of the DigestInfo. */
const FIXED_OCTETS = 3 + 51;

/**
 * Verifies an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 §8.2.2).
 * @param data what was signed, not its digest
 * @returns whether the signature is good; false for a key or signature that is malformed
 */
export async function isSignedBy(subjectPublicKeyInfo: Uint8Array, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const subtle = subtleCrypto();
  try {
    const key = await subtle.importKey('spki', owned(subjectPublicKeyInfo), RSASSA_PKCS1_V1_5, false, ['verify']);
    return await subtle.verify(RSASSA_PKCS1_V1_5, key, owned(signature), owned(data));
  } catch {
    return false;
  }
}

/**
 * As {@link isSignedBy}, given the digest alone. WebCrypto hashes whatever it verifies, so the one RSA operation is done
 * here; it is the public one, and its outcome is compared whole with the only encoding that is right.
 * @param publicKey with the exponent 65537
 * @param digest 32 octets
 */
export function isDigestSignedBy(publicKey: RsaPublicKey, digest: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.ceil(publicKey.modulusBits / 8);
  const modulus = BigInt(`0x${publicKey.modulus}`);
  const representative = BigInt(`0x0${hexOf(signature)}`);
  if (signature.length !== length || representative >= modulus) return false;
  const encoded = power65537(representative, modulus).toString(16).padStart(2 * length, '0');
  return encoded === `0001${'ff'.repeat(length - FIXED_OCTETS)}00${DIGEST_INFO_SHA256}${hexOf(digest)}`;
}

export async function sha256(data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await subtleCrypto().digest('SHA-256', owned(data)));
}

function power65537(base: bigint, modulus: bigint): bigint {
  let power = base;
  for (let squaring = 0; squaring < 16; squaring++) power = (power * power) % modulus;
  return (power * base) % modulus;
}

function subtleCrypto(): typeof globalThis.crypto.subtle {
  // Browsers leave it out of pages that came over plain http.
  if (globalThis.crypto?.subtle === undefined) throw new Error('There is no WebCrypto here. Use Node 20 or later, or serve the page over https.');
  return globalThis.crypto.subtle;
}

/** WebCrypto takes no memory that is shared between threads; what is read here is copied first, and never is. */
function owned(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  return octets as Uint8Array<ArrayBuffer>;
}
