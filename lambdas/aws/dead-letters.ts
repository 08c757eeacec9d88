import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import { callingS3 } from './failures.ts';

/** A batch of a stream that a function was given often enough, or for long enough, in vain. */
export interface DeadLetter {
  /** Of the S3 object. */
  readonly key: string;
  readonly functionName: string;
  readonly tableName: string;
  /** ISO 8601. */
  readonly givenUpAt: string;
  readonly attempts: number;
  /** Why Lambda gave up, in its own words: `RetryAttemptsExhausted`, `RecordAgeExceeded`. */
  readonly condition: string;
  /** `Unhandled` where the function failed as a whole, and did not just report these records. */
  readonly functionError: string | undefined;
  readonly records: readonly DynamoDBRecord[];
}

/** An object of the bucket that is not what Lambda writes. */
export interface UnreadableLetter {
  readonly key: string;
  readonly unreadable: string;
}

const json = (text: unknown, context: z.RefinementCtx): unknown => {
  if (typeof text !== 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('Not JSON');
    return z.NEVER;
  }
};

const streamRecord = z.looseObject({
  dynamodb: z.looseObject({ Keys: z.record(z.string(), z.object({ S: z.string() })) }),
});

/**
 * What Lambda leaves at an S3 destination of a DynamoDB stream: with the event as `payload`, which other destinations do
 * not get. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
const invocationRecord = z.preprocess(json, z.object({
  requestContext: z.object({ functionArn: z.string(), condition: z.string(), approximateInvokeCount: z.number() }),
  // Missing where the function was not even called.
  responseContext: z.object({ functionError: z.string().nullish() }).nullish(),
  timestamp: z.string(),
  DDBStreamBatchInfo: z.object({ streamArn: z.string() }),
  payload: z.preprocess(json, z.object({ Records: z.array(streamRecord).min(1) })),
}));

/**
 * The bucket of the dead letters. Its methods throw a Refusal DISTRIBUTION_UNAVAILABLE where S3 cannot be reached or does
 * not let us in.
 */
export function deadLetters(client: S3Client, bucketName: string) {
  return {
    /** The keys of all there are. */
    async keys(): Promise<string[]> {
      const keys: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await callingS3(() => client.send(new ListObjectsV2Command({ Bucket: bucketName, ContinuationToken }), withinLimit()));
        keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return keys;
    },

    /** Undefined where it is gone. */
    read: (key: string): Promise<DeadLetter | UnreadableLetter | undefined> =>
      callingS3(async () => {
        try {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucketName, Key: key }), withinLimit());
          return readDeadLetter(key, (await Body?.transformToString()) ?? '');
        } catch (error) {
          if (error instanceof NoSuchKey) return undefined;
          throw error;
        }
      }),

    /** Again does nothing. In a bucket with versions the object can still be brought back. */
    remove: (key: string): Promise<void> =>
      callingS3(async () => void (await client.send(new DeleteObjectCommand({ Bucket: bucketName, Key: key }), withinLimit()))),
  };
}

/** Reads the object's text. */
export function readDeadLetter(key: string, text: string): DeadLetter | UnreadableLetter {
  const { success, data, error } = invocationRecord.safeParse(text);
  const tableName = /:table\/([^/]+)\/stream\//.exec(data?.DDBStreamBatchInfo.streamArn ?? '')?.[1];
  if (!success || tableName === undefined) {
    const { path, message } = error?.issues[0] ?? { path: ['DDBStreamBatchInfo', 'streamArn'], message: 'No stream of a table' };
    return { key, unreadable: [path.join('.'), message].filter(Boolean).join(': ') };
  }
  const { requestContext: { functionArn, condition, approximateInvokeCount }, responseContext, timestamp, payload } = data;
  return {
    key, tableName, condition,
    functionName: /:function:([^:]+)/.exec(functionArn)?.[1] ?? functionArn,
    givenUpAt: timestamp,
    attempts: approximateInvokeCount,
    functionError: responseContext?.functionError ?? undefined,
    records: payload.Records as unknown as readonly DynamoDBRecord[],
  };
}

/** The longest that a call may take, its repetitions and the download of its answer included. */
const withinLimit = () => ({ abortSignal: AbortSignal.timeout(20_000) });
