import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CreateTableCommand, DeleteItemCommand, DeleteTableCommand, DynamoDBClient, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localCredentials, region } from '../../local/account.ts';
import { embeddedEngine } from '../../local/dynamodb.ts';
import { startEngine, type Engine } from '../../local/dynamodb/engine.ts';
import { startEventSourceMapping, type DeadLetter, type EventSourceMapping, type EventSourceMappingOptions } from '../../local/streams.ts';
import { eventually } from './processes.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

let engine: Engine;
let client: DynamoDBClient;
let tableName: string;
let tables = 0;
let mappings: EventSourceMapping[] = [];

beforeAll(async () => {
  engine = await startEngine({ binary: (await embeddedEngine()) as string });
  client = new DynamoDBClient({ endpoint: engine.endpoint, region, credentials: localCredentials });
});
beforeEach(async () => {
  tableName = `stream-${++tables}`;
  await createTable();
});
afterEach(async () => {
  await Promise.all(mappings.map((mapping) => mapping.stop()));
  mappings = [];
});
afterAll(async () => {
  client.destroy();
  await engine.close();
  await removeTemporaryDirectories();
});

const createTable = () =>
  client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );

const put = (id: string, attributes: Record<string, AttributeValue> = {}) => client.send(new PutItemCommand({ TableName: tableName, Item: { id: { S: id }, ...attributes } }));

async function putAll(count: number, prefix = ''): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  for (const id of ids) await put(id);
  return ids;
}

async function consume(handler: (records: DynamoDBRecord[]) => unknown, options: Partial<EventSourceMappingOptions> = {}): Promise<EventSourceMapping> {
  const mapping = await startEventSourceMapping({
    endpoint: engine.endpoint,
    tableName,
    functionName: 'toy',
    handler: async ({ Records }: DynamoDBStreamEvent) => handler(Records),
    onTrouble: () => undefined,
    ...options,
  });
  mappings.push(mapping);
  return mapping;
}

const idOf = ({ dynamodb }: DynamoDBRecord) => dynamodb?.Keys?.['id']?.S ?? '';

test('records arrive as Lambda delivers them', async () => {
  const before = Math.floor(Date.now() / 1000);
  await put('one', { binary: { B: new Uint8Array([1, 2, 255]) }, binaries: { BS: [new Uint8Array([9])] }, number: { N: '0.85' }, map: { M: { list: { L: [{ NULL: true }, { BOOL: false }, { B: new Uint8Array([7]) }] } } } });
  await client.send(new DeleteItemCommand({ TableName: tableName, Key: { id: { S: 'one' } } }));
  const seen: DynamoDBRecord[] = [];
  await (await consume((records) => void seen.push(...records))).idle();

  const image = { id: { S: 'one' }, binary: { B: 'AQL/' }, binaries: { BS: ['CQ=='] }, number: { N: '0.85' }, map: { M: { list: { L: [{ NULL: true }, { BOOL: false }, { B: 'Bw==' }] } } } };
  expect(seen).toEqual([
    expect.objectContaining({ eventName: 'INSERT', eventSource: 'aws:dynamodb', eventVersion: '1.1', eventSourceARN: expect.stringContaining(`:table/${tableName}/stream/`) }),
    expect.objectContaining({ eventName: 'REMOVE' }),
  ]);
  expect(seen[0]?.dynamodb).toMatchObject({ Keys: { id: { S: 'one' } }, NewImage: image, SequenceNumber: expect.stringMatching(/^\d+$/), StreamViewType: 'NEW_AND_OLD_IMAGES' });
  expect(seen[0]?.dynamodb?.OldImage).toBeUndefined();
  expect(seen[1]?.dynamodb?.OldImage).toEqual(image);
  const time = seen[0]?.dynamodb?.ApproximateCreationDateTime ?? 0;
  expect(Number.isInteger(time)).toBe(true);
  expect(time).toBeGreaterThanOrEqual(before);
});

test('everything arrives once and in order, in batches no larger than asked for, past the end that the engine names for its shard', async () => {
  const ids = await putAll(1100);
  const seen: string[] = [];
  const sizes: number[] = [];
  const mapping = await consume((records) => {
    sizes.push(records.length);
    seen.push(...records.map(idOf));
  });
  await mapping.idle();
  expect(seen).toEqual(ids);
  expect(Math.max(...sizes)).toBe(100);
  const more = await putAll(5, 'more-');
  await mapping.idle();
  expect(seen).toEqual([...ids, ...more]);
});

test('a record is seen within a fraction of a second', async () => {
  let arrived = () => {};
  await consume(() => arrived());
  const latencies: number[] = [];
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    await put(`round-${round}`);
    const start = performance.now();
    await arrival;
    latencies.push(performance.now() - start);
  }
  expect(latencies.sort((a, b) => a - b)[5]).toBeLessThan(200);
});

test('a record that keeps failing ends up as a dead letter, alone, and the others are processed', async () => {
  const ids = await putAll(20);
  const processed = new Set<string>();
  const kept: DeadLetter[] = [];
  const mapping = await consume(
    (records) => {
      for (const id of records.map(idOf)) {
        if (id === '13') throw new Error('unlucky');
        processed.add(id);
      }
    },
    { maximumRetryAttempts: 2, onDeadLetter: (deadLetter) => void kept.push(deadLetter) },
  );
  await mapping.idle();
  expect([...processed].sort()).toEqual(ids.filter((id) => id !== '13').sort());
  expect(mapping.deadLetters).toEqual(kept);
  expect(kept).toEqual([expect.objectContaining({ functionName: 'toy', tableName, attempts: 3, error: 'Error: unlucky' })]);
  expect(kept[0]?.records.map(idOf)).toEqual(['13']);
});

