import { DerError, readDer, TAG } from './der-reader.ts';
import { readLayer, readShallow, type ShallowElement } from './der-shallow.ts';
import { hexOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { type OcspCertId, readCertId } from './ocsp-cert-id.ts';
import { type ExtensionFields, extensionsOf } from './tbs-certificate.ts';

export { isIssuedBy, type OcspCertId, type OcspIssuerHashes, ocspIssuerHashes } from './ocsp-cert-id.ts';

/** An OCSPRequest (RFC 6960 §4.1.1), as far as the answer depends on it. */
export interface OcspRequest {
  /** One to {@link OCSP_MAX_CERT_IDS}, in the client's order; a client may repeat one. */
  readonly certIds: readonly OcspCertId[];
  /** 1 to 128 octets, to be repeated in the answer (RFC 9654 §2.1). */
  readonly nonce: Uint8Array | undefined;
}

/** Answered by `malformedRequest`. */
export interface MalformedOcspRequest {
  /** One sentence for the log. */
  readonly malformed: string;
}

/** Requests that are longer are not read. One CertID has some 70 octets, a nonce at most 150. */
export const OCSP_REQUEST_MAX_OCTETS = 4096;
/** CertIDs in one request; each costs a look into the registry. RFC 5019 §2.1.1 has clients ask about one at a time. */
export const OCSP_MAX_CERT_IDS = 16;

const NONCE_MAX_OCTETS = 128;
const EXPLICIT = { version: 0xa0, requestorName: 0xa1, requestExtensions: 0xa2, singleRequestExtensions: 0xa0, optionalSignature: 0xa0 } as const;

/**
 * Reads a request. Who asks (requestorName) and how it is signed make no difference to the answer and are not looked
 * into; extensions other than the nonce are ignored, unless they are critical (RFC 6960 §4.1.2).
 * @param der the bytes as they came from the client; the result holds none of them, but a copy
 * @returns the request, or what is malformed about it; never an exception, whatever the bytes
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest | MalformedOcspRequest {
  if (der.length > OCSP_REQUEST_MAX_OCTETS) return { malformed: `The request is longer than ${OCSP_REQUEST_MAX_OCTETS} octets.` };
  try {
    return readRequest(Uint8Array.from(der));
  } catch (error) {
    if (error instanceof DerError) return { malformed: error.message };
    throw error;
  }
}

function readRequest(der: Uint8Array): OcspRequest {
  const ocspRequest = readShallow(der);
  const [tbsRequest, optionalSignature] = readLayer(ocspRequest.content, 2);
  const isSigned = optionalSignature === undefined || optionalSignature.tag === EXPLICIT.optionalSignature;
  if (ocspRequest.tag !== TAG.sequence || tbsRequest?.tag !== TAG.sequence || !isSigned) throw new DerError('The DER is not an OCSPRequest (RFC 6960 §4.1.1).');
  const fields = readLayer(tbsRequest.content, 4);
  const take = (tag: number): ShallowElement | undefined => (fields[0]?.tag === tag ? fields.shift() : undefined);
  const version = take(EXPLICIT.version);
  take(EXPLICIT.requestorName);
  const requestList = take(TAG.sequence);
  const requestExtensions = take(EXPLICIT.requestExtensions);
  if (!requestList || fields.length > 0) throw new DerError('The DER is not a TBSRequest (RFC 6960 §4.1.1).');
  // v1 is the default; that some client writes it out does no harm.
  if (version !== undefined && hexOf(version.content) !== '020100') throw new DerError('The request is not of version 1 (RFC 6960 §4.1.1).');
  const requests = readLayer(requestList.content, OCSP_MAX_CERT_IDS);
  if (requests.length === 0) throw new DerError('The request asks about no certificate.');
  return { certIds: requests.map(certIdOf), nonce: nonceOf(requestExtensions && extensionsOf(readDer(requestExtensions.encoded))) };
}

/** Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL } */
function certIdOf(request: ShallowElement): OcspCertId {
  const [reqCert, singleRequestExtensions] = readLayer(request.content, 2);
  const isShaped = singleRequestExtensions === undefined || singleRequestExtensions.tag === EXPLICIT.singleRequestExtensions;
  if (request.tag !== TAG.sequence || reqCert === undefined || !isShaped) throw new DerError('A Request is malformed (RFC 6960 §4.1.1).');
  if (singleRequestExtensions !== undefined) refuseCritical(extensionsOf(readDer(singleRequestExtensions.encoded)));
  return readCertId(readDer(reqCert.encoded));
}

function nonceOf(extensions: readonly ExtensionFields[] = []): Uint8Array | undefined {
  const [nonce, ...others] = extensions.filter(({ oid }) => oid === OID.ocspNonce);
  if (others.length > 0) throw new DerError('The request has two nonces (RFC 5280 §4.2).');
  refuseCritical(extensions.filter((extension) => extension !== nonce));
  if (nonce === undefined) return undefined;
  const { tag, content } = readDer(nonce.value);
  if (tag !== TAG.octetString || content.length === 0 || content.length > NONCE_MAX_OCTETS) {
    throw new DerError('The nonce is not an OCTET STRING of 1 to 128 octets (RFC 9654 §2.1).');
  }
  return content;
}

function refuseCritical(extensions: readonly ExtensionFields[]): void {
  const critical = extensions.find((extension) => extension.critical);
  if (critical) throw new DerError(`The critical extension ${critical.oid} is not understood (RFC 6960 §4.1.2).`);
}
