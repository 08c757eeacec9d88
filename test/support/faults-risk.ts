import { DynamoDBStreamsClient, DescribeStreamCommand, GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import { PutItemCommand, DynamoDBClient, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { localCredentials, region } from '../../local/account.ts';
import { findStream } from '../../local/streams/shards.ts';
import { lambdaRecord } from '../../local/streams/stream-event.ts';
import type { TestRuntime } from './runtime.ts';

/** The risk table as the risk pipeline sees it, and its stream as Lambda reads it. */
export function openRiskTable({ dynamodbEndpoint, tableNames }: Pick<TestRuntime, 'dynamodbEndpoint' | 'tableNames'>) {
  const configuration = { endpoint: dynamodbEndpoint, region, credentials: localCredentials };
  const client = new DynamoDBClient(configuration);
  const streams = new DynamoDBStreamsClient(configuration);

  return {
    /** Writes a record as the pipeline may: with a key, whose time is now unless another is given, and any attributes. Answers its record_id. */
    async put(agentId: string, attributes: Record<string, AttributeValue>, time = new Date().toISOString()): Promise<string> {
      const recordId = `${time}#${randomUUID()}`;
      await client.send(new PutItemCommand({ TableName: tableNames.risk, Item: { agent_id: { S: agentId }, record_id: { S: recordId }, ...attributes } }));
      return recordId;
    },

    /** Everything that has ever gone through the stream about the agent, as Lambda would deliver it. */
    async streamed(agentId: string): Promise<DynamoDBRecord[]> {
      const StreamArn = await findStream(streams, tableNames.risk);
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
      return records.filter(({ dynamodb }) => dynamodb?.Keys?.['agent_id']?.S === agentId);
    },

    /** Hands records to the stream's function, in this order and in one batch; answers the sequence numbers it reports as failed. */
    async deliver(records: readonly DynamoDBRecord[]): Promise<string[]> {
      const { handler } = (await import('../../lambdas/handlers/auto-revoke.ts')) as { handler: (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> };
      const { batchItemFailures } = await handler({ Records: JSON.parse(JSON.stringify(records)) as DynamoDBRecord[] });
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    },

    close() {
      client.destroy();
      streams.destroy();
    },
  };
}

export type RiskTable = ReturnType<typeof openRiskTable>;
