import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan, PutCommand } from '@aws-sdk/lib-dynamodb';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { localCredentials, region } from '../../local/account.ts';
import { launch } from '../local/processes.ts';
import { openAftermath, type Aftermath } from '../support/faults-aftermath.ts';
import { caller, type Call } from '../support/runtime.ts';
import { Unanswered } from './history.ts';

/** What is killed: the service, its database engine, or the one right after the other. */
export type Victim = 'service' | 'engine' | 'both';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- items are read attribute by attribute
export type Item = Record<string, any>;

/** `npm start`'s program on a data directory, as a process of its own. */
export interface Service {
  readonly call: Call;
  readonly distributionUrl: string;
  readonly aftermath: Aftermath;
  /** What a program needs to find it: endpoints, and the names of its deployment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly startedInMilliseconds: number;
  /** Every item of a table. */
  scan(table: 'registry' | 'risk'): Promise<Item[]>;
  /** Writes into the risk table as the risk pipeline does. */
  putRisk(item: Item): Promise<void>;
  /** Kills without warning, and returns once it is gone. */
  kill(victim: Victim): Promise<void>;
  /** What it wrote to stderr. */
  stderr(): string;
}

const key = 'kak_test_acme';
const tableNames = { registry: 'kakunin-registry', risk: 'kakunin-risk' } as const;
const lastWordsMilliseconds = 20_000;

export interface ServiceOptions {
  readonly dataDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
}

function begin({ dataDirectory, environment }: ServiceOptions) {
  return launch(process.execPath, ['--import', 'tsx', 'bin/local.ts'], {
    PORT: '0', KAKUNIN_DATA_DIR: dataDirectory, KAKUNIN_LOCAL_KEYS: `acme=${key}`, KAKUNIN_RATE_LIMITS: 'off', POWERTOOLS_LOG_LEVEL: 'SILENT', ...environment,
  });
}

/** Starts it and kills it again before, or just after, it is ready. */
export async function startInVain(options: ServiceOptions, milliseconds: number): Promise<void> {
  const { child, exit } = begin(options);
  await sleep(milliseconds);
  child.kill('SIGKILL');
  await exit;
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const startedAt = performance.now();
  const { child, exit, ready, stdout, stderr } = begin(options);
  await ready;
  const startedInMilliseconds = performance.now() - startedAt;
  const said = Object.fromEntries(stdout().split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
  const { api = '', dynamodb = '', kms = '', s3 = '', sqs = '', distribution = '' } = said as Record<string, string>;
  const client = new DynamoDBClient({ endpoint: dynamodb, region, credentials: localCredentials, maxAttempts: 1 });
  const documents = DynamoDBDocumentClient.from(client);
  const aftermath = openAftermath({ dynamodbEndpoint: dynamodb, kmsEndpoint: kms, tableNames });
  return {
    call: caller(api, key),
    distributionUrl: distribution,
    aftermath,
    startedInMilliseconds,
    environment: {
      AWS_REGION: region, AWS_ACCESS_KEY_ID: localCredentials.accessKeyId, AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb, AWS_ENDPOINT_URL_KMS: kms, AWS_ENDPOINT_URL_S3: s3, AWS_ENDPOINT_URL_SQS: sqs, DEPLOYMENT: 'local',
    },
    async scan(table) {
      const items: Item[] = [];
      for await (const { Items = [] } of paginateScan({ client: documents }, { TableName: tableNames[table], ConsistentRead: true })) items.push(...Items);
      return items;
    },
    async putRisk(item) {
      // There is nothing in such a record that DynamoDB would refuse.
      await documents.send(new PutCommand({ TableName: tableNames.risk, Item: item })).catch((cause: unknown) => Promise.reject(new Unanswered('The record may be written or not.', { cause })));
    },
    async kill(victim) {
      if (victim !== 'service') process.kill(Number(await readFile(join(options.dataDirectory, 'engine.pid'), 'utf8')), 'SIGKILL');
      if (victim !== 'engine') child.kill('SIGKILL');
      // Without its engine the service ends by itself.
      const deadline = setTimeout(() => child.kill('SIGKILL'), lastWordsMilliseconds);
      await exit;
      clearTimeout(deadline);
      aftermath.close();
      client.destroy();
    },
    stderr,
  };
}
