import { createHash } from 'node:crypto';
import { encodeCrlExtensions } from './crl-extensions.ts';
import { DerError, readHeader, TAG } from './der-reader.ts';
import { concatenated, derElement, derHeader, derTime, totalLength } from './der-writer.ts';
import { octetsOf } from './hexadecimal.ts';
import { ProfileError } from './profile-error.ts';
import { SHA256_WITH_RSA_DER } from './signature-algorithm.ts';
import { readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';

// The CRL's other forms have files of their own and are part of this module's interface.
export { encodeRevokedCertificate, type RevokedCertificate } from './crl-entry.ts';
export { type CertificateRevocationList, parseCrl } from './crl-reader.ts';
export { crlToPem } from './pem.ts';
export { verifyCrlSignature } from './signature.ts';

export interface CrlRequest {
  readonly issuerCertificateDer: Uint8Array;
  /** Milliseconds are cut off, here and below. */
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Greater than that of every CRL issued before for the same scope (RFC 5280 §5.2.3). */
  readonly crlNumber: bigint;
  /**
   * Entries as encodeRevokedCertificate makes them, one by one or joined, in the order they are to have. None may be
   * there twice. A joined buffer must not change until the CRL is signed.
   */
  readonly entries: Iterable<Uint8Array> | Uint8Array;
  /** A shard's URI; undefined for a CRL that covers every certificate of its issuer. */
  readonly issuingDistributionPoint?: string | undefined;
}

/** A CRL that lacks its signature, because the key that makes it is in KMS. */
export interface UnsignedCrl {
  /** SHA-256 of the TBSCertList: what KMS signs under MessageType DIGEST, as RAW ends at 4,096 octets. */
  readonly digest: Uint8Array;
  /**
   * The CRL's DER.
   * @param signature RSASSA-PKCS1-v1_5 over `digest`; taken as it is, so verify the CRL (verifyCrlSignature) before
   *   publishing it
   */
  withSignature(signature: Uint8Array): Uint8Array;
}

const SHA256_WITH_RSA = octetsOf(SHA256_WITH_RSA_DER);
const V2 = octetsOf('020101'); // Counted from zero (RFC 5280 §5.1.2.1).
const CRL_EXTENSIONS = 0xa0; // [0] EXPLICIT

/**
 * Puts a CRL together (RFC 5280 §5.1): v2, sha256WithRSAEncryption with NULL in both places (§5.1.1.2), the issuer byte
 * for byte the certificate's subject, without revokedCertificates where nothing is revoked (§5.1.2.6). Of the entries it
 * keeps one copy, none where they come joined; the TBSCertList is hashed part by part and joined only with its signature.
 * @throws ProfileError for a date, CRL number or URI outside the profile; DerError for a malformed issuer certificate or
 *   entry
 */
export function buildCrl(request: CrlRequest): UnsignedCrl {
  const issuer = readTbsOfCertificate(request.issuerCertificateDer);
  if (!(request.thisUpdate < request.nextUpdate)) throw new ProfileError('A CRL’s nextUpdate is after its thisUpdate (RFC 5280 §5.1.2.5).');
  const extensions = encodeCrlExtensions({
    authorityKeyIdentifier: subjectKeyIdentifierOf(issuer),
    crlNumber: request.crlNumber,
    issuingDistributionPoint: request.issuingDistributionPoint,
  });
  const entries = joinEntries(request.entries);
  const fields = [
    V2,
    SHA256_WITH_RSA,
    issuer.subject.encoded.slice(),
    derTime(request.thisUpdate),
    derTime(request.nextUpdate),
    ...(entries.length === 0 ? [] : [derHeader(TAG.sequence, totalLength(entries)), ...entries]),
    derElement(CRL_EXTENSIONS, extensions),
  ];
  const tbsCertList = [derHeader(TAG.sequence, totalLength(fields)), ...fields];
  const hash = createHash('sha256');
  for (const part of tbsCertList) hash.update(part);
  return {
    digest: Uint8Array.from(hash.digest()),
    withSignature: (signature) => {
      const signatureValue = derElement(TAG.bitString, Uint8Array.of(0), signature);
      const certificateList = [...tbsCertList, SHA256_WITH_RSA, signatureValue];
      return concatenated([derHeader(TAG.sequence, totalLength(certificateList)), ...certificateList]);
    },
  };
}

const BLOCK_OCTETS = 1 << 20;

/** Copies the entries into few large blocks, so that hashing and joining are a handful of calls and not one per entry. */
function joinEntries(entries: Iterable<Uint8Array> | Uint8Array): Uint8Array[] {
  if (isJoined(entries)) {
    for (let offset = 0; offset < entries.length; ) offset = endOfEntry(entries, offset);
    return entries.length === 0 ? [] : [entries];
  }
  const blocks: Uint8Array[] = [];
  let block = new Uint8Array(0);
  let used = 0;
  for (const entry of entries) {
    if (endOfEntry(entry, 0) !== entry.length) throw new DerError('An entry of the CRL is followed by trailing bytes.');
    if (used + entry.length > block.length) {
      if (used > 0) blocks.push(block.subarray(0, used));
      block = new Uint8Array(Math.max(BLOCK_OCTETS, entry.length));
      used = 0;
    }
    block.set(entry, used);
    used += entry.length;
  }
  if (used > 0) blocks.push(block.subarray(0, used));
  return blocks;
}

function isJoined(entries: Iterable<Uint8Array> | Uint8Array): entries is Uint8Array {
  return ArrayBuffer.isView(entries);
}

/** One torn entry would make the whole CRL unreadable for everybody, so its frame is checked before anything is signed. */
function endOfEntry(der: Uint8Array, offset: number): number {
  const { tag, contentOffset, end } = readHeader(der, offset);
  if (tag !== TAG.sequence || der[contentOffset] !== TAG.integer) {
    throw new DerError('An entry of the CRL is not a SEQUENCE that begins with a serial number (RFC 5280 §5.1).');
  }
  return end;
}
