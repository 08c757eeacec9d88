// Every URL a certificate or CRL of this service carries is made here and nowhere else: the issuingDistributionPoint of
// a CRL must equal the cRLDistributionPoints of the certificates it covers byte for byte (RFC 5280 §6.3.3 (b)(2)(i)).
// `distributionUrl` is the base without a trailing slash, as validateProfileSettings admits it.

/** The CRL that covers the certificates of one shard. */
export function crlShardUrl(distributionUrl: string, crlShard: number): string {
  return `${distributionUrl}/crl/shard-${crlShard}.crl`;
}

/** The root's CRL, which covers the issuing CA. */
export function rootCrlUrl(distributionUrl: string): string {
  return `${distributionUrl}/crl/root.crl`;
}

/** The OCSP responder for agents' certificates (RFC 6960 appendix A). */
export function ocspUrl(distributionUrl: string): string {
  return `${distributionUrl}/ocsp`;
}

/** The issuing CA's certificate, one DER file (RFC 5280 §4.2.2.1). */
export function issuingCertificateUrl(distributionUrl: string): string {
  return `${distributionUrl}/ca/issuing.cer`;
}

/** The root's certificate, one DER file. */
export function rootCertificateUrl(distributionUrl: string): string {
  return `${distributionUrl}/ca/root.cer`;
}
