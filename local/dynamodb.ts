import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { tables, type TableName } from '../lambdas/schema.ts';
import { localCredentials, region } from './account.ts';
import { startEngine } from './dynamodb/engine.ts';
import { ensureTable } from './dynamodb/tables.ts';

export interface Dynamodb {
  /** What `AWS_ENDPOINT_URL_DYNAMODB` is to be; the streams answer there as well. */
  readonly endpoint: string;
  /** Resolves, with what to say about it, if the engine ends without having been asked to. */
  readonly died: Promise<Error>;
  close(): Promise<void>;
}

export interface DynamodbOptions {
  readonly tableNames: Readonly<Record<TableName, string>>;
  /** Where the data is kept; in memory without it. */
  readonly databaseFile?: string;
  readonly pidFile?: string;
  /** The engine to use where this platform has no embedded one, such as DynamoDB Local. */
  readonly otherEndpoint?: string | undefined;
  /** Path of the embedded engine, or undefined where the platform has none; found by itself unless a test says otherwise. */
  readonly binary?: Promise<string | undefined>;
}

/**
 * Starts the embedded DynamoDB engine, or takes the one named, with the tables of lambdas/schema.ts in it; those it has already are kept and
 * checked. The engine ends with this process, whatever ends it. Rejects with one sentence that says what to do.
 */
export async function startDynamodb(options: DynamodbOptions): Promise<Dynamodb> {
  const { tableNames, databaseFile, pidFile, otherEndpoint } = options;
  const binary = await (options.binary ?? embeddedEngine());
  let engine: Dynamodb;
  if (binary !== undefined) {
    engine = await startEngine({ binary, ...(databaseFile !== undefined && { databaseFile }), ...(pidFile !== undefined && { pidFile }) });
  } else if (otherEndpoint !== undefined) {
    engine = { endpoint: otherEndpoint, died: new Promise(() => undefined), close: () => Promise.resolve() };
  } else {
    const platform = `${process.platform}-${process.arch}`;
    throw new Error(platform === 'linux-x64'
      ? 'The embedded DynamoDB engine is not installed: run npm ci without --omit=optional.'
      : `There is no embedded DynamoDB engine for ${platform}: start another one, such as DynamoDB Local, and name it in AWS_ENDPOINT_URL_DYNAMODB.`);
  }
  try {
    await createTables(engine.endpoint, tableNames);
  } catch (error) {
    await engine.close();
    if (!String(error).includes('ECONNREFUSED')) throw error;
    throw new Error(`No DynamoDB engine answers at ${engine.endpoint}: start it, or name another one in AWS_ENDPOINT_URL_DYNAMODB.`, { cause: error });
  }
  return engine;
}

async function createTables(endpoint: string, tableNames: Readonly<Record<TableName, string>>): Promise<void> {
  const client = new DynamoDBClient({ endpoint, region, credentials: localCredentials });
  try {
    for (const [table, definition] of Object.entries(tables)) await ensureTable(client, tableNames[table as TableName], definition);
  } finally {
    client.destroy();
  }
}

/** Path of the engine's executable, an optional dependency that npm installs only where there is one; undefined elsewhere. */
export async function embeddedEngine(): Promise<string | undefined> {
  try {
    const binary = join(dirname(createRequire(import.meta.url).resolve('@dynoxide/linux-x64/package.json')), 'dynoxide');
    await access(binary, constants.X_OK);
    return binary;
  } catch {
    return undefined;
  }
}
