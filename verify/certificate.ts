import { readSignedCertificate } from '../lambdas/pki/certificate-reader.ts';
import { DerError, type DerElement } from '../lambdas/pki/der-reader.ts';
import { dateOfTime } from '../lambdas/pki/der-values.ts';
import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import { nameText } from '../lambdas/pki/name-text.ts';
import { isRsaEncryption, type RsaPublicKey, rsaPublicKeyOf } from '../lambdas/pki/rsa-public-key.ts';
import { readTbsCertificate } from '../lambdas/pki/tbs-certificate.ts';
import { dersOf, dersOfX5c, type Encoded } from './encoded.ts';
import { type ExtensionValues, readExtensionValues } from './extension-values.ts';

/** A certificate taken apart. Its form was checked and nothing else: no signature, no date, no issuer. Octets are views of `der`. */
export interface Certificate extends ExtensionValues {
  readonly der: Uint8Array;
  /** The TBSCertificate, and the issuer's signature over it. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly subject: DerElement;
  readonly issuer: DerElement;
  /** Both as RFC 4514 writes them. */
  readonly subjectName: string;
  readonly issuerName: string;
  /** The content of the INTEGER, which is positive. */
  readonly serialNumber: Uint8Array;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: RsaPublicKey;
}

/** A certificate alone, or with those that help to find the way from it to an authority: PEM, DER, or a JWS header's x5c. */
export type CertificateInput = Encoded | readonly string[];

const V3 = '020102';
const SERIAL_NUMBER_MAX_OCTETS = 20;
// A hundred permitted actions and the longest financial scope, in UTF-8, come to less than 100 KiB.
const CERTIFICATE_MAX_OCTETS = 128 * 2 ** 10;
/** The agent's, its issuer's, the root, and one to spare. */
const CHAIN_MAX_CERTIFICATES = 4;

/** @throws DerError for what is not a certificate in strict DER of the algorithm and key type of this service */
export function readCertificate(der: Uint8Array): Certificate {
  if (der.length > CERTIFICATE_MAX_OCTETS) throw new DerError(`The certificate is longer than ${CERTIFICATE_MAX_OCTETS} octets.`);
  const { signed, signature } = readSignedCertificate(der);
  const tbs = readTbsCertificate(signed);
  if (tbs.version === undefined || hexOf(tbs.version.encoded) !== V3) throw new DerError('The certificate is not v3 (RFC 5280 §4.1.2.1).');
  if (tbs.uniqueIds.length > 0) throw new DerError('The certificate has an issuerUniqueID or subjectUniqueID (RFC 5280 §4.1.2.8).');
  const serialNumber = tbs.serialNumber.content;
  if ((serialNumber[0] ?? 0x80) >= 0x80 || serialNumber.every((octet) => octet === 0) || serialNumber.length > SERIAL_NUMBER_MAX_OCTETS) {
    throw new DerError('The certificate’s serial number is not positive, or longer than 20 octets (RFC 5280 §4.1.2.2).');
  }
  if (!isRsaEncryption(tbs.subjectPublicKeyInfo)) throw new DerError('The certificate’s key is not rsaEncryption with NULL parameters (RFC 3279 §2.3.1).');
  return {
    der, signed, signature, serialNumber,
    subject: tbs.subject,
    issuer: tbs.issuer,
    subjectName: nameText(tbs.subject),
    issuerName: nameText(tbs.issuer),
    notBefore: dateOfTime(tbs.notBefore).getTime() / 1000,
    notAfter: dateOfTime(tbs.notAfter).getTime() / 1000,
    subjectPublicKeyInfo: tbs.subjectPublicKeyInfo.encoded,
    publicKey: rsaPublicKeyOf(tbs.subjectPublicKeyInfo),
    ...readExtensionValues(tbs.extensions),
  };
}

/**
 * The certificate that is to be verified and, after it, those that came along. None of them is trusted for coming along.
 * @throws DerError for anything malformed, and for more than four
 */
export function readChain(input: unknown): [Certificate, ...Certificate[]] {
  const [leaf, ...others] = Array.isArray(input) ? dersOfX5c(input) : dersOf(input, 'CERTIFICATE');
  if (leaf === undefined || others.length >= CHAIN_MAX_CERTIFICATES) throw new DerError(`There are no certificates, or more than ${CHAIN_MAX_CERTIFICATES}.`);
  return [readCertificate(leaf), ...others.map(readCertificate)];
}
