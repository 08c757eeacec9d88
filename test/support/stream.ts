import { DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent, SQSBatchResponse } from 'aws-lambda';
import { localCredentials, region } from '../../local/account.ts';
import { invoke, type LambdaHandler } from '../../local/invocation.ts';
import { findStream } from '../../local/streams/shards.ts';
import { lambdaRecord } from '../../local/streams/stream-event.ts';
import { lambdaRecord as lambdaMessage } from '../../local/queues/sqs-event.ts';
import { queueConsumers, streamConsumers, type QueueConsumerName, type StreamConsumerName } from '../../lambdas/triggers.ts';

export interface StreamReader {
  /** What has gone through the stream since the last call, and at the first one ever, as Lambda would deliver it. */
  fresh(): Promise<DynamoDBRecord[]>;
  close(): void;
}

export function openStream(endpoint: string, tableName: string): StreamReader {
  const streams = new DynamoDBStreamsClient({ endpoint, region, credentials: localCredentials });
  const reached = new Map<string | undefined, string>();
  return {
    async fresh() {
      const StreamArn = await findStream(streams, tableName);
      const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
      const records: DynamoDBRecord[] = [];
      for (const { ShardId } of StreamDescription?.Shards ?? []) {
        const SequenceNumber = reached.get(ShardId);
        const from = SequenceNumber === undefined ? { ShardIteratorType: 'TRIM_HORIZON' as const } : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' as const, SequenceNumber };
        let { ShardIterator } = await streams.send(new GetShardIteratorCommand({ StreamArn, ShardId, ...from }));
        while (ShardIterator !== undefined) {
          const page = await streams.send(new GetRecordsCommand({ ShardIterator }));
          records.push(...(page.Records ?? []).map((record) => lambdaRecord(record, StreamArn)));
          const last = page.Records?.at(-1)?.dynamodb?.SequenceNumber;
          if (last !== undefined) reached.set(ShardId, last);
          ShardIterator = page.Records?.length === 0 ? undefined : page.NextShardIterator;
        }
      }
      return records;
    },
    close: () => streams.destroy(),
  };
}

/** Everything that has ever gone through a table's stream, as Lambda would deliver it. */
export async function streamedRecords(endpoint: string, tableName: string): Promise<DynamoDBRecord[]> {
  const stream = openStream(endpoint, tableName);
  try {
    return await stream.fresh();
  } finally {
    stream.close();
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
