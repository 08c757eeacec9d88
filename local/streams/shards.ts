import {
  DescribeStreamCommand,
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
  TrimmedDataAccessException,
  type _Record as StreamRecord,
  type DynamoDBStreamsClient,
  type GetShardIteratorCommandInput,
  type Shard,
} from '@aws-sdk/client-dynamodb-streams';
import type { Checkpoint } from './checkpoint.ts';

/** ARN of the table's stream that is being written to. */
export async function findStream(client: DynamoDBStreamsClient, tableName: string): Promise<string> {
  const { Streams = [] } = await client.send(new ListStreamsCommand({ TableName: tableName }));
  for (const { StreamArn } of Streams) {
    // A stream that was switched off stays listed for a day.
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn }));
    if (StreamArn !== undefined && StreamDescription?.StreamStatus === 'ENABLED') return StreamArn;
  }
  throw new Error(`The table ${tableName} has no stream.`);
}

/**
 * Ids of the shards that may be read now: not read to their end, and their parents are, so that an item's changes stay in order. Only a
 * missing NextShardIterator says that a shard has ended: the embedded engine names an EndingSequenceNumber on a shard that goes on.
 */
export async function readableShards(client: DynamoDBStreamsClient, streamArn: string, checkpoint: Checkpoint): Promise<string[]> {
  const shards = await listShards(client, streamArn);
  const unfinished = new Set(shards.map(({ ShardId = '' }) => ShardId).filter((id) => !isFinished(checkpoint, id)));
  return shards
    .filter(({ ShardId = '', ParentShardId = '' }) => unfinished.has(ShardId) && !unfinished.has(ParentShardId))
    .map(({ ShardId = '' }) => ShardId);
}

function isFinished(checkpoint: Checkpoint, shardId: string): boolean {
  const position = checkpoint.position(shardId);
  return position !== undefined && 'finished' in position;
}

async function listShards(client: DynamoDBStreamsClient, streamArn: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let last: string | undefined;
  do {
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId: last }));
    shards.push(...(StreamDescription?.Shards ?? []));
    last = StreamDescription?.LastEvaluatedShardId;
  } while (last !== undefined);
  return shards;
}

export interface ShardReader {
  readonly shardId: string;
  /** The next records, or none; `ended` says that there will never be more. */
  read(limit: number): Promise<{ records: StreamRecord[]; ended: boolean }>;
}

/** Reads a shard from its checkpoint on, or from its oldest record (TRIM_HORIZON). */
export function createShardReader(client: DynamoDBStreamsClient, streamArn: string, shardId: string, checkpoint: Checkpoint): ShardReader {
  let iterator: string | undefined;
  const shard = { StreamArn: streamArn, ShardId: shardId };
  const iteratorOf = async (input: Omit<GetShardIteratorCommandInput, keyof typeof shard>) =>
    (await client.send(new GetShardIteratorCommand({ ...shard, ...input }))).ShardIterator;

  async function next(limit: number): Promise<{ records: StreamRecord[]; ended: boolean }> {
    const position = checkpoint.position(shardId);
    iterator ??= await (position !== undefined && 'after' in position
      ? iteratorOf({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position.after })
      : iteratorOf({ ShardIteratorType: 'TRIM_HORIZON' }));
    const { Records = [], NextShardIterator } = await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: limit }));
    iterator = NextShardIterator;
    return { records: Records, ended: NextShardIterator === undefined };
  }

  return {
    shardId,
    async read(limit) {
      try {
        return await next(limit);
      } catch (error) {
        // Iterators live 15 minutes: the next one starts at the checkpoint. Records live 24 hours: whoever was away for longer goes on with what is left.
        if (error instanceof ExpiredIteratorException) iterator = undefined;
        else if (error instanceof TrimmedDataAccessException) iterator = await iteratorOf({ ShardIteratorType: 'TRIM_HORIZON' });
        else throw error;
        return next(limit);
      }
    },
  };
}