test('with several lanes, a record that keeps failing does not hold up the others, and the checkpoint waits for it', async () => {
  const checkpointFile = join(await temporaryDirectory(), 'toy.json');
  await put('poison');
  const ids = await putAll(300);
  const seen = new Set<string>();
  const collect = (records: DynamoDBRecord[]) => {
    const numbers = records.map(({ dynamodb }) => Number(dynamodb?.SequenceNumber));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    for (const record of records) seen.add(idOf(record));
    const poison = records.find((record) => idOf(record) === 'poison');
    return { batchItemFailures: poison === undefined ? [] : [{ itemIdentifier: poison.dynamodb?.SequenceNumber }] };
  };
  const mapping = await consume(collect, { parallelizationFactor: 10, maximumRetryAttempts: -1, checkpointFile });
  await eventually(() => ids.filter((id) => !seen.has(id)).length < 40);
  await mapping.stop();
  await expect(readFile(checkpointFile)).rejects.toThrow('ENOENT');
  // Those that shared the poison's lane are not lost, whatever had been done is done once more.
  seen.clear();
  await (await consume((records) => void records.forEach((record) => seen.add(idOf(record))), { parallelizationFactor: 10, checkpointFile })).idle();
  expect(seen.size).toBe(301);
});

test('the changes of one item stay in order, however many lanes there are', async () => {
  for (let version = 0; version < 60; version++) await put(`item-${version % 6}`, { version: { N: String(version) } });
  const versions = new Map<string, number[]>();
  const mapping = await consume(
    async (records) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      for (const record of records) versions.set(idOf(record), [...(versions.get(idOf(record)) ?? []), Number(record.dynamodb?.NewImage?.['version']?.N)]);
    },
    { parallelizationFactor: 4, batchSize: 5 },
  );
  await mapping.idle();
  expect([...versions.values()].flat()).toHaveLength(60);
  for (const seen of versions.values()) expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('a failure that passes loses nothing', async () => {
  const ids = await putAll(10);
  const seen: string[] = [];
  let failures = 3;
  const mapping = await consume((records) => {
    if (failures-- > 0) throw new Error('later');
    seen.push(...records.map(idOf));
  });
  await mapping.idle();
  expect(seen).toEqual(ids);
  expect(mapping.deadLetters).toEqual([]);
});

test('a function that hangs is given up on after its time', async () => {
  await put('slow');
  const mapping = await consume(() => new Promise(() => undefined), { timeoutSeconds: 0.05, maximumRetryAttempts: 1 });
  await mapping.idle();
  expect(mapping.deadLetters).toEqual([expect.objectContaining({ error: expect.stringContaining('did not finish within 0.05 s'), attempts: 2 })]);
});

test('a dead letter that cannot be kept is not taken as dealt with', async () => {
  await put('poison');
  let full = true;
  const mapping = await consume(
    () => {
      throw new Error('no');
    },
    {
      maximumRetryAttempts: 0,
      onDeadLetter: () => {
        if (full) {
          full = false;
          throw new Error('disk full');
        }
      },
    },
  );
  await mapping.idle();
  expect(mapping.deadLetters).toHaveLength(1);
});

describe('with a checkpoint file', () => {
  test('a later mapping goes on where the earlier one ended', async () => {
    const checkpointFile = join(await temporaryDirectory(), 'toy.json');
    const seen: string[] = [];
    const collect = (records: DynamoDBRecord[]) => void seen.push(...records.map(idOf));
    const before = await putAll(3, 'before-');
    const first = await consume(collect, { checkpointFile });
    await first.idle();
    await first.stop();
    const after = await putAll(3, 'after-');
    await (await consume(collect, { checkpointFile })).idle();
    expect(seen).toEqual([...before, ...after]);
  });

  test('stopping waits for the batch under way, and what had failed is delivered again', async () => {
    const checkpointFile = join(await temporaryDirectory(), 'toy.json');
    const ids = await putAll(3);
    let entered = () => {};
    const inside = new Promise<void>((resolve) => (entered = resolve));
    let left = false;
    const first = await consume(
      async () => {
        entered();
        await new Promise((resolve) => setTimeout(resolve, 100));
        left = true;
        throw new Error('unfinished');
      },
      { checkpointFile, bisectBatchOnError: false },
    );
    await inside;
    await first.stop();
    expect(left).toBe(true);
    const seen: string[] = [];
    await (await consume((records) => void seen.push(...records.map(idOf)), { checkpointFile })).idle();
    expect(seen).toEqual(ids);
  });

  test('the checkpoint of a table that was made anew does not count', async () => {
    const checkpointFile = join(await temporaryDirectory(), 'toy.json');
    await putAll(3);
    const first = await consume(() => undefined, { checkpointFile });
    await first.idle();
    await first.stop();
    await client.send(new DeleteTableCommand({ TableName: tableName }));
    await createTable();
    await put('new');
    const seen: string[] = [];
    await (await consume((records) => void seen.push(...records.map(idOf)), { checkpointFile })).idle();
    expect(seen).toContain('new');
  });

  test('a damaged one is refused in one sentence', async () => {
    const checkpointFile = join(await temporaryDirectory(), 'toy.json');
    await put('one');
    const first = await consume(() => undefined, { checkpointFile });
    await first.idle();
    await first.stop();
    expect(JSON.parse(await readFile(checkpointFile, 'utf8'))).toMatchObject({ format: 1 });
    await writeFile(checkpointFile, '{"format":1,');
    await expect(consume(() => undefined, { checkpointFile })).rejects.toThrow(/^The checkpoint .* is damaged: delete it/);
  });
});

test('a table without a stream is refused', async () => {
  await expect(consume(() => undefined, { tableName: 'no-such-table' })).rejects.toThrow('The table no-such-table has no stream.');
});
