import { DerError, type DerElement, readDer, TAG } from './der-reader.ts';
import { hexOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { derNotation } from './der-values.ts';

/** An RSA key as its SubjectPublicKeyInfo tells it. */
export interface RsaPublicKey {
  /** Lower-case hexadecimal digits, an even number without leading 00. */
  readonly modulus: string;
  readonly modulusBits: number;
  /** Lower-case hexadecimal digits of the INTEGER's octets: `010001` for 65537. */
  readonly exponent: string;
}

/** Whether the key is said to be rsaEncryption with NULL parameters (RFC 3279 §2.3.1). */
export function isRsaEncryption({ children: [algorithm] }: DerElement): boolean {
  return algorithm !== undefined && derNotation(algorithm) === `SEQUENCE { OID ${OID.rsaEncryption}, NULL }`;
}

/** The octets of the subjectPublicKey BIT STRING, which the key identifier is made of. */
export function subjectPublicKeyOf(subjectPublicKeyInfo: DerElement): Uint8Array {
  return subjectPublicKeyInfo.children[1]?.content.subarray(1) ?? new Uint8Array();
}

/**
 * RSAPublicKey ::= SEQUENCE { modulus, publicExponent } (RFC 8017 appendix A.1.1).
 * @throws DerError if the subjectPublicKey is something else, or one of the two is not positive
 */
export function rsaPublicKeyOf(subjectPublicKeyInfo: DerElement): RsaPublicKey {
  const { tag, children } = readDer(subjectPublicKeyOf(subjectPublicKeyInfo));
  const [modulus, publicExponent, ...rest] = children;
  const areIntegers = [modulus, publicExponent].every((integer) => integer?.tag === TAG.integer && (integer.content[0] ?? 0x80) < 0x80);
  if (tag !== TAG.sequence || !modulus || !publicExponent || !areIntegers || rest.length > 0) {
    throw new DerError('The subjectPublicKey is not an RSAPublicKey of two positive INTEGERs (RFC 8017 appendix A.1.1).');
  }
  const magnitude = hexOf(modulus.content).replace(/^00/, '');
  const leadingBits = magnitude === '' ? 0 : Math.clz32(Number.parseInt(magnitude.slice(0, 2), 16)) - 24;
  return { modulus: magnitude, modulusBits: 4 * magnitude.length - leadingBits, exponent: hexOf(publicExponent.content) };
}
