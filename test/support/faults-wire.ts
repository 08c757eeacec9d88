import { request as send, type Agent, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

/* What passes between the AWS SDK and a service: the JSON protocol of DynamoDB and KMS, and S3's REST in path style. */

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read the members they know to be there
export type Input = Record<string, any>;

export interface WireAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** Which operation a request asks for, and of what. Of an S3 object that is written, the content is left out. */
export function readRequest({ method = '', url = '', headers }: IncomingMessage, body: Buffer): { operation: string; input: Input } {
  const target = headers['x-amz-target']?.toString();
  if (target !== undefined) return { operation: target.split('.').at(-1) ?? '', input: readJson(body) };
  const [, Bucket = '', Key = ''] = /^\/([^/?]*)\/?([^?]*)/.exec(decodeURIComponent(url)) ?? [];
  const operation = Key === '' ? 'ListObjectsV2' : `${{ PUT: 'Put', GET: 'Get', HEAD: 'Head', DELETE: 'Delete' }[method] ?? method}Object`;
  return { operation, input: { Bucket, Key, IfMatch: headers['if-match'], IfNoneMatch: headers['if-none-match'], Metadata: metadataOf(headers) } };
}

/** The members of an answer; of one of S3, what its headers say. */
export function readAnswer({ status, headers, body }: WireAnswer): Input {
  if (/^application\/(json|x-amz-json-1\.\d)\b/.test(String(headers['content-type']))) return readJson(body);
  return { status, ETag: headers['etag'], Metadata: metadataOf(headers as IncomingHttpHeaders) };
}

/** Passes a request on and resolves with the whole answer. */
export function forward({ method, url, headers }: IncomingMessage, body: Buffer, target: { agent: Agent; hostname: string; port: string }): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const passedOn = send({ ...target, method, path: url, headers: { ...headers, host: `${target.hostname}:${target.port}` } }, (answer) => {
      // Those of the connection are not ours to pass on, and the checksum would be that of an answer not yet rewritten.
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, 'x-amz-crc32': ____, ...kept } = answer.headers;
      bytesOf(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 502, headers: method === 'HEAD' ? kept : { ...kept, 'content-length': bytes.length }, body: bytes }),
        reject,
      );
    });
    passedOn.on('error', reject);
    passedOn.end(body);
  });
}

export async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const readJson = (body: Buffer): Input => (body.length === 0 ? {} : JSON.parse(body.toString()));

function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const prefix = 'x-amz-meta-';
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), String(value)]));
}
