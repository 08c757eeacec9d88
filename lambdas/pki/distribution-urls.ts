import { firstShardOf, generationOfShard } from './issuing-generation.ts';

// Every URL a certificate or CRL of this service carries is made here and nowhere else: the issuingDistributionPoint of
// a CRL must equal the cRLDistributionPoints of the certificates it covers byte for byte (RFC 5280 §6.3.3 (b)(2)(i)).
// `distributionUrl` is the base without a trailing slash, as validateProfileSettings admits it. What lies there is stored
// under the path below it.

/** What the first issuing CA has lies where it did before there could be others. */
const folderOf = (generation: number): string => (generation === 1 ? '' : `${generation}/`);

/** The CRL that covers the certificates of one shard; in its generation's folder, where shards count from 0. */
export function crlShardPath(crlShard: number): string {
  const generation = generationOfShard(crlShard);
  return `crl/${folderOf(generation)}shard-${crlShard - firstShardOf(generation)}.crl`;
}

/** The CRL that covers every certificate of an issuing CA, and the same in PEM. */
export const completeCrlPath = (generation: number): string => `crl/${folderOf(generation)}complete.crl`;
export const completeCrlPemPath = (generation: number): string => `crl/${folderOf(generation)}complete.pem`;

export const rootCrlPath = 'crl/root.crl';
export const issuingCertificatePath = (generation: number): string => `ca/${folderOf(generation)}issuing.cer`;
export const rootCertificatePath = 'ca/root.cer';
/** No certificate names it: it is for whoever checks what the service attests, such as the receipt of a halt. */
export const attestationCertificatePath = 'ca/attestation.cer';

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
  return /^(.+)\/crl\/(?:[0-9]+\/)?shard-[0-9]+\.crl$/.exec(url)?.[1];
}

/** The root's CRL, which covers the issuing CAs. */
export function rootCrlUrl(distributionUrl: string): string {
  return distributedUrl(distributionUrl, rootCrlPath);
}

/** The OCSP responder for agents' certificates (RFC 6960 appendix A). */
export function ocspUrl(distributionUrl: string): string {
  return `${distributionUrl}/ocsp`;
}

/** An issuing CA's certificate, one DER file (RFC 5280 §4.2.2.1). */
export function issuingCertificateUrl(distributionUrl: string, generation: number): string {
  return distributedUrl(distributionUrl, issuingCertificatePath(generation));
}

/** The root's certificate, one DER file. */
export function rootCertificateUrl(distributionUrl: string): string {
  return distributedUrl(distributionUrl, rootCertificatePath);
}
