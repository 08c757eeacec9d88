import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { S3Error } from './errors.ts';

/** A request as S3 reads it, path style: `/bucket/key?query`. */
export interface S3Request {
  readonly method: string;
  /** Empty where the request is to the service as a whole. */
  readonly bucket: string;
  /** Empty where the request is to the bucket as a whole. Any Unicode text otherwise, `../` and NUL included. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** As sent: not yet out of its `aws-chunked` frames. */
  readonly body: Buffer;
}

/** The largest body, framing included. S3 takes 5 GiB; what is published here is a thousandth of that. */
export const maximumBodyBytes = 64 * 1024 * 1024;

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const maximumKeyBytes = 1024;

export function parseRequest({ method = '', url = '', headers }: IncomingMessage, body: Buffer): S3Request {
  // Not by `new URL`, which resolves the `..` that to S3 is part of the key.
  const { path, search } = /^\/(?<path>[^?]*)(?:\?(?<search>.*))?$/s.exec(url)?.groups ?? {};
  if (path === undefined) throw invalidUri();
  const slash = path.indexOf('/');
  const bucket = decode(slash === -1 ? path : path.slice(0, slash));
  const key = slash === -1 ? '' : decode(path.slice(slash + 1));
  if (Buffer.byteLength(key) > maximumKeyBytes) {
    throw new S3Error('KeyTooLongError', 'Your key is too long', { Size: String(Buffer.byteLength(key)), MaxSizeAllowed: String(maximumKeyBytes) });
  }
  return { method, bucket, key, query: new URLSearchParams(search ?? ''), headers, body };
}

/** The whole body, even of one too large: a client whose request is cut off sees a broken connection instead of the error. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maximumBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (bytes > maximumBodyBytes) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', { ProposedSize: String(bytes), MaxSizeAllowed: String(maximumBodyBytes) });
  }
  return Buffer.concat(chunks);
}

/** The header `name`, undefined where it is absent or empty. */
export function header({ headers }: Pick<S3Request, 'headers'>, name: string): string | undefined {
  return headers[name]?.toString() || undefined;
}

function decode(component: string): string {
  try {
    return decodeURIComponent(component);
  } catch {
    throw invalidUri();
  }
}

const invalidUri = () => new S3Error('InvalidURI', "Couldn't parse the specified URI.");
