import type { PublishedObject } from '../s3.ts';
import { problemAnswer, type Answer } from './answer.ts';
import type { Site } from './site.ts';

/** What certificates name: CRLs, and the CA's certificates (lambdas/pki/distribution-urls.ts). */
const published = /^\/(crl\/.+|ca\/.+\.cer)$/;

const ocsp = /^\/ocsp(\/|$)/;

/**
 * What the deployed stack has a CloudFront distribution for, in front of the API: published objects at the paths that certificates name,
 * the API's OCSP responder without the API's base path, and everything else left to the API.
 * @param find the published object with this key, as S3 has it
 */
export function createDistribution({ api, basePath, find }: { api: Site; basePath: string; find: (key: string) => Promise<PublishedObject | undefined> }): Site {
  return async (visit) => {
    const { request, requestId, path } = visit;
    if (ocsp.test(path)) return api({ ...visit, path: basePath + path });
    const key = published.exec(path)?.[1];
    if (key === undefined) return api(visit);
    if (request.method !== 'GET' && request.method !== 'HEAD') return problemAnswer('wrongMethod', requestId, { allow: 'GET, HEAD' });
    const object = await find(key);
    return object === undefined ? problemAnswer('unknownPath', requestId) : objectAnswer(object, request.headers['if-none-match']);
  };
}

/** RFC 9110, 13.1.2: to a client that has it already, the object's headers alone. */
function objectAnswer({ body, contentType, cacheControl, etag, lastModified }: PublishedObject, ifNoneMatch: string | undefined): Answer {
  const headers = {
    'content-type': contentType,
    etag,
    'last-modified': lastModified.toUTCString(),
    'access-control-allow-origin': '*',
    ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
  };
  const known = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers, body: Buffer.alloc(0) };
  return { status: 200, headers, body: Buffer.from(body) };
}
