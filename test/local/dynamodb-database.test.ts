import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localCredentials, region } from '../../local/account.ts';
import { embeddedEngine } from '../../local/dynamodb.ts';
import { createEphemeralDatabase } from '../../local/dynamodb/database.ts';
import { emptyDatabase } from '../../local/dynamodb/empty-database.ts';
import { startEngine, type Engine } from '../../local/dynamodb/engine.ts';
import { ensureTable } from '../../local/dynamodb/tables.ts';
import { openCheckpoint } from '../../local/streams/checkpoint.ts';
import { findStream, readableShards } from '../../local/streams/shards.ts';
import { tables } from '../../lambdas/schema.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

const TableName = 'test-registry';

let endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  endings = [];
});
afterAll(removeTemporaryDirectories);

async function start(databaseFile?: string): Promise<Engine> {
  const engine = await startEngine({ binary: (await embeddedEngine()) as string, ...(databaseFile !== undefined && { databaseFile }) });
  endings.push(() => engine.close());
  return engine;
}

/** A client of each kind, and the table with its stream. */
async function open({ endpoint }: Engine) {
  const clientOptions = { endpoint, region, credentials: localCredentials };
  const client = new DynamoDBClient(clientOptions);
  const streams = new DynamoDBStreamsClient(clientOptions);
  endings.push(() => client.destroy(), () => streams.destroy());
  await ensureTable(client, TableName, tables.registry);
  const put = (sk: string, text = '') => client.send(new PutItemCommand({ TableName, Item: { pk: { S: 'A' }, sk: { S: sk }, text: { S: text } } }));
  return { client, streams, put };
}

const databaseFile = async () => join(await temporaryDirectory(), 'dynamodb.sqlite');
/** SQLite keeps the statements of its schema as they were written, at first in the log and then in the file. */
async function statements(file: string, pattern: RegExp): Promise<string[]> {
  const texts = await Promise.all([file, `${file}-wal`].map((path) => readFile(path, 'latin1').catch(() => '')));
  return [...new Set(texts.join('\n').match(pattern))];
}
const streamRecords = /CREATE TABLE _stream_records[^)]*\)/g;
const streamIndexes = /CREATE (?:UNIQUE )?INDEX \S+ ON _stream_records/g;

/** How many bytes the engine has read, from its database above all (proc_pid_io(5)). */
async function bytesRead({ pid }: Engine): Promise<number> {
  return Number(/rchar: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

/** Files that the engine has open, as far as their names have the pattern. */
async function openFiles({ pid }: Engine, pattern: RegExp): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const names = await Promise.all(descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')));
  return names.filter((name) => pattern.test(name)).sort();
}

test('the table of stream records is the one that the engine would make, which has no index of its own', async () => {
  const [own, prepared] = [await databaseFile(), await databaseFile()];
  await writeFile(own, ''); // SQLite takes it for a new database.
  for (const file of [own, prepared]) await (await start(file)).close();

  const [ofTheEngine = 'none'] = await statements(own, streamRecords);
  expect(await statements(prepared, streamRecords)).toEqual([ofTheEngine]);
  expect(await statements(own, streamIndexes)).toEqual([]);
  expect(await statements(prepared, streamIndexes)).toHaveLength(1);
});

test('a write reads no stream records, and GetRecords none before its position', async () => {
  const engine = await start(await databaseFile());
  const { streams, put } = await open(engine);
  // More than the engine caches, which is 2 MB.
  const [count, bytes] = [100, 100_000];
  for (let index = 0; index < count; index++) await put(`${index}`, 'x'.repeat(bytes));
  const streamArn = await findStream(streams, TableName);
  const [shardId = ''] = await readableShards(streams, streamArn, await openCheckpoint(streamArn, undefined));

  const before = await bytesRead(engine);
  await put('after');
  const written = await bytesRead(engine);
  const { ShardIterator } = await streams.send(
    new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: `${count}` }),
  );
  const { Records = [] } = await streams.send(new GetRecordsCommand({ ShardIterator }));
  const read = await bytesRead(engine);

  expect(Records.map(({ dynamodb }) => dynamodb?.SequenceNumber)).toEqual([`${count + 1}`]);
  expect(written - before).toBeLessThan(bytes);
  expect(read - written).toBeLessThan(bytes);
});

test('a database that is there is left as it is, with its data and without the index', async () => {
  const file = await databaseFile();
  await writeFile(file, '');
  const engine = await start(file);
  await (await open(engine)).put('kept');
  await engine.close();

  const again = await start(file);
  const { client } = await open(again);
  expect((await client.send(new GetItemCommand({ TableName, Key: { pk: { S: 'A' }, sk: { S: 'kept' } } }))).Item).toBeDefined();
  await again.close();
  expect(await statements(file, streamIndexes)).toEqual([]);
});

describe('without a database file', () => {
  test('the engine has one in memory whose name is gone once it has started', async () => {
    const database = await createEphemeralDatabase();
    await database?.unlink();
    const engine = await start();
    const { client, put } = await open(engine);
    await put('there');
    expect((await client.send(new GetItemCommand({ TableName, Key: { pk: { S: 'A' }, sk: { S: 'there' } } }))).Item).toBeDefined();
    // The database, its log and the log's index; or none of them where there is no room.
    const files = await openFiles(engine, /sqlite/);
    expect(files).toHaveLength(database === undefined ? 0 : 3);
    expect(files.filter((name) => !/^\/dev\/shm\/kakunin-.*\(deleted\)$/.test(name))).toEqual([]);
  });

  test('only its owner can read it while it has a name', async () => {
    const directory = await temporaryDirectory();
    const database = await createEphemeralDatabase(directory);
    const [own = ''] = await readdir(directory);
    expect((await stat(join(directory, own))).mode & 0o777).toBe(0o700);
    await database?.unlink();
    expect(await readdir(directory)).toEqual([]);
  });

  test('there is none where the directory cannot be used', async () => {
    expect(await createEphemeralDatabase(join(await temporaryDirectory(), 'missing'))).toBeUndefined();
  });

  test('nothing is left of it where the engine does not start', async () => {
    await expect(startEngine({ binary: '/nowhere/dynoxide' })).rejects.toThrow('did not start');
    const left = await readdir('/dev/shm').catch(() => []);
    expect(left.filter((name) => name.startsWith(`kakunin-${process.pid}-`))).toEqual([]);
  });
});

test('a schema that does not fit onto one page is refused', () => {
  const row = { type: 'table', name: 'table', tableName: 'table', sql: 'x'.repeat(1900) } as const;
  expect(() => emptyDatabase([row, row])).not.toThrow();
  expect(() => emptyDatabase([row, row, row])).toThrow(RangeError);
  expect(() => emptyDatabase([{ ...row, sql: 'x'.repeat(10_000) }])).toThrow(RangeError);
});
