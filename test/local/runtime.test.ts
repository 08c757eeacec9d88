import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient, ListKeysCommand, ListResourceTagsCommand } from '@aws-sdk/client-kms';
import { localCredentials, region } from '../../local/account.ts';
import { nameBasedUuid } from '../../local/name-based-uuid.ts';
import { eventually } from './processes.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

let runtime: TestRuntime;
let dynamodb: DynamoDBClient;
let environmentBefore: NodeJS.ProcessEnv;
beforeAll(async () => {
  environmentBefore = { ...process.env };
  runtime = await startTestRuntime();
  dynamodb = new DynamoDBClient({ endpoint: runtime.dynamodbEndpoint, region, credentials: localCredentials });
});
afterAll(async () => {
  dynamodb.destroy();
  await runtime.stop();
  // Powertools leaves a name for the user agent behind.
  const { AWS_SDK_UA_APP_ID: _, ...environment } = process.env;
  expect(environment).toEqual(environmentBefore);
});

async function certifiedAgent(name: string): Promise<{ id: string; serial: string }> {
  const agent = await runtime.call('POST', '/agents', { body: { name, model_hash: 'sha256:1' } });
  expect(agent.status).toBe(201);
  const certificate = await runtime.call('POST', `/agents/${agent.body.data.id}/certify`);
  expect(certificate.status).toBe(201);
  return { id: agent.body.data.id, serial: certificate.body.data.serial_number };
}

const statusOf = async (serial: string) => {
  const { body } = await runtime.call('GET', `/verify/${serial}`, { key: null });
  return (body.data ?? body).status as string;
};

test('the tenants see their own agents only', async () => {
  const { id } = await certifiedAgent('mine');
  expect((await runtime.call('GET', `/agents/${id}`)).status).toBe(200);
  expect((await runtime.call('GET', `/agents/${id}`, { key: runtime.keys.globex })).status).toBe(404);
  expect((await runtime.call('GET', `/agents/${id}`, { key: null })).status).toBe(401);
});

test('the registry holds no key in the clear', async () => {
  const { Items } = await dynamodb.send(new ScanCommand({ TableName: runtime.tableNames.registry }));
  expect(Items?.some(({ pk }) => pk?.S?.startsWith('KEY#'))).toBe(true);
  expect(JSON.stringify(Items)).not.toContain('kak_test_');
});

test('a tenant has the same id wherever and whenever it is made', () => {
  expect(runtime.tenants.map(({ id }) => id)).toEqual([nameBasedUuid('tenant:acme'), nameBasedUuid('tenant:globex')]);
  expect(nameBasedUuid('tenant:acme')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('the CA’s keys carry their roles as tags', async () => {
  const kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
  const { Keys = [] } = await kms.send(new ListKeysCommand({}));
  const tags = await Promise.all(Keys.map(async ({ KeyId }) => (await kms.send(new ListResourceTagsCommand({ KeyId }))).Tags ?? []));
  const roles = tags.flat().filter(({ TagKey }) => TagKey === 'kakunin:role').map(({ TagValue }) => TagValue);
  expect(roles.filter((role) => role?.startsWith('ca-')).sort()).toEqual(['ca-issuing', 'ca-ocsp', 'ca-root']);
  kms.destroy();
});

describe('a risk record', () => {
  test('that is high revokes, before idle resolves', async () => {
    const { id, serial } = await certifiedAgent('risky');
    expect(await statusOf(serial)).toBe('active');
    await runtime.call('POST', '/events', { body: { agent_id: id, action_type: 'unauthorized_access_attempt' } });
    await runtime.idle();
    expect(await statusOf(serial)).toBe('revoked');
    expect(runtime.deadLetters).toEqual([]);
  });

  test('that is low does not', async () => {
    const { id, serial } = await certifiedAgent('calm');
    await runtime.call('POST', '/events', { body: { agent_id: id, action_type: 'api_call' } });
    await runtime.idle();
    expect(await statusOf(serial)).toBe('active');
  });

  test('that makes no sense holds nobody up', async () => {
    const { id, serial } = await certifiedAgent('behind');
    await dynamodb.send(new PutItemCommand({ TableName: runtime.tableNames.risk, Item: { agent_id: { S: 'no uuid' }, record_id: { S: 'x' }, score: { S: 'high' } } }));
    await runtime.call('POST', '/events', { body: { agent_id: id, action_type: 'unauthorized_access_attempt' } });
    await eventually(async () => (await statusOf(serial)) === 'revoked', 20); // It may share the lane.
  });
});
