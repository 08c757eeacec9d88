import { Logger } from '@aws-lambda-powertools/logger';
import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { CertificateEnd } from '../authority/certificate-end.ts';
import { readCertificateEnd } from '../aws/outbox-stream.ts';

const logger = new Logger({ serviceName: 'kakunin' });

interface Reading {
  readonly record: DynamoDBRecord;
  readonly end: CertificateEnd;
}

/**
 * A Lambda on the registry's stream that acts on the ends of certificates. A record that fails is reported, so that Lambda
 * delivers from there again; what was done already is then found done. One that cannot be read fails alone.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 * @param act answers how each of the ends went, in their order
 */
export function outboxConsumer(name: string, act: (ends: readonly CertificateEnd[], context: Context) => Promise<readonly PromiseSettledResult<void>[]>) {
  return async ({ Records }: DynamoDBStreamEvent, context: Context): Promise<DynamoDBBatchResponse> => {
    const failed: DynamoDBRecord[] = [];
    const fail = (record: DynamoDBRecord, error: unknown) => {
      logger.error(name, { error: error as Error, keys: record.dynamodb?.Keys, sequence_number: record.dynamodb?.SequenceNumber });
      failed.push(record);
    };
    const readings = Records.flatMap((record): Reading[] => {
      try {
        const end = readCertificateEnd(record);
        return end === undefined ? [] : [{ record, end }];
      } catch (error) {
        fail(record, error);
        return [];
      }
    });
    const outcomes = await act(readings.map(({ end }) => end), context);
    readings.forEach(({ record }, index) => {
      const outcome = outcomes[index];
      if (outcome?.status !== 'fulfilled') fail(record, outcome?.reason);
    });
    logger.info(name, { records: Records.length, ends: readings.length, failed: failed.length });
    return { batchItemFailures: failed.map(({ dynamodb }) => ({ itemIdentifier: dynamodb?.SequenceNumber ?? '' })) };
  };
}
