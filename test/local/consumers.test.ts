import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tables } from '../../lambdas/schema.ts';
import { outboxKeyPrefix, streamConsumers } from '../../lambdas/triggers.ts';
import { localCredentials, region } from '../../local/account.ts';
import { startDynamodb, type Dynamodb } from '../../local/dynamodb.ts';
import { startEventSourceMapping, type EventSourceMapping, type EventSourceMappingOptions } from '../../local/streams.ts';
import { recordFilter } from '../../local/streams/filter.ts';
import { eventually } from './processes.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

const tableNames = { registry: 'registry', risk: 'risk' };
let engine: Dynamodb;
let client: DynamoDBClient;
beforeAll(async () => {
  engine = await startDynamodb({ tableNames });
  client = new DynamoDBClient({ endpoint: engine.endpoint, region, credentials: localCredentials });
});
afterAll(async () => {
  client.destroy();
  await engine.close();
  await removeTemporaryDirectories();
});

const put = (pk: string, version = 0) => client.send(new PutItemCommand({ TableName: tableNames.registry, Item: { pk: { S: pk }, sk: { S: 'x' }, version: { N: String(version) } } }));
const keyOf = ({ dynamodb }: DynamoDBRecord) => dynamodb?.Keys?.['pk']?.S ?? '';
const isWanted = recordFilter(streamConsumers['publish-crls'], tables.registry.partitionKey);

async function consume(options: Partial<EventSourceMappingOptions> & { seen: string[] }): Promise<EventSourceMapping> {
  const { seen, ...rest } = options;
  return startEventSourceMapping({
    endpoint: engine.endpoint, tableName: tableNames.registry, functionName: 'toy', isWanted,
    handler: async ({ Records }: DynamoDBStreamEvent) => void seen.push(...Records.map((record) => `${record.eventName} ${keyOf(record)}`)),
    ...rest,
  });
}

describe('a filter', () => {
  test.each([
    ['INSERT', `${outboxKeyPrefix}1`, true],
    ['MODIFY', `${outboxKeyPrefix}1`, true],
    ['REMOVE', `${outboxKeyPrefix}1`, false],
    ['INSERT', 'EFFECT#1', false],
    ['INSERT', 'OUTBOX', false],
  ] as const)('of the outbox: %s of %s is wanted: %s', (eventName, pk, wanted) => {
    expect(isWanted({ eventName, dynamodb: { Keys: { pk: { S: pk }, sk: { S: 'x' } } } })).toBe(wanted);
  });

  test('without a prefix looks at the kind of change alone', () => {
    const wanted = recordFilter(streamConsumers['auto-revoke'], tables.risk.partitionKey);
    expect(wanted({ eventName: 'INSERT', dynamodb: { Keys: { agent_id: { S: 'anything' } } } })).toBe(true);
    expect(wanted({ eventName: 'REMOVE', dynamodb: { Keys: { agent_id: { S: 'anything' } } } })).toBe(false);
    expect(wanted({ dynamodb: {} })).toBe(false);
  });
});

describe('from a table full of other things', () => {
  test('only what is wanted is delivered, and the rest is read over once, also after a restart', async () => {
    const checkpointFile = join(await temporaryDirectory(), 'toy.json');
    for (let index = 0; index < 30; index++) await put(`AGENT#${index}`);
    await put('OUTBOX#first');
    await put('OUTBOX#first', 1);
    await client.send(new DeleteItemCommand({ TableName: tableNames.registry, Key: { pk: { S: 'OUTBOX#first' }, sk: { S: 'x' } } }));
    for (let index = 0; index < 30; index++) await put(`AUDIT#${index}`);
    const seen: string[] = [];
    const first = await consume({ seen, checkpointFile });
    await first.idle();
    expect(seen).toEqual(['INSERT OUTBOX#first', 'MODIFY OUTBOX#first']);
    // Nothing but unwanted records has come since the last that was delivered, and their checkpoint is written all the same.
    await first.stop();
    const after = JSON.stringify(JSON.parse(await readFile(checkpointFile, 'utf8')).shards);

    await put('OUTBOX#second');
    const second = await consume({ seen, checkpointFile });
    await second.idle();
    await second.stop();
    expect(seen.slice(2)).toEqual(['INSERT OUTBOX#second']);
    const sequenceNumber = (shards: string) => Number(/"after":"(\d+)"/.exec(shards)?.[1]);
    expect(sequenceNumber(JSON.stringify(JSON.parse(await readFile(checkpointFile, 'utf8')).shards))).toBe(sequenceNumber(after) + 1);
  });

  test('what is read over is noted within a second or so, without a stop', async () => {
    const checkpointFile = join(await temporaryDirectory(), 'toy.json');
    const mapping = await consume({ seen: [], checkpointFile, isWanted: () => false });
    await mapping.idle();
    await eventually(async () => (await readFile(checkpointFile, 'utf8').catch(() => '')).includes('after'));
    await mapping.stop();
  });
});

test('a batching window gathers what comes one by one, and who waits for idleness does not wait for it', async () => {
  const batches: number[] = [];
  const options = { seen: [], handler: async ({ Records }: DynamoDBStreamEvent) => void batches.push(Records.length), isWanted: (record: DynamoDBRecord) => keyOf(record).startsWith('OUTBOX#window-') };
  const gathering = await consume({ ...options, batchSize: 5, batchingWindowSeconds: 3600 });
  for (let index = 0; index < 7; index++) await put(`OUTBOX#window-${index}`);
  await eventually(() => batches.length === 1);
  expect(batches).toEqual([5]);
  await gathering.idle();
  expect(batches).toEqual([5, 2]);
  await gathering.stop();
});

test('batches may be larger than what the stream gives at once', async () => {
  const batches: number[] = [];
  for (let index = 0; index < 1500; index += 50) await Promise.all(Array.from({ length: 50 }, (_, offset) => put(`OUTBOX#many-${index + offset}`)));
  const mapping = await consume({
    seen: [], batchSize: 10_000, batchingWindowSeconds: 3600, isWanted: (record) => keyOf(record).startsWith('OUTBOX#many-'),
    handler: async ({ Records }: DynamoDBStreamEvent) => void batches.push(Records.length),
  });
  await mapping.idle();
  await mapping.stop();
  expect(batches).toEqual([1500]);
}, 120_000);
