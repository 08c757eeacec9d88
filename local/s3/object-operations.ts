import { etagOf, verifyChecksums } from './checksums.ts';
import { checkWrite, isNotModified } from './conditions.ts';
import { noSuchKey } from './errors.ts';
import { keptHeaders } from './object.ts';
import type { ObjectStore } from './object-store.ts';
import type { Answer } from './operations.ts';
import { payloadOf } from './payload.ts';
import { header, type S3Request } from './request.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export async function putObject(store: ObjectStore, request: S3Request): Promise<Answer> {
  const payload = payloadOf(request);
  const checksum = verifyChecksums(request, payload);
  const { bucket, key } = request;
  const { body } = payload;
  const etag = etagOf(body);
  await store.put({ bucket, key, body, etag, headers: keptHeaders(request), checksum }, (current) => checkWrite(request, current));
  return { status: 200, headers: [['etag', etag], ...(checksum === undefined ? [] : [checksum])] };
}

/**
 * Both GetObject and HeadObject.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function getObject(store: ObjectStore, request: S3Request): Answer {
  const object = store.find(request.bucket, request.key);
  if (object === undefined) throw noSuchKey(request.key);
  const { body, etag, lastModified, headers, checksum } = object;
  const validators = [['etag', etag], ['last-modified', lastModified.toUTCString()]] as const;
  // RFC 9110 §15.4.5: what a cache needs to go on using what it has.
  if (isNotModified(request, object)) return { status: 304, headers: [...validators, ...headers.filter(([name]) => name === 'cache-control')] };
  const verifiable = header(request, 'x-amz-checksum-mode') === 'ENABLED' && checksum !== undefined;
  return { status: 200, headers: [...validators, ...headers, ...(verifiable ? [checksum] : [])], body };
}

/**
 * Deleting what is not there succeeds.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
 */
export async function deleteObject(store: ObjectStore, { bucket, key }: S3Request): Promise<Answer> {
  await store.remove(bucket, key);
  return { status: 204, headers: [] };
}
