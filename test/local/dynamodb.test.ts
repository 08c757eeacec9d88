import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { DescribeTableCommand, DescribeTimeToLiveCommand, DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localCredentials, region } from '../../local/account.ts';
import { embeddedEngine, startDynamodb, type Dynamodb } from '../../local/dynamodb.ts';
import { startEngine, type Engine } from '../../local/dynamodb/engine.ts';
import { ensureTable } from '../../local/dynamodb/tables.ts';
import { tables } from '../../lambdas/schema.ts';
import { eventually } from './processes.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

const tableNames = { registry: 'test-registry', risk: 'test-risk' };
const binary = async () => (await embeddedEngine()) as string;

let endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  endings = [];
});
afterAll(removeTemporaryDirectories);

async function start(options: Partial<Parameters<typeof startDynamodb>[0]> = {}): Promise<Dynamodb> {
  const dynamodb = await startDynamodb({ tableNames, ...options });
  endings.push(() => dynamodb.close());
  return dynamodb;
}

async function startBare(options: Partial<Parameters<typeof startEngine>[0]> = {}): Promise<Engine> {
  const engine = await startEngine({ binary: await binary(), ...options });
  endings.push(() => engine.close());
  return engine;
}

function clientOf({ endpoint }: { endpoint: string }): DynamoDBClient {
  const client = new DynamoDBClient({ endpoint, region, credentials: localCredentials });
  endings.push(() => client.destroy());
  return client;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('the tables are as lambdas/schema.ts describes them', async () => {
  const client = clientOf(await start());
  for (const [name, definition] of Object.entries(tables)) {
    const TableName = tableNames[name as keyof typeof tables];
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({
      TableStatus: 'ACTIVE',
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      KeySchema: [{ AttributeName: definition.partitionKey, KeyType: 'HASH' }, { AttributeName: definition.sortKey, KeyType: 'RANGE' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: definition.streamView },
    });
    expect((Table?.GlobalSecondaryIndexes ?? []).map(({ IndexName }) => IndexName).sort()).toEqual(Object.keys(definition.indexes).sort());
    expect((await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: definition.timeToLiveAttribute });
  }
});

test('an index holds what is projected into it and no more', async () => {
  const client = clientOf(await start());
  const item = { pk: { S: 'AGENT#1' }, sk: { S: 'AGENT' }, tenantCollection: { S: 't#AGENT' }, creation: { S: '2026' }, status: { S: 'active' }, secret: { S: 'x' } };
  await client.send(new PutItemCommand({ TableName: tableNames.registry, Item: item }));
  const { Items } = await client.send(
    new QueryCommand({ TableName: tableNames.registry, IndexName: 'by-tenant', KeyConditionExpression: 'tenantCollection = :t', ExpressionAttributeValues: { ':t': { S: 't#AGENT' } } }),
  );
  const { secret: _, ...projected } = item;
  expect(Items).toEqual([projected]);
});

describe('with a database file', () => {
  test('what was written survives kill -9 of the engine, and the tables are found again', async () => {
    const databaseFile = join(await temporaryDirectory(), 'dynamodb.sqlite');
    const engine = await startBare({ databaseFile });
    const client = clientOf(engine);
    await ensureTable(client, tableNames.risk, tables.risk);
    const Item = { agent_id: { S: 'a' }, record_id: { S: '1' } };
    await client.send(new PutItemCommand({ TableName: tableNames.risk, Item }));
    process.kill(engine.pid, 'SIGKILL');
    expect((await engine.died).message).toBe('The DynamoDB engine ended unexpectedly (SIGKILL): start again.');

    const again = clientOf(await start({ databaseFile }));
    expect((await again.send(new GetItemCommand({ TableName: tableNames.risk, Key: Item, ConsistentRead: true }))).Item).toEqual(Item);
  });

  test('a table of another shape is refused, and the engine ended', async () => {
    const directory = await temporaryDirectory();
    const files = { databaseFile: join(directory, 'dynamodb.sqlite'), pidFile: join(directory, 'engine.pid') };
    const engine = await startBare(files);
    await ensureTable(clientOf(engine), tableNames.registry, { ...tables.registry, indexes: {} });
    await engine.close();
    await expect(start(files)).rejects.toThrow(/^The table test-registry was made by another version of Kakunin \(different: indexes\): start with an empty data directory\.$/);
    await expect(readFile(files.pidFile)).rejects.toThrow('ENOENT');
  });

  test('a file that is no database is one clear sentence', async () => {
    const databaseFile = join(await temporaryDirectory(), 'dynamodb.sqlite');
    await writeFile(databaseFile, 'not a database at all. '.repeat(500));
    await expect(start({ databaseFile })).rejects.toThrow(`The database ${databaseFile} is damaged: restore it from a copy, or start with an empty data directory.`);
  });

  test('an engine left behind on it is ended first', async () => {
    const directory = await temporaryDirectory();
    const files = { databaseFile: join(directory, 'dynamodb.sqlite'), pidFile: join(directory, 'engine.pid') };
    // As a run would leave it whose watchdog was killed with it.
    const leftover = spawn(await binary(), ['serve', '--port', '0', '--db-path', files.databaseFile], { stdio: 'ignore' });
    const ended = once(leftover, 'exit');
    await writeFile(files.pidFile, String(leftover.pid));
    await startBare(files);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  test('the process of a note that is out of date is left alone', async () => {
    const directory = await temporaryDirectory();
    const files = { databaseFile: join(directory, 'dynamodb.sqlite'), pidFile: join(directory, 'engine.pid') };
    const innocent = spawn('sleep', ['60'], { stdio: 'ignore' });
    endings.push(() => innocent.kill());
    await writeFile(files.pidFile, String(innocent.pid));
    const engine = await startBare(files);
    expect(isAlive(innocent.pid as number)).toBe(true);
    expect(await readFile(files.pidFile, 'utf8')).toBe(`${engine.pid}\n`);
  });
});

test('the engine does not outlive a process that is killed', async () => {
  const script = `
    import { startEngine } from './local/dynamodb/engine.ts';
    console.log((await startEngine({ binary: ${JSON.stringify(await binary())} })).pid);
  `;
  const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } });
  const pid = Number(String((await once(parent.stdout, 'data'))[0]));
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => !isAlive(pid));
});

