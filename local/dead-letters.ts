import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { accountId, localCredentials, region } from './account.ts';
import { nameBasedUuid } from './name-based-uuid.ts';
import type { DeadLetter } from './streams.ts';

export interface DeadLetterBucket {
  /** Resolves once the dead letter is in the bucket. */
  put(deadLetter: DeadLetter): Promise<void>;
  close(): void;
}

/** The bucket that stream consumers have as their on-failure destination: an object for each batch that was given up. */
export function openDeadLetterBucket(endpoint: string, bucketName: string): DeadLetterBucket {
  const client = new S3Client({ endpoint, region, credentials: localCredentials, forcePathStyle: true });
  return {
    async put(deadLetter) {
      const { functionName, tableName, attempts, records, error } = deadLetter;
      process.stderr.write(`${functionName} gave up on ${records.length} records of ${tableName} after ${attempts} attempts: ${error}\n`);
      await client.send(new PutObjectCommand({ Bucket: bucketName, Key: objectKey(deadLetter), Body: JSON.stringify(invocationRecord(deadLetter)), ContentType: 'application/json' }));
    },
    close: () => client.destroy(),
  };
}

function objectKey({ functionName, shardId, buriedAt }: DeadLetter): string {
  const [date = '', time = ''] = buriedAt.slice(0, 19).split('T');
  return `aws/lambda/${nameBasedUuid(`mapping:${functionName}`)}/${shardId}/${date.replaceAll('-', '/')}/${date}T${time.replaceAll(':', '.')}-${randomUUID()}`;
}

/**
 * What Lambda writes to a destination in S3: about the invocation, and its whole event as JSON in a string.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
function invocationRecord({ functionName, streamArn, shardId, attempts, requestId, crashed, buriedAt, records }: DeadLetter): object {
  const [first, last] = [records.at(0)?.dynamodb, records.at(-1)?.dynamodb];
  const arrival = (epochSeconds = 0) => new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z');
  return {
    requestContext: {
      requestId,
      functionArn: `arn:aws:lambda:${region}:${accountId}:function:${functionName}`,
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: attempts,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: crashed ? 'Unhandled' : null },
    version: '1.0',
    timestamp: buriedAt,
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: first?.SequenceNumber,
      endSequenceNumber: last?.SequenceNumber,
      approximateArrivalOfFirstRecord: arrival(first?.ApproximateCreationDateTime),
      approximateArrivalOfLastRecord: arrival(last?.ApproximateCreationDateTime),
      batchSize: records.length,
      streamArn,
    },
    payload: JSON.stringify({ Records: records }),
  };
}
