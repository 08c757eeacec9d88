import { createPublicKey, KeyObject, verify } from 'node:crypto';
import { readDer, TAG } from './der-reader.ts';
import { hexOf } from './hexadecimal.ts';

/** AlgorithmIdentifier { sha256WithRSAEncryption, NULL } (RFC 4055 §5), DER in hexadecimal digits. */
export const SHA256_WITH_RSA_DER = '300d06092a864886f70d01010b0500';

/**
 * Verifies an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 §8.2.2).
 * @param publicKey the signer's RSA key: its SubjectPublicKeyInfo in DER or, for who verifies often under the same one,
 *   what Node has made of it, which takes longer than the verification
 * @param data what was signed, not its digest
 * @returns whether the signature is good; false for any key, data or signature that is malformed, never an exception
 */
export function verifyRsaSha256(publicKey: Uint8Array | KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = publicKey instanceof KeyObject ? publicKey : createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'rsa' && verify('sha256', data, key, signature);
  } catch {
    return false;
  }
}

/**
 * Verifies a certificate's signature under its issuer's key, and that the certificate says the same algorithm,
 * sha256WithRSAEncryption with NULL, inside and outside (RFC 5280 §4.1.1.2). Nothing else about it is checked.
 * @returns whether it holds; false for anything malformed, never an exception
 */
export function verifyCertificateSignature(certificateDer: Uint8Array, issuerSubjectPublicKeyInfoDer: Uint8Array): boolean {
  try {
    const { tag, children: [tbsCertificate, signatureAlgorithm, signatureValue, ...rest] } = readDer(certificateDer);
    if (tag !== TAG.sequence || !tbsCertificate || !signatureAlgorithm || !signatureValue || rest.length > 0) return false;
    const signature = tbsCertificate.children[2];
    if (!signature || hexOf(signature.encoded) !== SHA256_WITH_RSA_DER || hexOf(signatureAlgorithm.encoded) !== SHA256_WITH_RSA_DER) return false;
    if (signatureValue.tag !== 0x03 || signatureValue.content[0] !== 0) return false;
    return verifyRsaSha256(issuerSubjectPublicKeyInfoDer, tbsCertificate.encoded, signatureValue.content.subarray(1));
  } catch {
    return false;
  }
}
