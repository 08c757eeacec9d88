import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { notImplemented, S3Error } from './errors.ts';
import type { Payload } from './payload.ts';
import { header, type S3Request } from './request.ts';

/** The header a checksum came in, and in which it is given back; its value in base64. */
export type Checksum = readonly [header: string, value: string];

const hash = (algorithm: string) => (body: Buffer) => createHash(algorithm).update(body).digest();

const prefix = 'x-amz-checksum-';
const algorithms: ReadonlyMap<string, (body: Buffer) => Buffer> = new Map([
  ['crc32', (body: Buffer) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes;
  }],
  ['sha1', hash('sha1')],
  ['sha256', hash('sha256')],
]);

/** MD5 in hexadecimal and in quotes, as the ETag of what is uploaded in one piece. */
export function etagOf(body: Buffer): string {
  return `"${hash('md5')(body).toString('hex')}"`;
}

/**
 * Compares what arrived with everything the client says it sent, in headers or trailers. Answers the checksum to keep with the object,
 * which the SDK compares again when it reads the object.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
export function verifyChecksums(request: S3Request, { body, trailers }: Payload): Checksum | undefined {
  verifyContentSha256(request);
  verifyContentMd5(request, body);
  const given = [...Object.keys(request.headers).map((name) => [name, header(request, name)] as const), ...trailers]
    .filter((entry): entry is Checksum => entry[0].startsWith(prefix) && entry[1] !== undefined);
  for (const [name, value] of given) verify(name, value, body);
  if (given.length > 1) throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header.');
  return given[0];
}

function verify(name: string, value: string, body: Buffer): void {
  const algorithm = name.slice(prefix.length);
  const digest = algorithms.get(algorithm)?.(body);
  if (digest === undefined) throw notImplemented(`The upload has ${name}`);
  const claimed = bytesOf(value, digest.length);
  if (claimed === undefined) throw new S3Error('InvalidRequest', `Value for ${name} header is invalid.`);
  if (!claimed.equals(digest)) throw new S3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`);
}

function verifyContentMd5(request: S3Request, body: Buffer): void {
  const value = header(request, 'content-md5');
  if (value === undefined) return;
  const claimed = bytesOf(value, 16);
  if (claimed === undefined) throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  if (!claimed.equals(hash('md5')(body))) throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
}

// Part of the signature: anything but a digest is one of AWS's words for a body that is not signed as a whole.
function verifyContentSha256(request: S3Request): void {
  const claimed = header(request, 'x-amz-content-sha256');
  if (claimed === undefined || !/^[0-9a-f]{64}$/.test(claimed)) return;
  const actual = hash('sha256')(request.body).toString('hex');
  if (claimed !== actual) {
    throw new S3Error('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.", { ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: actual });
  }
}

function bytesOf(base64: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  // Buffer.from skips what is not base64; only the round trip tells.
  return bytes.length === length && bytes.toString('base64') === base64 ? bytes : undefined;
}
