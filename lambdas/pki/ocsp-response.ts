import { createHash } from 'node:crypto';
import { ObjectIdentifier } from 'asn1js';
import { REVOCATION_REASON_CODES } from './crl-entry.ts';
import { DerError, TAG } from './der-reader.ts';
import { readShallow } from './der-shallow.ts';
import { derElement, derGeneralizedTime } from './der-writer.ts';
import { keyIdentifierOf } from './extensions.ts';
import { octetsOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { ProfileError } from './profile-error.ts';
import { subjectPublicKeyOf } from './rsa-public-key.ts';
import { SHA256_WITH_RSA_DER } from './signature-algorithm.ts';
import { readTbsOfCertificate } from './tbs-certificate.ts';

/** CertStatus (RFC 6960 §4.2.1). */
export type OcspCertStatus =
  | { readonly status: 'good' }
  /** `reasonCode` is a CRLReason (RFC 5280 §5.3.1). */
  | { readonly status: 'revoked'; readonly revocationTime: Date; readonly reasonCode: number }
  | { readonly status: 'unknown' };

/** SingleResponse: the request's CertID, byte for byte, and what became of that certificate. */
export type OcspSingleResponse = { readonly certIdDer: Uint8Array } & OcspCertStatus;

export interface OcspResponseRequest {
  readonly responderCertificateDer: Uint8Array;
  /** When the answer is signed; milliseconds are cut off, here and below. */
  readonly producedAt: Date;
  /** When the statuses were known to be right. */
  readonly thisUpdate: Date;
  /** Until when they may be relied on; without it newer information is always to be had (RFC 6960 §4.2.2.1). */
  readonly nextUpdate?: Date | undefined;
  /** In the order of the request's CertIDs. */
  readonly responses: readonly OcspSingleResponse[];
  /** The request's. */
  readonly nonce?: Uint8Array | undefined;
}

/** An answer that lacks its signature, because the responder's key is in KMS. */
export interface UnsignedOcspResponse {
  /** What is signed. */
  readonly tbsResponseDataDer: Uint8Array;
  /** SHA-256 of it: what KMS signs under MessageType DIGEST. */
  readonly digest: Uint8Array;
  /**
   * The OCSPResponse's DER.
   * @param signature RSASSA-PKCS1-v1_5 over `digest`; taken as it is, so verify it (verifyRsaSha256) before answering
   */
  withSignature(signature: Uint8Array): Uint8Array;
}

const RESPONSE_STATUS = { successful: 0, malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
const UNSPECIFIED = 0;

const ENUMERATED = 0x0a;
const OID_BASIC_DER = new Uint8Array(new ObjectIdentifier({ value: OID.ocspBasic }).toBER());
const OID_NONCE_DER = new Uint8Array(new ObjectIdentifier({ value: OID.ocspNonce }).toBER());
const SHA256_WITH_RSA = octetsOf(SHA256_WITH_RSA_DER);

/** An answer that is an error: a status, no signature (RFC 6960 §2.3, §4.2.1). */
export function ocspErrorResponse(status: Exclude<keyof typeof RESPONSE_STATUS, 'successful'>): Uint8Array {
  return derElement(TAG.sequence, enumerated(RESPONSE_STATUS[status]));
}

/**
 * Puts an answer together (RFC 6960 §4.2.1): a BasicOCSPResponse, the responder named by its key's SHA-1, its certificate
 * included, sha256WithRSAEncryption with NULL.
 * @throws ProfileError for a date or reason outside the profile or a list without responses; DerError for a malformed
 *   certificate or CertID
 */
export function buildOcspResponse(request: OcspResponseRequest): UnsignedOcspResponse {
  const { thisUpdate, nextUpdate, responses, nonce } = request;
  if (responses.length === 0) throw new ProfileError('An OCSP response answers one request at least (RFC 6960 §4.2.1).');
  if (nextUpdate !== undefined && !(thisUpdate <= nextUpdate)) throw new ProfileError('An OCSP response’s nextUpdate is not before its thisUpdate (RFC 6960 §4.2.2.1).');
  const responderCertificateDer = request.responderCertificateDer.slice();
  const { subjectPublicKeyInfo } = readTbsOfCertificate(responderCertificateDer);
  const keyHash = derElement(TAG.octetString, keyIdentifierOf(subjectPublicKeyOf(subjectPublicKeyInfo)));
  const updates = [derGeneralizedTime(thisUpdate), ...(nextUpdate === undefined ? [] : [explicit(0, derGeneralizedTime(nextUpdate))])];
  const tbsResponseDataDer = derElement(
    TAG.sequence,
    explicit(2, keyHash), // responderID byKey [2]
    derGeneralizedTime(request.producedAt),
    derElement(TAG.sequence, ...responses.map((response) => derElement(TAG.sequence, certIdOf(response), certStatus(response), ...updates))),
    ...(nonce === undefined ? [] : [explicit(1, derElement(TAG.sequence, nonceExtension(nonce)))]),
  );
  return {
    tbsResponseDataDer,
    digest: Uint8Array.from(createHash('sha256').update(tbsResponseDataDer).digest()),
    withSignature: (signature) => {
      const signatureValue = derElement(TAG.bitString, Uint8Array.of(0), signature);
      const certs = explicit(0, derElement(TAG.sequence, responderCertificateDer));
      return successfulResponse(derElement(TAG.sequence, tbsResponseDataDer, SHA256_WITH_RSA, signatureValue, certs));
    },
  };
}

/** OCSPResponse { successful, [0] { id-pkix-ocsp-basic, OCTET STRING } } */
function successfulResponse(basicOcspResponse: Uint8Array): Uint8Array {
  const responseBytes = derElement(TAG.sequence, OID_BASIC_DER, derElement(TAG.octetString, basicOcspResponse));
  return derElement(TAG.sequence, enumerated(RESPONSE_STATUS.successful), explicit(0, responseBytes));
}

/** A torn CertID would tear the whole answer. */
function certIdOf({ certIdDer }: OcspSingleResponse): Uint8Array {
  if (readShallow(certIdDer).tag !== TAG.sequence) throw new DerError('A CertID is a SEQUENCE (RFC 6960 §4.1.1).');
  return certIdDer;
}

/** CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT NULL } */
function certStatus(response: OcspCertStatus): Uint8Array {
  switch (response.status) {
    case 'good':
      return derElement(0x80);
    case 'unknown':
      return derElement(0x82);
    case 'revoked': {
      const { revocationTime, reasonCode } = response;
      if (!REVOCATION_REASON_CODES.includes(reasonCode)) throw new ProfileError('A revocationReason is 0–6, 9 or 10 (RFC 5280 §5.3.1).');
      // As on the CRL: unspecified is said by saying nothing (RFC 5280 §5.3.1).
      return derElement(0xa1, derGeneralizedTime(revocationTime), ...(reasonCode === UNSPECIFIED ? [] : [explicit(0, enumerated(reasonCode))]));
    }
  }
}

/** Not critical (RFC 9654 §2.1, RFC 6960 §4.4). */
function nonceExtension(nonce: Uint8Array): Uint8Array {
  return derElement(TAG.sequence, OID_NONCE_DER, derElement(TAG.octetString, derElement(TAG.octetString, nonce)));
}

function enumerated(value: number): Uint8Array {
  return derElement(ENUMERATED, Uint8Array.of(value));
}

function explicit(tagNumber: number, element: Uint8Array): Uint8Array {
  return derElement(0xa0 | tagNumber, element);
}
