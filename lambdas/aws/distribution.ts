import {
  GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput, NoSuchKey, NotFound, PutObjectCommand, S3ServiceException, type S3Client,
} from '@aws-sdk/client-s3';
import type { CrlStamp, Distribution, Publication, PublishedHead } from '../authority/ports.ts';
import { callingS3 } from './failures.ts';

/**
 * The bucket behind the distribution, which is what certificates name. The SDK sends a checksum with each write, which S3
 * compares.
 *
 * The role that uses it needs s3:ListBucket too: without it S3 answers 403 instead of 404 for what is not there.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
 */
export function distribution(client: S3Client, bucketName: string): Distribution {
  const objectAt = (path: string) => ({ Bucket: bucketName, Key: path });
  return {
    head: (path) =>
      callingS3(() => unlessMissing(async () => headOf(path, await client.send(new HeadObjectCommand(objectAt(path)), withinLimit())))),

    read: (path) =>
      callingS3(() => unlessMissing(async () => {
        const answer = await client.send(new GetObjectCommand(objectAt(path)), withinLimit());
        return { ...headOf(path, answer), body: await required(answer.Body).transformToByteArray() };
      })),

    write: (path, body, publication) =>
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

function headersOf({ contentType, cacheControlMaxAgeSeconds, crl, ifMatch }: Publication) {
  return {
    ContentType: contentType,
    CacheControl: `public, max-age=${cacheControlMaxAgeSeconds}`,
    ...(crl !== undefined && { Metadata: { 'crl-number': String(crl.number), 'this-update': crl.thisUpdate, 'next-update': crl.nextUpdate } }),
    ...(ifMatch === 'absent' ? { IfNoneMatch: '*' } : ifMatch !== undefined && { IfMatch: ifMatch }),
  };
}

function headOf(path: string, { ETag, ContentLength, Metadata }: Pick<HeadObjectCommandOutput, 'ETag' | 'ContentLength' | 'Metadata'>): PublishedHead {
  const crl = stampOf(path, Metadata);
  return { etag: required(ETag), contentLength: required(ContentLength), ...(crl !== undefined && { crl }) };
}

const wholeSecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/;

function stampOf(path: string, { 'crl-number': number, 'this-update': thisUpdate, 'next-update': nextUpdate }: Record<string, string> = {}): CrlStamp | undefined {
  if (number === undefined && thisUpdate === undefined && nextUpdate === undefined) return undefined;
  // Not taken for "no CRL": it would be replaced by an older one.
  if (!/^\d+$/.test(number ?? '') || !wholeSecond.test(thisUpdate ?? '') || !wholeSecond.test(nextUpdate ?? '')) {
    throw new Error(`The metadata of the published object ${path} are not those of a CRL: crl-number ${number}, this-update ${thisUpdate}, next-update ${nextUpdate}. Delete the object to have it published anew.`);
  }
  return { number: BigInt(required(number)), thisUpdate: required(thisUpdate), nextUpdate: required(nextUpdate) };
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
