import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startHttpService } from './http-service.ts';
import { S3Error } from './s3/errors.ts';
import { openObjectStore, type ObjectStore } from './s3/object-store.ts';
import { perform } from './s3/operations.ts';
import { parseRequest, readBody } from './s3/request.ts';

/** An object as a reader without credentials would get it. */
export interface PublishedObject {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly cacheControl?: string;
  /** In quotes. */
  readonly etag: string;
  readonly lastModified: Date;
}

export interface EmbeddedS3 {
  /** What `AWS_ENDPOINT_URL_S3` is to be, e.g. `http://127.0.0.1:4572`; clients must use path style. */
  readonly endpoint: string;
  /** The object without a detour over the wire, for the gateway that publishes it; undefined if there is none. */
  read(bucket: string, key: string): Promise<PublishedObject | undefined>;
  /** Drops open connections and resolves once no request is being worked on. */
  close(): Promise<void>;
}

export interface EmbeddedS3Options {
  /** TCP port; 0, the default, takes a free one. */
  port?: number;
  /** The address to listen on; `127.0.0.1` by default. */
  host?: string;
  /** Where objects are kept; without it they live in memory. One S3 at a time. */
  dataDirectory?: string;
  /** The buckets there are; none can be made later. */
  buckets: readonly string[];
}

/**
 * Starts an S3 that speaks the REST protocol of AWS, path style: objects are put, got, deleted and listed, with checksums and conditions;
 * anything else is refused by name. With a data directory an answered request survives a crash. It checks that requests are signed, not by
 * whom. Rejects where the port is taken or a bucket's name is none, and with an Error that says what to do where the data directory is damaged.
 */
export async function startS3({ port, host, dataDirectory, buckets }: EmbeddedS3Options): Promise<EmbeddedS3> {
  const store = await openObjectStore(buckets, dataDirectory);
  const service = await startHttpService((request, response) => respond(store, request, response), { port, host });
  return {
    endpoint: service.endpoint,
    async read(bucket, key) {
      const object = store.buckets.has(bucket) ? store.find(bucket, key) : undefined;
      if (object === undefined) return undefined;
      const headers = new Map(object.headers);
      const cacheControl = headers.get('cache-control');
      return {
        body: new Uint8Array(object.body),
        contentType: headers.get('content-type') ?? '',
        ...(cacheControl !== undefined && { cacheControl }),
        etag: object.etag,
        lastModified: object.lastModified,
      };
    },
    close: () => service.close(),
  };
}

async function respond(store: ObjectStore, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomBytes(8).toString('hex').toUpperCase();
  const hostId = randomBytes(32).toString('base64');
  response.setHeader('x-amz-request-id', requestId);
  response.setHeader('x-amz-id-2', hostId);
  try {
    const { status, headers, body = '' } = await perform(store, parseRequest(request, await readBody(request)));
    response.statusCode = status;
    for (const [name, value] of headers) response.setHeader(name, value);
    // Also where no body is sent, because the request was a HEAD.
    if (status === 200) response.setHeader('content-length', Buffer.byteLength(body));
    response.end(body);
  } catch (cause) {
    const error = cause instanceof S3Error ? cause : new S3Error('InternalError', String(cause));
    response.statusCode = error.status;
    response.setHeader('content-type', 'application/xml');
    response.end(error.document(request.url?.split('?')[0] ?? '', requestId, hostId));
  }
}
