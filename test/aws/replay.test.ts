import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { replayRegistryRecord, replayRiskRecord } from '../../lambdas/aws/replay.ts';
import { startDynamodb, type Dynamodb } from '../../local/dynamodb.ts';
import { applyEnvironment } from '../../local/environment.ts';

const tableNames = { registry: 'test-registry', risk: 'test-risk' };
const [registry, risk] = [tableNames.registry, tableNames.risk].map((tableName) => ({ client: dynamodb(), tableName })) as [Parameters<typeof replayRiskRecord>[0], Parameters<typeof replayRiskRecord>[0]];

let engine: Dynamodb;
let restoreEnvironment: () => void;

beforeAll(async () => {
  engine = await startDynamodb({ tableNames });
  restoreEnvironment = applyEnvironment({ AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
});
afterAll(async () => {
  dynamodb().destroy();
  restoreEnvironment();
  await engine.close();
});

type Item = Record<string, AttributeValue>;

const writtenAtSeconds = Date.parse('2026-05-17T10:00:00Z') / 1000;
const replayedAt = '2026-05-20T00:00:00.000Z';
const recordOf = (keys: Item): DynamoDBRecord => ({ eventName: 'INSERT', dynamodb: { ApproximateCreationDateTime: writtenAtSeconds, Keys: keys as NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['Keys']> } });
const put = (TableName: string, Item: Item) => dynamodb().send(new PutItemCommand({ TableName, Item }));
const get = async (TableName: string, Key: Item) => (await dynamodb().send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;

/** The times of a risk record after its replay. */
async function replayed(attributes: Item, recordId: string = randomUUID()) {
  const key = { agent_id: { S: 'agent' }, record_id: { S: recordId } };
  await put(risk.tableName, { ...key, score: { N: '0.9' }, ...attributes });
  expect(await replayRiskRecord(risk, recordOf(key), replayedAt)).toBe(true);
  const { observed_at, replayed_at, ...others } = (await get(risk.tableName, key)) ?? {};
  expect([replayed_at, others['score']]).toEqual([{ S: replayedAt }, { N: '0.9' }]);
  return observed_at;
}

describe('a risk record', () => {
  const endOfThatSecond = { S: '2026-05-17T10:00:00.999Z' };

  test.each([
    ['when it was written, where it does not say', {}, undefined, endOfThatSecond],
    ['as its id says', {}, '2026-05-17T08:00:00.000Z#1', { S: '2026-05-17T08:00:00.000Z' }],
    ['no later than it was first written', { observed_at: { S: '2026-05-18T00:00:00Z' } }, undefined, endOfThatSecond],
    ['when it was written, where its time cannot be read', { observed_at: { N: '12345678901234567890123456789012345678' } }, undefined, endOfThatSecond],
    ['as it says, left as it is', { observed_at: { S: '2026-05-17T11:30:00.000001+02:00' } }, undefined, { S: '2026-05-17T11:30:00.000001+02:00' }],
  ])('counts as observed %s', async (_, attributes, recordId, expected) => {
    expect(await replayed(attributes, recordId)).toEqual(expected);
  });

  test('that is gone stays gone', async () => {
    const key = { agent_id: { S: 'agent' }, record_id: { S: 'gone' } };
    expect(await replayRiskRecord(risk, recordOf(key), replayedAt)).toBe(false);
    expect(await get(risk.tableName, key)).toBeUndefined();
  });
});

describe('an item of the registry', () => {
  test('is touched, and nothing else in it', async () => {
    const item = { pk: { S: 'OUTBOX#1' }, sk: { S: 'OUTBOX' }, bytes: { B: new Uint8Array([1, 2]) } };
    await put(registry.tableName, item);
    const { pk, sk } = item;
    expect(await replayRegistryRecord(registry, recordOf({ pk, sk }), replayedAt)).toBe(true);
    expect(await get(registry.tableName, { pk, sk })).toEqual({ ...item, replayedAt: { S: replayedAt } });
  });

  test('that is gone stays gone', async () => {
    const key = { pk: { S: 'OUTBOX#2' }, sk: { S: 'OUTBOX' } };
    expect(await replayRegistryRecord(registry, recordOf(key), replayedAt)).toBe(false);
    expect(await get(registry.tableName, key)).toBeUndefined();
  });
});
