/** Why something is not valid. The codes are stable; the sentences that come with them may change. */
export type Reason =
  | 'authorities_malformed'
  | 'issuer_unknown'
  | 'issuer_unsuitable'
  | 'issuer_not_yet_valid'
  | 'issuer_expired'
  | 'issuer_revoked'
  | 'certificate_malformed'
  | 'certificate_signature_mismatch'
  | 'certificate_not_yet_valid'
  | 'certificate_expired'
  | 'certificate_unsuitable'
  | 'certificate_revoked'
  | 'revocation_unknown'
  | 'agent_unnamed'
  | 'payload_malformed'
  | 'signature_malformed'
  | 'signature_mismatch'
  | 'token_malformed'
  | 'token_algorithm_refused'
  | 'token_certificate_mismatch'
  | 'token_subject_mismatch'
  | 'token_audience_mismatch'
  | 'token_not_yet_valid'
  | 'token_expired'
  | 'token_lifetime_exceeded';

export interface NotValid {
  readonly valid: false;
  readonly reason: Reason;
  /** For a person: what was found, and what to do about it. */
  readonly message: string;
  /**
   * With `revocation_unknown`: where the CRLs that are missing are published. The issuing CA signed the certificate that
   * says so, and the root the issuing CA's. Empty where they say nothing, and with any other reason.
   */
  readonly crlUrls: readonly string[];
}

/** Either all that was proved, or why not. Nothing of what a certificate claims is told unless it was proved. */
export type Verdict<Proved> = (Proved & { readonly valid: true }) | NotValid;

/** Who the agent is and what it may do, as the issuing CA has signed it. */
export interface VerifiedAgent {
  readonly id: string;
  /** The certificate's one name: `urn:kakunin:agent:<id>` or a SPIFFE ID. */
  readonly uri: string;
  readonly tenantId: string;
  /** The operator's organization, or the tenant's id where the operator has none. */
  readonly organization: string;
  /**
   * `<model>:<model_hash>`, as it was signed; the model may be missing before its colon. Compare it whole: models and hashes
   * have colons of their own, and where one ends and the other begins was not signed.
   */
  readonly modelText: string;
  readonly permittedActions: readonly string[];
  /** Undefined where none was certified. */
  readonly financialScope: Readonly<Record<string, unknown>> | undefined;
}

export interface VerifiedCertificate {
  readonly agent: VerifiedAgent;
  /** 32 hexadecimal digits, upper case. */
  readonly serialNumber: string;
  /** Whole seconds; both ends belong to the validity period. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the certificate's DER, lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
  /** `unknown` only where the caller wanted revocation checked `if available`. */
  readonly revocation: 'good' | 'unknown';
  /** Of the issuing CA: `unknown` where it is the trust anchor, and unless a current CRL of the root was given. */
  readonly issuerRevocation: 'good' | 'unknown';
}

export interface VerifiedMessage extends VerifiedCertificate {
  /** What was signed, where it is a JSON object, read from the octets that were verified: act on this rather than on what was handed over. */
  readonly payload: Readonly<Record<string, unknown>> | undefined;
  /** SHA-256 of the octets signed, lower-case hexadecimal digits: `payload_hash` of the service's answer to a signing request. */
  readonly payloadHash: string;
}

export interface VerifiedToken extends VerifiedCertificate {
  readonly claims: TokenClaims;
}

/** `iat` and `exp` in seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate). */
export interface TokenClaims extends Readonly<Record<string, unknown>> {
  readonly iss: string;
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
}
