import { pemToDer } from '../pki/pem.ts';
import type { Authority, Distribution } from './ports.ts';

/** They change seldom or never, but a day lets a mistake be mended. */
const maxAgeSeconds = 86_400;

/** Makes sure that an authority's certificate is where certificates or documents say that it is (RFC 5280 §4.2.2.1). */
export async function publishAuthority(distribution: Distribution, path: string, { certificatePem }: Authority): Promise<void> {
  const certificateDer = pemToDer(certificatePem);
  const published = await distribution.read(path);
  if (published !== undefined && Buffer.compare(published.body, certificateDer) === 0) return;
  await distribution.write(path, certificateDer, { contentType: 'application/pkix-cert', cacheControlMaxAgeSeconds: maxAgeSeconds });
}
