import { createPublicKey, KeyObject, verify } from 'node:crypto';
import { readSignedCertificate, type SignedOctets } from './certificate-reader.ts';
import { readSignedCrl } from './crl-reader.ts';
import { DerError } from './der-reader.ts';

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
  return verifySigned(() => readSignedCertificate(certificateDer), issuerSubjectPublicKeyInfoDer);
}

/**
 * Verifies a CRL's signature under its issuer's key. Nothing else about it is checked.
 * @returns whether it holds; false for anything malformed, never an exception
 */
export function verifyCrlSignature(crlDer: Uint8Array, issuerSubjectPublicKeyInfoDer: Uint8Array): boolean {
  return verifySigned(() => readSignedCrl(crlDer), issuerSubjectPublicKeyInfoDer);
}

function verifySigned(read: () => SignedOctets, subjectPublicKeyInfoDer: Uint8Array): boolean {
  try {
    const { signed, signature } = read();
    return verifyRsaSha256(subjectPublicKeyInfoDer, signed, signature);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
