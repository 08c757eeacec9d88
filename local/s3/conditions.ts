import { noSuchKey, notImplemented, S3Error } from './errors.ts';
import type { StoredObject } from './object.ts';
import { header, type S3Request } from './request.ts';

/**
 * Throws where a write's conditions do not hold for what is there now.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(request: S3Request, current: StoredObject | undefined): void {
  const ifNoneMatch = header(request, 'if-none-match');
  const ifMatch = header(request, 'if-match');
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch !== '*' || ifMatch !== undefined) throw notImplemented('The write has an If-None-Match that is not *, or has If-Match too', { Header: 'If-None-Match' });
    if (current !== undefined) throw preconditionFailed('If-None-Match');
  }
  if (ifMatch !== undefined) {
    if (current === undefined) throw noSuchKey(request.key);
    if (!names(ifMatch, current.etag)) throw preconditionFailed('If-Match');
  }
}

/** Whether the reader has this very object already; throws where it wants another one. RFC 9110 §13.2.2. */
export function isNotModified(request: S3Request, { etag }: StoredObject): boolean {
  const ifMatch = header(request, 'if-match');
  if (ifMatch !== undefined && !names(ifMatch, etag)) throw preconditionFailed('If-Match');
  const ifNoneMatch = header(request, 'if-none-match');
  return ifNoneMatch !== undefined && names(ifNoneMatch, etag);
}

// S3 takes ETags with and without their quotes.
function names(condition: string, etag: string): boolean {
  const bare = (tag: string) => tag.trim().replace(/^W\//, '').replaceAll('"', '');
  return condition.split(',').some((tag) => tag.trim() === '*' || bare(tag) === bare(etag));
}

function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', { Condition: condition });
}
