import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

// JSON Web Tokens as agents sign them: JWS in compact serialisation (RFC 7515 §7.1) under RS256 (RFC 7518 §3.3), which
// whoever trusts the root can verify from the header alone.

/**
 * What is signed of a JWT: its encoded header and claims.
 * @param certificateDers the signer's certificate, then each one that issued the one before it; the root may be left out
 * @returns ASCII; the signature is over its octets
 */
export function jwsSigningInput(claims: Readonly<Record<string, unknown>>, certificateDers: readonly [Uint8Array, ...Uint8Array[]]): string {
  const header = {
    alg: 'RS256',
    typ: 'JWT',
    // Base64 here, with padding, and base64url everywhere else (RFC 7515 §4.1.6, §4.1.8).
    x5c: certificateDers.map((der) => Buffer.from(der).toString('base64')),
    'x5t#S256': createHash('sha256').update(certificateDers[0]).digest('base64url'),
  };
  return `${base64Url(canonicalJson(header))}.${base64Url(canonicalJson(claims))}`;
}

/** The token, once its signing input is signed. */
export function compactJws(signingInput: string, signature: Uint8Array): string {
  return `${signingInput}.${base64Url(signature)}`;
}

function base64Url(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}
