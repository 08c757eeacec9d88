import { issuingCertificatePath, rootCertificatePath } from '../pki/distribution-urls.ts';
import { pemToDer } from '../pki/pem.ts';
import type { Authority, Distribution } from './ports.ts';

/** They never change, but a day lets a mistake be mended. */
const maxAgeSeconds = 86_400;

/** Makes sure that the CA certificates are where agents' certificates say they are (RFC 5280 §4.2.2.1). */
export async function publishAuthority(distribution: Distribution, { issuing, root }: { issuing: Authority; root: Authority }): Promise<void> {
  const paths = [[issuingCertificatePath, issuing], [rootCertificatePath, root]] as const;
  await Promise.all(paths.map(async ([path, { certificatePem }]) => {
    const certificateDer = pemToDer(certificatePem);
    const published = await distribution.read(path);
    if (published !== undefined && Buffer.compare(published.body, certificateDer) === 0) return;
    await distribution.write(path, certificateDer, { contentType: 'application/pkix-cert', cacheControlMaxAgeSeconds: maxAgeSeconds });
  }));
}