test('several engines at once each find a port', async () => {
  const engines = await Promise.all(Array.from({ length: 8 }, () => startBare()));
  expect(new Set(engines.map(({ endpoint }) => endpoint)).size).toBe(8);
});

test('closing ends the engine, which is then not reported dead', async () => {
  const engine = await startBare();
  await engine.close();
  expect(isAlive(engine.pid)).toBe(false);
  expect(await Promise.race([engine.died, new Promise((resolve) => setTimeout(resolve, 50, 'quiet'))])).toBe('quiet');
});

describe('where the platform has no embedded engine', () => {
  const none = Promise.resolve(undefined);

  test('another one is used if it is named', async () => {
    const other = await startBare();
    const dynamodb = await start({ binary: none, otherEndpoint: other.endpoint });
    expect(dynamodb.endpoint).toBe(other.endpoint);
    await clientOf(other).send(new DescribeTableCommand({ TableName: tableNames.risk }));
    await dynamodb.close();
    expect(isAlive(other.pid)).toBe(true);
  });

  test('and one clear sentence says so if none is', async () => {
    const platform = `${process.platform}-${process.arch}`;
    await expect(start({ binary: none })).rejects.toThrow(platform === 'linux-x64'
      ? 'The embedded DynamoDB engine is not installed: run npm ci without --omit=optional.'
      : `There is no embedded DynamoDB engine for ${platform}: start another one, such as DynamoDB Local, and name it in AWS_ENDPOINT_URL_DYNAMODB.`);
  });

  test('or if the one that is named does not answer', async () => {
    await expect(start({ binary: none, otherEndpoint: 'http://127.0.0.1:9' })).rejects.toThrow('No DynamoDB engine answers at http://127.0.0.1:9: start it, or name another one');
  });
});

test('an executable that cannot be run is one sentence', async () => {
  await expect(startEngine({ binary: '/nowhere/dynoxide' })).rejects.toThrow(/^The DynamoDB engine \/nowhere\/dynoxide did not start: .*ENOENT/);
});
