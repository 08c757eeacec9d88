import { S3Error } from './errors.ts';
import { header, type S3Request } from './request.ts';

/** What a request uploads, and the headers that followed its body rather than preceding it. */
export interface Payload {
  readonly body: Buffer;
  readonly trailers: ReadonlyMap<string, string>;
}

/**
 * The content of a request, out of the frames in which SDKs send a stream whose checksum they do not know beforehand.
 * Signatures of single frames are not looked at, as little as that of the request.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export function payloadOf(request: S3Request): Payload {
  const isFramed = header(request, 'x-amz-content-sha256')?.startsWith('STREAMING-') ?? false;
  if (!isFramed) return { body: request.body, trailers: new Map() };
  const payload = unframe(request.body);
  const declared = header(request, 'x-amz-decoded-content-length');
  if (declared !== undefined && Number(declared) !== payload.body.length) throw incomplete();
  for (const announced of (header(request, 'x-amz-trailer') ?? '').split(',').map((name) => name.trim().toLowerCase()).filter(Boolean)) {
    if (!payload.trailers.has(announced)) throw new S3Error('MalformedTrailerError', `The trailer ${announced} was announced and is missing.`);
  }
  return payload;
}

// <size in hexadecimal>[;extensions]CRLF <bytes> CRLF, and so on up to a size of 0, then `name:value` lines.
function unframe(framed: Buffer): Payload {
  const chunks: Buffer[] = [];
  for (let position = 0; ;) {
    const lineEnd = framed.indexOf('\r\n', position);
    if (lineEnd === -1) throw incomplete();
    const size = /^([0-9a-f]{1,8})(;|$)/i.exec(framed.toString('latin1', position, lineEnd))?.[1];
    if (size === undefined) throw incomplete();
    const start = lineEnd + 2;
    const end = start + Number.parseInt(size, 16);
    if (end === start) return { body: Buffer.concat(chunks), trailers: trailersOf(framed.toString('latin1', start)) };
    if (framed.toString('latin1', end, end + 2) !== '\r\n') throw incomplete();
    chunks.push(framed.subarray(start, end));
    position = end + 2;
  }
}

function trailersOf(text: string): Map<string, string> {
  return new Map(text.split('\r\n').filter(Boolean).map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new S3Error('MalformedTrailerError', 'The request contains trailing data that is not well formed.');
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  }));
}

const incomplete = () => new S3Error('IncompleteBody', 'The request body terminated unexpectedly');
