// Every URL a certificate or CRL of this service carries is made here and nowhere else: the issuingDistributionPoint of
// a CRL must equal the cRLDistributionPoints of the certificates it covers byte for byte (RFC 5280 §6.3.3 (b)(2)(i)).
// `distributionUrl` is the base without a trailing slash, as validateProfileSettings admits it. What lies there is stored
// under the path below it.

/** The CRL that covers the certificates of one shard. */
export const crlShardPath = (crlShard: number): string => `crl/shard-${crlShard}.crl`;

/** The CRL that covers every certificate of the issuing CA, and the same in PEM. */
export const completeCrlPath = 'crl/complete.crl';
export const completeCrlPemPath = 'crl/complete.pem';

export const rootCrlPath = 'crl/root.crl';
export const issuingCertificatePath = 'ca/issuing.cer';
export const rootCertificatePath = 'ca/root.cer';

/** Where relying parties find what is stored under `path`. */
export function distributedUrl(distributionUrl: string, path: string): string {
  return `${distributionUrl}/${path}`;
}

/** The CRL that covers the certificates of one shard. */
export function crlShardUrl(distributionUrl: string, crlShard: number): string {
  return distributedUrl(distributionUrl, crlShardPath(crlShard));
}

/** The base below which {@link crlShardUrl} made the URL; undefined where it did not. */
export function distributionUrlOf(url: string): string | undefined {
  return /^(.+)\/crl\/shard-[0-9]+\.crl$/.exec(url)?.[1];
}

/** The root's CRL, which covers the issuing CA. */
export function rootCrlUrl(distributionUrl: string): string {
  return distributedUrl(distributionUrl, rootCrlPath);
}

/** The OCSP responder for agents' certificates (RFC 6960 appendix A). */
export function ocspUrl(distributionUrl: string): string {
  return `${distributionUrl}/ocsp`;
}

/** The issuing CA's certificate, one DER file (RFC 5280 §4.2.2.1). */
export function issuingCertificateUrl(distributionUrl: string): string {
  return distributedUrl(distributionUrl, issuingCertificatePath);
}

/** The root's certificate, one DER file. */
export function rootCertificateUrl(distributionUrl: string): string {
  return distributedUrl(distributionUrl, rootCertificatePath);
}
