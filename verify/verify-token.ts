import { octetsOfBase64Url } from '../lambdas/pki/base64.ts';
import { equalOctets } from '../lambdas/pki/octets.ts';
import type { CertificateInput } from './certificate.ts';
import { hasBegun, type Moment, timeText } from './moment.ts';
import { Refusal, verdictOf } from './refusal.ts';
import { isSignedBy, sha256 } from './signature.ts';
import { readToken, type Token } from './token.ts';
import type { Trust } from './trust.ts';
import type { TokenClaims, Verdict, VerifiedToken } from './verdict.ts';
import { proveCertificate, type ProvedCertificate, type VerifyOptions } from './verify-certificate.ts';

export interface VerifyTokenOptions extends VerifyOptions {
  /** Who the token must be for. A token that names an audience is refused where none is given here (RFC 7519 §4.1.3). */
  readonly audience?: string;
  /** The certificate that must have signed it; without it the token's own x5c, which must lead to the authorities as well. */
  readonly certificate?: CertificateInput;
}

const MAX_LIFETIME_SECONDS = 3600;

/**
 * Verifies a JWT that an agent signed: a compact JWS under RS256 whose x5c is the agent's certificate, of which
 * `x5t#S256` is the SHA-256, whose `iss` and `sub` are the agent's URI, and which lives for an hour at most. The
 * certificate is verified as verifyCertificate does. Whether a token was seen before, its `jti` tells; that is the
 * caller's to remember until its `exp`.
 * @returns the agent and the claims, or why not; never an exception for anything that `token` may be
 * @throws TypeError for a trust that is not from readTrust and for malformed options
 */
export function verifyToken(token: string, trust: Trust, options: VerifyTokenOptions = {}): Promise<Verdict<VerifiedToken>> {
  return verdictOf(async () => {
    const read = readToken(token);
    const proved = await proveCertificate(options.certificate ?? x5cOf(read), trust, options);
    await assertSigner(read, proved, options.certificate === undefined);
    const claims = claimsOf(read.claims, proved);
    assertTimes(claims, proved.moment);
    assertAudience(claims, options.audience);
    return { ...proved.verified, claims };
  });
}

function x5cOf({ header: { x5c } }: Token): readonly string[] {
  if (!Array.isArray(x5c)) throw new Refusal('token_malformed', 'The token’s header has no x5c. Give the agent’s certificate.');
  return x5c as readonly string[];
}

async function assertSigner({ header, signed, signature }: Token, { certificate, verified }: ProvedCertificate, isNamedByToken: boolean): Promise<void> {
  const thumbprint = header['x5t#S256'];
  if (thumbprint !== undefined || isNamedByToken) {
    const named = typeof thumbprint === 'string' ? octetsOfBase64Url(thumbprint) : undefined;
    if (named === undefined || !equalOctets(named, await sha256(certificate.der))) {
      throw new Refusal('token_certificate_mismatch', `The token’s x5t#S256 is not the SHA-256 of certificate ${verified.serialNumber} (RFC 7515 §4.1.8).`);
    }
  }
  if (!(await isSignedBy(certificate.subjectPublicKeyInfo, signed, signature))) {
    throw new Refusal('signature_mismatch', `The token is not signed by the key of certificate ${verified.serialNumber}, or was changed.`);
  }
}

function claimsOf(claims: Token['claims'], { verified: { agent } }: ProvedCertificate): TokenClaims {
  const { iss, sub, iat, exp, nbf } = claims;
  if (iss !== agent.uri || sub !== agent.uri) throw new Refusal('token_subject_mismatch', `The token’s iss and sub are not both ${agent.uri}, whose certificate signed it.`);
  if (typeof iat !== 'number' || typeof exp !== 'number' || !(nbf === undefined || typeof nbf === 'number')) {
    throw new Refusal('token_malformed', 'The token’s iat, exp or nbf is missing or not a number (RFC 7519 §4.1).');
  }
  return { ...claims, iss, sub, iat, exp };
}

function assertTimes(claims: TokenClaims, moment: Moment): void {
  const { iat, exp } = claims;
  const begin = Math.max(iat, Number(claims['nbf'] ?? iat));
  if (exp - iat > MAX_LIFETIME_SECONDS) throw new Refusal('token_lifetime_exceeded', `The token lives longer than ${MAX_LIFETIME_SECONDS} s.`);
  if (!hasBegun(moment, begin)) throw new Refusal('token_not_yet_valid', `The token is valid from ${timeText(begin)} on.`);
  // "On or after which" (RFC 7519 §4.1.4): unlike a certificate's notAfter, exp does not belong to the period.
  if (moment.epochSeconds >= exp) throw new Refusal('token_expired', `The token was valid until ${timeText(exp)}. Ask the agent for a new one.`);
}

function assertAudience({ aud }: TokenClaims, audience: string | undefined): void {
  const named: readonly unknown[] = aud === undefined ? [] : Array.isArray(aud) ? aud : [aud];
  if (audience === undefined ? aud !== undefined : !named.includes(audience)) {
    throw new Refusal('token_audience_mismatch', `The token is for ${JSON.stringify(aud) ?? 'nobody in particular'}, not for ${audience ?? 'a verifier that names no audience'}.`);
  }
}
