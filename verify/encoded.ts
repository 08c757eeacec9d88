import { octetsOfBase64 } from '../lambdas/pki/base64.ts';
import { DerError } from '../lambdas/pki/der-reader.ts';
import { pemBlocks } from '../lambdas/pki/pem-reader.ts';

/** PEM text (what stands around the blocks is skipped), the same in octets, or one DER. */
export type Encoded = string | Uint8Array;

const SEQUENCE = 0x30;

/**
 * The DER in what a caller or a counterparty handed over, in memory that nobody else can change.
 * @throws DerError if it is neither DER nor PEM with a block of `label`
 */
export function dersOf(source: unknown, label: 'CERTIFICATE' | 'X509 CRL'): Uint8Array[] {
  if (isOctets(source) && source[0] === SEQUENCE) return [new Uint8Array(source)];
  if (typeof source !== 'string' && !isOctets(source)) throw new DerError('It is neither text nor octets. Give PEM text, or DER in a Uint8Array.');
  const ders = [...pemBlocks(typeof source === 'string' ? source : new TextDecoder().decode(source), label)];
  if (ders.length === 0) throw new DerError(`It is neither DER nor PEM with a block BEGIN ${label} (RFC 7468).`);
  return ders;
}

export function isOctets(value: unknown): value is Uint8Array {
  // An object of another realm is no instance of this realm's Uint8Array.
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/**
 * The DERs of a JWS header's x5c, the signer's first (RFC 7515 §4.1.6: base64, not base64url).
 * @throws DerError if one of them is not
 */
export function dersOfX5c(x5c: readonly unknown[]): Uint8Array[] {
  return x5c.map((base64) => {
    const der = typeof base64 === 'string' ? octetsOfBase64(base64) : undefined;
    if (der === undefined) throw new DerError('An element of x5c is not base64 (RFC 7515 §4.1.6).');
    return der;
  });
}
