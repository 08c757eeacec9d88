import {
  GetObjectCommand, HeadObjectCommand, NoSuchKey, NotFound, PutObjectCommand, S3ServiceException, type S3Client,
} from '@aws-sdk/client-s3';
import { callingS3 } from './failures.ts';

/** What is known of a published object without its content. */
export interface PublishedHead {
  /** As S3 gave it, quotes included: for `ifMatch`. */
  readonly etag: string;
  /** Of a CRL: its number (RFC 5280 §5.2.3). */
  readonly crlNumber?: bigint;
}

export interface Publication {
  readonly contentType: string;
  /** How long a cache may answer with the object before it asks again. */
  readonly cacheControlMaxAgeSeconds: number;
  readonly crlNumber?: bigint;
  /** Writes only over the object with this ETag, or only where there is none. */
  readonly ifMatch?: string | 'absent';
}

/**
 * What relying parties download: CRLs and CA certificates, each under the path that certificates name, without its
 * leading slash. Every method throws a Refusal DISTRIBUTION_UNAVAILABLE where S3 cannot be reached or does not let us in.
 *
 * The role that uses it needs s3:ListBucket too: without it S3 answers 403 instead of 404 for what is not there.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
 */
export function distribution(client: S3Client, bucketName: string) {
  const objectAt = (path: string) => ({ Bucket: bucketName, Key: path });
  return {
    /** The object as it is now: S3 reads are strongly consistent. */
    read: (path: string): Promise<(PublishedHead & { readonly body: Uint8Array }) | undefined> =>
      callingS3(() => unlessMissing(async () => {
        const { Body, ETag, Metadata } = await client.send(new GetObjectCommand(objectAt(path)), withinLimit());
        return { body: await required(Body).transformToByteArray(), ...headOf(path, ETag, Metadata) };
      })),

    head: (path: string): Promise<PublishedHead | undefined> =>
      callingS3(() => unlessMissing(async () => {
        const { ETag, Metadata } = await client.send(new HeadObjectCommand(objectAt(path)), withinLimit());
        return headOf(path, ETag, Metadata);
      })),

    /**
     * Writes the object whole; the SDK sends a checksum with it, which S3 compares.
     * @returns false where the condition did not hold. That may be our own doing, if the SDK repeated a write whose
     * answer was lost: look at what is there before drawing conclusions.
     * @throws Refusal DISTRIBUTION_UNAVAILABLE; whether the object was written is then unknown.
     */
    write: (path: string, body: Uint8Array, publication: Publication): Promise<boolean> =>
      callingS3(async () => {
        try {
          await client.send(new PutObjectCommand({ ...objectAt(path), Body: body, ...headersOf(publication) }), withinLimit());
          return true;
        } catch (error) {
          if (publication.ifMatch !== undefined && isConditionFailure(error)) return false;
          throw error;
        }
      }),
  };
}

const crlNumberKey = 'crl-number';

function headersOf({ contentType, cacheControlMaxAgeSeconds, crlNumber, ifMatch }: Publication) {
  return {
    ContentType: contentType,
    CacheControl: `public, max-age=${cacheControlMaxAgeSeconds}`,
    ...(crlNumber !== undefined && { Metadata: { [crlNumberKey]: String(crlNumber) } }),
    ...(ifMatch === 'absent' ? { IfNoneMatch: '*' } : ifMatch !== undefined && { IfMatch: ifMatch }),
  };
}

function headOf(path: string, etag: string | undefined, metadata: Record<string, string> | undefined): PublishedHead {
  const number = metadata?.[crlNumberKey];
  // Not taken for "no number": a CRL would be replaced by an older one.
  if (number !== undefined && !/^\d+$/.test(number)) throw new Error(`The published object ${path} has the ${crlNumberKey} ${JSON.stringify(number)}, which is no number.`);
  return { etag: required(etag), ...(number !== undefined && { crlNumber: BigInt(number) }) };
}

async function unlessMissing<Answer>(call: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call();
  } catch (error) {
    // A HEAD has no body to name its error in, so it is the status that the SDK turns into NotFound.
    if (error instanceof NoSuchKey || error instanceof NotFound) return undefined;
    throw error;
  }
}

// 412 and, with another write or delete under way, 409; NoSuchKey where there is nothing that could match.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
function isConditionFailure(error: unknown): boolean {
  return error instanceof S3ServiceException && ['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey'].includes(error.name);
}

/** The longest that a call may take, its repetitions and the download of its answer included. */
const withinLimit = () => ({ abortSignal: AbortSignal.timeout(20_000) });

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('S3 answered without what was asked for.');
  return value;
}
