import { S3Error } from './errors.ts';
import type { Checksum } from './checksums.ts';
import { header, type S3Request } from './request.ts';

/** An object of a bucket: never changed, only replaced. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  readonly body: Buffer;
  /** MD5 of the body in hexadecimal, in quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  /** What was uploaded with it and comes back as it was: Content-Type, Cache-Control, x-amz-meta-*; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly checksum?: Checksum | undefined;
}

const kept = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-type', 'expires'];
const metadataPrefix = 'x-amz-meta-';

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
const maximumMetadataBytes = 2048;

/** Everything about the request that comes back with the object. */
export function keptHeaders(request: S3Request): [string, string][] {
  const entries = Object.keys(request.headers).flatMap((name): [string, string][] => {
    const value = valueOf(request, name);
    return value === undefined || !(kept.includes(name) || name.startsWith(metadataPrefix)) ? [] : [[name, value]];
  });
  const metadataBytes = entries.filter(([name]) => name.startsWith(metadataPrefix))
    .reduce((bytes, [name, value]) => bytes + name.length - metadataPrefix.length + value.length, 0);
  if (metadataBytes > maximumMetadataBytes) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', { Size: String(metadataBytes), MaxSizeAllowed: String(maximumMetadataBytes) });
  }
  return entries.some(([name]) => name === 'content-type') ? entries : [...entries, ['content-type', 'binary/octet-stream']];
}

// The frames of aws-chunked are gone by the time an object is stored.
function valueOf(request: S3Request, name: string): string | undefined {
  // Metadata may be empty; a header of HTTP that is empty says nothing.
  if (name.startsWith(metadataPrefix)) return request.headers[name]?.toString();
  const value = header(request, name);
  if (name !== 'content-encoding') return value;
  return value?.split(',').map((coding) => coding.trim()).filter((coding) => coding !== 'aws-chunked').join(', ') || undefined;
}
