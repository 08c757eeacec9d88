import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ResourceNotFoundException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  type CreateTableCommandInput,
  type DynamoDBClient,
  type KeySchemaElement,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import type { KeySchema, TableDefinition } from '../../lambdas/schema.ts';

/**
 * Makes sure that the table is there as defined. An existing one is kept as it is; where it was made for another definition, this rejects
 * with one sentence that says what differs.
 */
export async function ensureTable(client: DynamoDBClient, tableName: string, definition: TableDefinition): Promise<void> {
  const wanted = createTableInput(tableName, definition);
  const existing = await describeTable(client, tableName);
  if (existing === undefined) {
    await client.send(new CreateTableCommand(wanted));
    await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName: tableName });
  } else {
    const expected = shapeOf(wanted);
    const found = shapeOf(existing);
    const different = Object.keys(expected).filter((aspect) => expected[aspect] !== found[aspect]);
    if (different.length > 0) {
      throw new Error(`The table ${tableName} was made by another version of Kakunin (different: ${different.join(', ')}): start with an empty data directory.`);
    }
  }
  if (definition.timeToLiveAttribute !== undefined) await ensureTimeToLive(client, tableName, definition.timeToLiveAttribute);
}

async function describeTable(client: DynamoDBClient, tableName: string): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function ensureTimeToLive(client: DynamoDBClient, tableName: string, attributeName: string): Promise<void> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: tableName }));
  // Enabling it twice is a ValidationException on AWS.
  if (TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') return;
  await client.send(new UpdateTimeToLiveCommand({ TableName: tableName, TimeToLiveSpecification: { AttributeName: attributeName, Enabled: true } }));
}

function createTableInput(tableName: string, definition: TableDefinition): CreateTableCommandInput {
  const indexes = Object.entries(definition.indexes);
  const keyAttributes = new Set([definition, ...Object.values(definition.indexes)].flatMap(({ partitionKey, sortKey }) => [partitionKey, sortKey]));
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...keyAttributes].map((name) => ({ AttributeName: name, AttributeType: 'S' })),
    KeySchema: keySchema(definition),
    ...(indexes.length > 0 && {
      GlobalSecondaryIndexes: indexes.map(([name, index]) => ({
        IndexName: name,
        KeySchema: keySchema(index),
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: [...index.nonKeyAttributes] },
      })),
    }),
    StreamSpecification: { StreamEnabled: true, StreamViewType: definition.streamView },
  };
}

function keySchema({ partitionKey, sortKey }: KeySchema): KeySchemaElement[] {
  return [
    { AttributeName: partitionKey, KeyType: 'HASH' },
    { AttributeName: sortKey, KeyType: 'RANGE' },
  ];
}

/** What two tables must have in common to be the same to this service, each aspect as text. */
function shapeOf(table: Pick<TableDescription, 'KeySchema' | 'GlobalSecondaryIndexes' | 'StreamSpecification'>): Record<string, string | undefined> {
  const keys = (schema: KeySchemaElement[] = []) => schema.map(({ AttributeName }) => AttributeName).join(' ');
  const indexes = (table.GlobalSecondaryIndexes ?? [])
    .map(({ IndexName, KeySchema, Projection }) => `${IndexName}: ${keys(KeySchema)} + ${[...(Projection?.NonKeyAttributes ?? [])].sort().join(' ')}`)
    .sort();
  return { key: keys(table.KeySchema), indexes: indexes.join(', '), stream: table.StreamSpecification?.StreamViewType };
}
