import { createHash } from 'node:crypto';
import type { OcspAnswer } from '../authority/answer-ocsp.ts';
import type { Answer } from './answer.ts';

/**
 * The request in the path of a GET: its DER in base64, percent-encoded as URLs are (RFC 6960 appendix A.1).
 * @param encoded percent-decoded. Base64url and missing padding are taken, and a space for the plus sign that some take
 *   it for.
 * @returns the DER; empty, which no request is, for what is not base64
 */
export function ocspRequestInPath(encoded: string): Uint8Array {
  return /^[A-Za-z0-9+/_ -]+={0,2}$/.test(encoded) ? Buffer.from(encoded.replaceAll(' ', '+'), 'base64') : new Uint8Array();
}

/** An OCSP answer as HTTP sends it: errors of OCSP's own are answers like any other (RFC 6960 appendix A.2). */
export function ocspAnswer(answer: OcspAnswer): Answer {
  return { status: 200, headers: { 'content-type': 'application/ocsp-response', ...cacheHeaders(answer) }, body: answer.der };
}

/**
 * The headers of RFC 5019 §6.2, which forbids no-store in answers without a nonce, however they were asked for; HTTP
 * itself sees to it that no cache takes the answer to a POST for that to another (RFC 9110 §9.3.3).
 */
function cacheHeaders(answer: OcspAnswer): Record<string, string> {
  if (answer.status !== 'successful' || answer.maxAgeSeconds === undefined) return { 'cache-control': 'no-store' };
  return {
    'cache-control': `max-age=${answer.maxAgeSeconds}, public, no-transform, must-revalidate`,
    'last-modified': answer.thisUpdate.toUTCString(),
    expires: answer.nextUpdate.toUTCString(),
    etag: `"${createHash('sha1').update(answer.der).digest('hex').toUpperCase()}"`,
  };
}
