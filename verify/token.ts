import { octetsOfBase64Url } from '../lambdas/pki/base64.ts';
import { JsonProblem, parseJsonObject } from '../lambdas/pki/strict-json.ts';
import { Refusal } from './refusal.ts';

/** A compact JWS (RFC 7515 §7.1), taken apart; nothing about it is verified. */
export interface Token {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The header and claims as they were sent: what was signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** Two certificates of the greatest length in base64 twice over, and room for claims. */
const TOKEN_MAX_CHARACTERS = 2 ** 20;

/**
 * @throws Refusal `token_malformed` for what is not three parts of base64url around JSON objects, and
 *   `token_algorithm_refused` for any algorithm but RS256, whatever the header says besides
 */
export function readToken(token: unknown): Token {
  if (typeof token !== 'string' || token.length > TOKEN_MAX_CHARACTERS) throw malformed('it is not text, or longer than 1 MiB');
  const [headerPart, claimsPart, signaturePart, ...rest] = token.split('.', 4);
  const signature = signaturePart === undefined ? undefined : octetsOfBase64Url(signaturePart);
  if (headerPart === undefined || claimsPart === undefined || signature === undefined || rest.length > 0) {
    throw malformed('it is not three parts in base64url (RFC 7515 §7.1)');
  }
  const header = jsonOf(headerPart, 'header');
  if (header['alg'] !== 'RS256') throw new Refusal('token_algorithm_refused', 'The token’s algorithm is not RS256, the only one that is accepted.');
  // Signed as something else, it is not to be taken for this (RFC 8725 §3.11).
  if (header['typ'] !== undefined && header['typ'] !== 'JWT') throw malformed('its typ is not JWT');
  // RFC 7515 §4.1.11: what must be understood is not, so the token is not valid.
  if ('crit' in header) throw malformed('its header has critical extensions, and none are known here');
  return { header, claims: jsonOf(claimsPart, 'claims'), signed: new TextEncoder().encode(`${headerPart}.${claimsPart}`), signature };
}

function jsonOf(part: string, name: string): Record<string, unknown> {
  const octets = octetsOfBase64Url(part);
  if (octets === undefined) throw malformed(`its ${name} is not base64url (RFC 7515 §2)`);
  try {
    return parseJsonObject(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets));
  } catch (error) {
    // The decoder throws a TypeError for what is not UTF-8.
    throw malformed(error instanceof JsonProblem ? `of its ${name}: ${error.message}` : `its ${name} is not UTF-8`);
  }
}

function malformed(why: string): Refusal {
  return new Refusal('token_malformed', `The token cannot be read, because ${why}.`.replace(/\.+$/, '.'));
}
