import { describeCertificate } from '../../lambdas/pki/certificate-description.ts';
import { certificateToPem, pemToDer } from '../../lambdas/pki/certificate.ts';
import { crlToPem } from '../../lambdas/pki/crl.ts';

/* What a relying party does that has nothing but a certificate: it goes to the URLs in it. */

/** What is at the URL; throws where it answers anything but 200. */
export async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The certificates of the issuing CA and of the root, in PEM, each from the caIssuers of the one below (RFC 5280 §4.2.2.1). */
export async function downloadIssuers(leafPem: string): Promise<{ readonly issuing: string; readonly root: string }> {
  const issuing = certificateToPem(await download(only(describeCertificate(pemToDer(leafPem)).caIssuers)));
  const root = certificateToPem(await download(only(describeCertificate(pemToDer(issuing)).caIssuers)));
  return { issuing, root };
}

/** The CRLs that the certificates name, each once, in DER by URL. */
export async function downloadCrls(pems: readonly string[]): Promise<Map<string, Uint8Array>> {
  const urls = new Set(pems.map((pem) => only(describeCertificate(pemToDer(pem)).crlDistributionPoints)));
  return new Map(await Promise.all([...urls].map(async (url) => [url, await download(url)] as const)));
}

/** CRLs as PEM, one after the other. */
export const crlPems = (crlDers: Iterable<Uint8Array>): string => [...crlDers].map((der) => Buffer.from(crlToPem(der)).toString()).join('');

function only(urls: readonly string[]): string {
  const [url, ...others] = urls;
  if (url === undefined || others.length > 0) throw new Error(`One URL was to be there, not ${urls.length}.`);
  return url;
}
