import { xmlDocument } from './xml.ts';

/**
 * The HTTP status of every error this S3 answers with.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const statuses = {
  AccessDenied: 403,
  BadDigest: 400,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidDigest: 400,
  InvalidRequest: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedTrailerError: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof statuses;

/** An error as S3 names it on the wire; `details` are the further elements of its XML, such as `Key`. */
export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: S3ErrorCode, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = statuses[code];
    this.details = details;
  }

  /** The body of the answer. `resource` is the request's path as it was sent. */
  document(resource: string, requestId: string, hostId: string): string {
    const { code, message, details } = this;
    return xmlDocument('Error', [
      ['Code', code], ['Message', message], ...Object.entries(details), ['Resource', resource], ['RequestId', requestId], ['HostId', hostId],
    ]);
  }
}

export const noSuchKey = (key: string) => new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });

/** For whatever S3 has and this one has not: better than an answer that pretends. */
export const notImplemented = (what: string, details: Readonly<Record<string, string>> = {}) =>
  new S3Error('NotImplemented', `${what}, which this S3 does not implement.`, details);
