import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { log } from '../log.ts';
import { settled } from './batch.ts';
import { invocation } from './invocation.ts';

/**
 * A Lambda on the registry's stream. A record that fails is reported, so that Lambda delivers from there again; what was
 * done already is then found done. One that cannot be read fails alone.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 * @param read what a record reports that is to be acted upon, if it does
 * @param act answers how each of the changes went, in their order
 */
export function registryConsumer<Change>(
  name: string, read: (record: DynamoDBRecord) => Change | undefined, act: (changes: readonly Change[]) => Promise<readonly PromiseSettledResult<void>[]>,
) {
  return invocation(name, async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    const failed = await settled(Records, read, act);
    for (const { item: { dynamodb }, error } of failed) log.error(name, error, { keys: dynamodb?.Keys, sequence_number: dynamodb?.SequenceNumber });
    log.info(name, { records: Records.length, failed: failed.length });
    return { batchItemFailures: failed.map(({ item: { dynamodb } }) => ({ itemIdentifier: dynamodb?.SequenceNumber ?? '' })) };
  });
}
