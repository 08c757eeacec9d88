import { expect, test } from '@jest/globals';
import {
  DescribeStreamCommand,
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  TrimmedDataAccessException,
  type DynamoDBStreamsClient,
  type Shard,
} from '@aws-sdk/client-dynamodb-streams';
import { openCheckpoint } from '../../local/streams/checkpoint.ts';
import { createShardReader, readableShards } from '../../local/streams/shards.ts';

/** A stream as AWS has them, with shards that end; the embedded engine has one that never does. Iterators read `<shard> <index>`. */
function streamOf(shards: Record<string, { parent?: string; numbers: string[]; open?: boolean }>, failures: Error[] = []): DynamoDBStreamsClient {
  const send = async (command: unknown) => {
    if (command instanceof DescribeStreamCommand) {
      const listed = Object.entries(shards).map(([ShardId, { parent }]): Shard => ({ ShardId, ...(parent !== undefined && { ParentShardId: parent }) }));
      const start = listed.findIndex(({ ShardId }) => ShardId === command.input.ExclusiveStartShardId) + 1;
      // One a page, for the reader must turn pages.
      const page = listed.slice(start, start + 1);
      return { StreamDescription: { Shards: page, ...(start + 1 < listed.length && { LastEvaluatedShardId: page[0]?.ShardId }) } };
    }
    if (command instanceof GetShardIteratorCommand) {
      const { ShardId = '', SequenceNumber = '' } = command.input;
      return { ShardIterator: `${ShardId} ${(shards[ShardId]?.numbers.indexOf(SequenceNumber) ?? 0) + 1}` };
    }
    if (command instanceof GetRecordsCommand) {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      const [shardId = '', start] = command.input.ShardIterator?.split(' ') ?? [];
      const { numbers = [], open = false } = shards[shardId] ?? {};
      const end = Number(start) + (command.input.Limit ?? 0);
      return {
        Records: numbers.slice(Number(start), end).map((SequenceNumber) => ({ dynamodb: { SequenceNumber } })),
        ...((open || end < numbers.length) && { NextShardIterator: `${shardId} ${Math.min(end, numbers.length)}` }),
      };
    }
    throw new Error('unknown command');
  };
  return { send } as unknown as DynamoDBStreamsClient;
}

const numbers = ({ records }: { records: readonly { dynamodb?: { SequenceNumber?: string | undefined } | undefined }[] }) => records.map(({ dynamodb }) => dynamodb?.SequenceNumber);

test('a shard is read only after its parent; a parent that is gone holds nobody up', async () => {
  const client = streamOf({ parent: { parent: 'trimmed-long-ago', numbers: ['1'] }, child: { parent: 'parent', numbers: ['2'] }, other: { numbers: ['3'] } });
  const checkpoint = await openCheckpoint('arn', undefined);
  expect(await readableShards(client, 'arn', checkpoint)).toEqual(['parent', 'other']);
  await checkpoint.advance('parent', { finished: true });
  expect(await readableShards(client, 'arn', checkpoint)).toEqual(['child', 'other']);
});

test('a shard without a next iterator has ended', async () => {
  const reader = createShardReader(streamOf({ only: { numbers: ['1', '2', '3'] } }), 'arn', 'only', await openCheckpoint('arn', undefined));
  const pages = [await reader.read(2), await reader.read(2)];
  expect(pages.map(numbers)).toEqual([['1', '2'], ['3']]);
  expect(pages.map(({ ended }) => ended)).toEqual([false, true]);
});

test('an expired iterator is replaced by one at the checkpoint', async () => {
  const failures: Error[] = [];
  const checkpoint = await openCheckpoint('arn', undefined);
  const reader = createShardReader(streamOf({ only: { numbers: ['1', '2', '3'], open: true } }, failures), 'arn', 'only', checkpoint);
  expect(numbers(await reader.read(2))).toEqual(['1', '2']);
  await checkpoint.advance('only', { after: '1' });
  failures.push(new ExpiredIteratorException({ message: 'too old', $metadata: {} }));
  expect(numbers(await reader.read(2))).toEqual(['2', '3']);
});

test('where records were trimmed, reading goes on with the oldest that is left', async () => {
  const failures: Error[] = [new TrimmedDataAccessException({ message: 'gone', $metadata: {} })];
  const checkpoint = await openCheckpoint('arn', undefined);
  await checkpoint.advance('only', { after: '2' });
  const reader = createShardReader(streamOf({ only: { numbers: ['1', '2', '3'], open: true } }, failures), 'arn', 'only', checkpoint);
  expect(numbers(await reader.read(10))).toEqual(['1', '2', '3']);
});
