import { createHash } from 'node:crypto';
import { DerError, type DerElement, TAG } from './der-reader.ts';
import { dottedOid } from './der-values.ts';
import { hexOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { subjectPublicKeyOf } from './rsa-public-key.ts';
import { serialNumberOfInteger } from './serial-number.ts';
import { readTbsOfCertificate } from './tbs-certificate.ts';

/** CertID (RFC 6960 §4.1.1): the certificate a client asks about. Hashes in lower-case hexadecimal digits. */
export interface OcspCertId {
  /** The client's own bytes, to be repeated in the answer: clients look for them there. */
  readonly der: Uint8Array;
  /** Undefined for an algorithm this responder does not compute: it cannot tell whose certificate is meant. */
  readonly hashAlgorithm: OcspHashAlgorithm | undefined;
  readonly issuerNameHash: string;
  readonly issuerKeyHash: string;
  /** 32 upper-case hexadecimal digits; undefined for a number no certificate of this service can have. */
  readonly serialNumber: string | undefined;
}

export type OcspHashAlgorithm = 'sha1' | 'sha256';

/** What CertIDs name an issuer by. */
export type OcspIssuerHashes = Readonly<Record<OcspHashAlgorithm, { readonly issuerNameHash: string; readonly issuerKeyHash: string }>>;

const HASH_ALGORITHM: Readonly<Record<string, OcspHashAlgorithm>> = { [OID.sha1]: 'sha1', [OID.sha256]: 'sha256' };

/** The hashes of a CA's name and of its key's bits, without tag, length and unused-bits octet (RFC 6960 §4.1.1). */
export function ocspIssuerHashes(issuerCertificateDer: Uint8Array): OcspIssuerHashes {
  const { subject, subjectPublicKeyInfo } = readTbsOfCertificate(issuerCertificateDer);
  const hashesBy = (algorithm: OcspHashAlgorithm): OcspIssuerHashes[OcspHashAlgorithm] => ({
    issuerNameHash: createHash(algorithm).update(subject.encoded).digest('hex'),
    issuerKeyHash: createHash(algorithm).update(subjectPublicKeyOf(subjectPublicKeyInfo)).digest('hex'),
  });
  return { sha1: hashesBy('sha1'), sha256: hashesBy('sha256') };
}

/**
 * Whether a CertID means a certificate of this issuer; never, if it hashes otherwise than by SHA-1 or SHA-256. A request
 * none of whose CertIDs does is answered `unauthorized`, as this responder is no authority for it (RFC 5019 §2.2.3).
 * Beside others that do, such a CertID has the status unknown: "an unrecognized issuer" (RFC 6960 §2.2).
 */
export function isIssuedBy(certId: OcspCertId, issuer: OcspIssuerHashes): boolean {
  if (certId.hashAlgorithm === undefined) return false;
  const { issuerNameHash, issuerKeyHash } = issuer[certId.hashAlgorithm];
  return certId.issuerNameHash === issuerNameHash && certId.issuerKeyHash === issuerKeyHash;
}

/**
 * Reads a CertID.
 * @throws DerError if it is none
 */
export function readCertId(certId: DerElement): OcspCertId {
  const [hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber, ...beyond] = certId.children;
  const [algorithm, parameters, ...furtherParameters] = hashAlgorithm?.children ?? [];
  const isAlgorithm = hashAlgorithm?.tag === TAG.sequence && algorithm?.tag === TAG.objectIdentifier && furtherParameters.length === 0;
  const isShaped = issuerNameHash?.tag === TAG.octetString && issuerKeyHash?.tag === TAG.octetString && serialNumber?.tag === TAG.integer;
  if (certId.tag !== TAG.sequence || !isAlgorithm || !isShaped || beyond.length > 0) throw new DerError('A CertID is malformed (RFC 6960 §4.1.1).');
  // NULL and nothing mean the same (RFC 5754 §2); other parameters make it an algorithm that is not known here.
  const isKnown = parameters === undefined || parameters.tag === TAG.null;
  return {
    der: certId.encoded,
    hashAlgorithm: isKnown ? HASH_ALGORITHM[dottedOid(algorithm.content)] : undefined,
    issuerNameHash: hexOf(issuerNameHash.content),
    issuerKeyHash: hexOf(issuerKeyHash.content),
    serialNumber: serialNumberOfInteger(serialNumber.content),
  };
}
