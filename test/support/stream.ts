import { DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent, SQSBatchResponse } from 'aws-lambda';
import { localCredentials, region } from '../../local/account.ts';
import { invoke, type LambdaHandler } from '../../local/invocation.ts';
import { findStream } from '../../local/streams/shards.ts';
import { lambdaRecord } from '../../local/streams/stream-event.ts';
import { lambdaRecord as lambdaMessage } from '../../local/queues/sqs-event.ts';
import { queueConsumers, streamConsumers, type QueueConsumerName, type StreamConsumerName } from '../../lambdas/triggers.ts';

/** Everything that has ever gone through a table's stream, as Lambda would deliver it. */
export async function streamedRecords(endpoint: string, tableName: string): Promise<DynamoDBRecord[]> {
  const streams = new DynamoDBStreamsClient({ endpoint, region, credentials: localCredentials });
  try {
    const StreamArn = await findStream(streams, tableName);
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
    const records: DynamoDBRecord[] = [];
    for (const { ShardId } of StreamDescription?.Shards ?? []) {
      let { ShardIterator } = await streams.send(new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
      while (ShardIterator !== undefined) {
        const page = await streams.send(new GetRecordsCommand({ ShardIterator }));
        records.push(...(page.Records ?? []).map((record) => lambdaRecord(record, StreamArn)));
        ShardIterator = page.Records?.length === 0 ? undefined : page.NextShardIterator;
      }
    }
    return records;
  } finally {
    streams.destroy();
  }
}

/** Hands records to a stream's function, in this order and in one batch; answers the sequence numbers it reports as failed. */
export async function deliver(functionName: StreamConsumerName, records: readonly DynamoDBRecord[], timeoutSeconds: number = streamConsumers[functionName].timeoutSeconds): Promise<string[]> {
  const { handler } = (await import(`../../lambdas/handlers/${functionName}.ts`)) as { handler: LambdaHandler };
  const event: DynamoDBStreamEvent = { Records: [...records] };
  const { batchItemFailures } = (await invoke(handler, event, { functionName, timeoutSeconds })) as DynamoDBBatchResponse;
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

/** Hands messages with these contents to a queue's function, in one batch; answers those it reports as failed. A text is sent as it is. */
export async function deliverMessages<Content extends object | string>(
  functionName: QueueConsumerName, contents: readonly Content[], timeoutSeconds: number = queueConsumers[functionName].timeoutSeconds,
): Promise<Content[]> {
  const { handler } = (await import(`../../lambdas/handlers/${functionName}.ts`)) as { handler: LambdaHandler };
  const bodyOf = (content: Content) => (typeof content === 'string' ? content : JSON.stringify(content));
  const Records = contents.map((content, index) => lambdaMessage({ MessageId: String(index), Body: bodyOf(content), Attributes: { ApproximateReceiveCount: '1' } }, 'arn:aws:sqs:eu-west-1:000000000000:q'));
  const { batchItemFailures } = (await invoke(handler, { Records }, { functionName, timeoutSeconds })) as SQSBatchResponse;
  return batchItemFailures.map(({ itemIdentifier }) => contents[Number(itemIdentifier)] as Content);
}
