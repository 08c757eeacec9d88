import { constants, createPublicKey, publicDecrypt } from 'node:crypto';
import { octetsOf } from './hexadecimal.ts';

/** DigestInfo with SHA-256, up to the digest (RFC 8017 §9.2 note 1). */
const DIGEST_INFO_SHA256 = octetsOf('3031300d060960864801650304020105000420');

/**
 * Verifies an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 §8.2.2) where nothing is known of the message but its
 * digest, of which node:crypto has no verification: the signature is opened, and what it holds must be exactly the
 * DigestInfo that it ought to. All of it is public, so nothing has to be compared in constant time.
 * @param subjectPublicKeyInfoDer the signer's RSA key
 * @param digestSha256 32 octets
 * @returns whether the signature is good; false for any key, digest or signature that is malformed, never an exception
 */
export function verifyRsaSha256Digest(subjectPublicKeyInfoDer: Uint8Array, digestSha256: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(subjectPublicKeyInfoDer), format: 'der', type: 'spki' });
    const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    // RFC 8017 §8.2.2 step 1: OpenSSL would take a shorter one for a number with zeros before it.
    if (key.asymmetricKeyType !== 'rsa' || signature.length !== Math.ceil(modulusLength / 8) || digestSha256.length !== 32) return false;
    // The padding that this takes off (type 1, §9.2) fills all that the content leaves free, so it has one form only.
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).equals(Buffer.concat([DIGEST_INFO_SHA256, digestSha256]));
  } catch {
    return false;
  }
}
