import { DerError, type DerElement, readDer, TAG } from './der-reader.ts';
import { hexOf } from './hexadecimal.ts';
import { SHA256_WITH_RSA_DER } from './signature-algorithm.ts';

/** What an issuer signed, and with what result. */
export interface SignedOctets {
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Takes a certificate's three parts apart, and holds it to say the same algorithm, sha256WithRSAEncryption with NULL,
 * inside and outside (RFC 5280 §4.1.1.2). The signature is for others to judge.
 * @returns the TBSCertificate as an element, its octets and the signature over them, all views of `certificateDer`
 * @throws DerError for anything else
 */
export function readSignedCertificate(certificateDer: Uint8Array): SignedOctets & { readonly tbsCertificate: DerElement } {
  const { tag, children: [tbsCertificate, signatureAlgorithm, signatureValue, ...rest] } = readDer(certificateDer);
  if (tag !== TAG.sequence || tbsCertificate?.tag !== TAG.sequence || !signatureAlgorithm || signatureValue?.tag !== TAG.bitString || rest.length > 0) {
    throw new DerError('The DER is not a Certificate (RFC 5280 §4.1).');
  }
  const signature = tbsCertificate.children.find(({ tag: fieldTag }) => fieldTag === TAG.sequence);
  if ([signature, signatureAlgorithm].some((algorithm) => algorithm === undefined || hexOf(algorithm.encoded) !== SHA256_WITH_RSA_DER)) {
    throw new DerError('The certificate’s algorithm is not sha256WithRSAEncryption with NULL in both places (RFC 5280 §4.1.1.2).');
  }
  if (signatureValue.content[0] !== 0) throw new DerError('The certificate’s signature is not whole octets (RFC 5280 §4.1.1.3).');
  return { tbsCertificate, signed: tbsCertificate.encoded, signature: signatureValue.content.subarray(1) };
}
