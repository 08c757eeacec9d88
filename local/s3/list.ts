import { S3Error } from './errors.ts';
import type { ObjectStore } from './object-store.ts';
import type { Answer } from './operations.ts';
import type { S3Request } from './request.ts';
import { xmlDocument, type XmlElement } from './xml.ts';

const maximumKeys = 1000;

/**
 * The keys of a bucket in the order of their UTF-8 bytes, up to 1000 at once; without delimiters.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export function listObjectsV2(store: ObjectStore, { bucket, query }: S3Request): Answer {
  const prefix = query.get('prefix') ?? '';
  const limit = limitOf(query.get('max-keys'));
  const encode = encodingOf(query.get('encoding-type'));
  const token = query.get('continuation-token');
  const after = Buffer.from(token === null ? (query.get('start-after') ?? '') : keyOf(token));

  const found = store.all(bucket)
    .filter(({ key }) => key.startsWith(prefix))
    .map((object) => ({ object, order: Buffer.from(object.key) }))
    .filter(({ order }) => Buffer.compare(order, after) > 0)
    .sort((one, other) => Buffer.compare(one.order, other.order))
    .map(({ object }) => object);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const isTruncated = last !== undefined && found.length > page.length;

  const body = xmlDocument('ListBucketResult', [
    ['Name', bucket],
    ['Prefix', encode(prefix)],
    ['KeyCount', String(page.length)],
    ['MaxKeys', String(limit)],
    ...optional('EncodingType', query.get('encoding-type')),
    ...optional('ContinuationToken', token),
    ['IsTruncated', String(isTruncated)],
    ...optional('NextContinuationToken', isTruncated ? tokenOf(last.key) : null),
    ...page.map(({ key, etag, lastModified, body: { length } }): XmlElement => ['Contents', [
      ['Key', encode(key)], ['LastModified', lastModified.toISOString()], ['ETag', etag], ['Size', String(length)], ['StorageClass', 'STANDARD'],
    ]]),
  ], 'http://s3.amazonaws.com/doc/2006-03-01/');
  return { status: 200, headers: [['content-type', 'application/xml']], body };
}

function optional(name: string, value: string | null): XmlElement[] {
  return value === null ? [] : [[name, value]];
}

function limitOf(value: string | null): number {
  if (value === null) return maximumKeys;
  if (!/^\d{1,9}$/.test(value)) throw new S3Error('InvalidArgument', 'Provided max-keys not an integer or within integer range', { ArgumentName: 'max-keys', ArgumentValue: value });
  return Math.min(Number(value), maximumKeys);
}

function encodingOf(value: string | null): (text: string) => string {
  if (value === null) return (text) => text;
  if (value !== 'url') throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', { ArgumentName: 'encoding-type', ArgumentValue: value });
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/');
}

// Opaque to the client, and safe in a URL whatever the key.
const tokenOf = (key: string) => Buffer.from(key).toString('base64url');
const keyOf = (token: string) => Buffer.from(token, 'base64url').toString();
