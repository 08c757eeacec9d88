import { fromBER } from 'asn1js';
import { Certificate, PublicKeyInfo } from 'pkijs';
import { DerError } from './der-reader.ts';
import { OID } from './object-identifiers.ts';
import { ownedBuffer } from './owned-buffer.ts';

/**
 * Parses a certificate into a PKI.js object over a copy of its bytes.
 * @throws DerError if `der` is not exactly one certificate; trailing bytes, which asn1js would ignore, included
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return parseExactly('certificate', der, (schema) => new Certificate({ schema }));
}

/**
 * Parses a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), as KMS GetPublicKey returns it.
 * @throws DerError if `der` is not exactly one SubjectPublicKeyInfo
 */
export function parseSubjectPublicKeyInfo(der: Uint8Array): PublicKeyInfo {
  return parseExactly('SubjectPublicKeyInfo', der, (schema) => new PublicKeyInfo({ schema }));
}

/**
 * The octets of a CA certificate's subjectKeyIdentifier.
 * @throws DerError if it has none: every CA certificate must (RFC 5280 §4.2.1.2)
 */
export function subjectKeyIdentifierOf(certificate: Certificate): Uint8Array {
  const found = certificate.extensions?.find(({ extnID }) => extnID === OID.subjectKeyIdentifier);
  if (found === undefined) throw new DerError('The issuer certificate has no subjectKeyIdentifier (RFC 5280 §4.2.1.2).');
  const { result } = fromBER(found.extnValue.valueBlock.valueHexView);
  if (!('valueHexView' in result.valueBlock)) throw new DerError('The subjectKeyIdentifier is not an OCTET STRING.');
  return result.valueBlock.valueHexView.slice();
}

function parseExactly<T>(what: string, der: Uint8Array, construct: (schema: ReturnType<typeof fromBER>['result']) => T): T {
  const { offset, result } = fromBER(ownedBuffer(der));
  if (offset === -1) throw new DerError(`The ${what} is not DER.`);
  if (offset !== der.byteLength) throw new DerError(`The ${what} is followed by ${der.byteLength - offset} trailing bytes.`);
  try {
    return construct(result);
  } catch (cause) {
    throw new DerError(`The DER is not a ${what}.`, { cause });
  }
}
