import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand, KMSClient, ListKeysCommand, ListResourceTagsCommand } from '@aws-sdk/client-kms';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { localCredentials, region } from '../../local/account.ts';
import { nameBasedUuid } from '../../local/name-based-uuid.ts';
import { eventually } from './processes.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

let runtime: TestRuntime;
let dynamodb: DynamoDBClient;
let kms: KMSClient;
let s3: S3Client;
let environmentBefore: NodeJS.ProcessEnv;
beforeAll(async () => {
  environmentBefore = { ...process.env };
  runtime = await startTestRuntime();
  const configuration = { region, credentials: localCredentials };
  dynamodb = new DynamoDBClient({ ...configuration, endpoint: runtime.dynamodbEndpoint });
  kms = new KMSClient({ ...configuration, endpoint: runtime.kmsEndpoint });
  s3 = new S3Client({ ...configuration, endpoint: runtime.s3Endpoint, forcePathStyle: true });
});
afterAll(async () => {
  for (const client of [dynamodb, kms, s3]) client.destroy();
  await runtime.stop();
  // Powertools leaves a name for the user agent behind.
  const { AWS_SDK_UA_APP_ID: _, ...environment } = process.env;
  expect(environment).toEqual(environmentBefore);
});

async function certifiedAgent(name: string): Promise<{ id: string; serial: string; keyArn: string }> {
  const agent = await runtime.call('POST', '/agents', { body: { name, model_hash: 'sha256:1' } });
  expect(agent.status).toBe(201);
  const certificate = await runtime.call('POST', `/agents/${agent.body.data.id}/certify`);
  expect(certificate.status).toBe(201);
  return { id: agent.body.data.id, serial: certificate.body.data.serial_number, keyArn: certificate.body.data.kms_key_arn };
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
  const { Keys = [] } = await kms.send(new ListKeysCommand({}));
  const tags = await Promise.all(Keys.map(async ({ KeyId }) => (await kms.send(new ListResourceTagsCommand({ KeyId }))).Tags ?? []));
  const roles = tags.flat().filter(({ TagKey }) => TagKey === 'kakunin:role').map(({ TagValue }) => TagValue);
  expect(roles.filter((role) => role?.startsWith('ca-')).sort()).toEqual(['ca-attestation', 'ca-issuing', 'ca-ocsp', 'ca-root']);
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

  test('that makes no sense holds nobody up, and ends as a dead letter in the bucket, in the form that Lambda has for it', async () => {
    const { id, serial } = await certifiedAgent('behind');
    await dynamodb.send(new PutItemCommand({ TableName: runtime.tableNames.risk, Item: { agent_id: { S: 'no uuid' }, record_id: { S: 'x' }, score: { S: 'high' } } }));
    await runtime.call('POST', '/events', { body: { agent_id: id, action_type: 'unauthorized_access_attempt' } });
    await eventually(async () => (await statusOf(serial)) === 'revoked', 20); // It may share the lane.

    await runtime.idle();
    expect(runtime.deadLetters).toHaveLength(1);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: runtime.bucketNames.deadLetters }));
    expect(Contents).toHaveLength(1);
    const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.source;
    expect(Contents[0]?.Key).toMatch(new RegExp(`^aws/lambda/${uuid}/shardId-[^/]+/\\d{4}/\\d\\d/\\d\\d/\\d{4}-\\d\\d-\\d\\dT\\d\\d\\.\\d\\d\\.\\d\\d-${uuid}$`));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: runtime.bucketNames.deadLetters, Key: Contents[0]?.Key }));
    const letter = JSON.parse(await (Body as NonNullable<typeof Body>).transformToString());
    const { Records } = JSON.parse(letter.payload);
    const { SequenceNumber } = Records[0].dynamodb;
    expect(letter).toEqual({
      requestContext: { requestId: expect.stringMatching(uuid), functionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:auto-revoke', condition: 'RetryAttemptsExhausted', approximateInvokeCount: 11 },
      // The function reported the record, and did not itself fail.
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: null },
      version: '1.0',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      DDBStreamBatchInfo: {
        shardId: expect.stringMatching(/^shardId-/), startSequenceNumber: SequenceNumber, endSequenceNumber: SequenceNumber, batchSize: 1,
        approximateArrivalOfFirstRecord: expect.stringMatching(/T\d\d:\d\d:\d\dZ$/), approximateArrivalOfLastRecord: expect.stringMatching(/T\d\d:\d\d:\d\dZ$/),
        streamArn: expect.stringMatching(/^arn:aws:dynamodb:.*:table\/kakunin-risk\/stream\//),
      },
      payload: expect.any(String),
    });
    expect(Records).toEqual([expect.objectContaining({ eventName: 'INSERT', eventSourceARN: letter.DDBStreamBatchInfo.streamArn })]);
    expect(Records[0].dynamodb.NewImage).toEqual({ agent_id: { S: 'no uuid' }, record_id: { S: 'x' }, score: { S: 'high' } });
  });
});

describe('what follows from a high risk record', () => {
  test('has all happened before idle resolves: CRLs, and the end of the key', async () => {
    const { id, serial, keyArn } = await certifiedAgent('consequences');
    const numberOf = async (path: string) => (await s3.send(new HeadObjectCommand({ Bucket: runtime.bucketNames.distribution, Key: path }))).Metadata?.['crl-number'];
    const before = Number(await numberOf('crl/complete.crl'));
    await runtime.call('POST', '/events', { body: { agent_id: id, action_type: 'unauthorized_access_attempt' } });
    const startedAt = performance.now();
    await runtime.idle();
    // Without waiting for what else might be published along with it.
    process.stdout.write(`idle after ${Math.round(performance.now() - startedAt)} ms\n`);
    expect(Number(await numberOf('crl/complete.crl'))).toBeGreaterThan(before);
    const crl = Buffer.from(await (await fetch(`${runtime.distributionUrl}/crl/complete.crl`)).arrayBuffer());
    expect(crl.includes(Buffer.from(serial, 'hex'))).toBe(true);
    expect((await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.KeyState).toBe('PendingDeletion');
    expect(runtime.deadLetters).toHaveLength(1); // That of the test before.
  });
});

describe('what certificates name', () => {
  test('is served beside the API, from the first moment', async () => {
    expect(runtime.url).toBe(`${runtime.distributionUrl}/v1`);
    for (const [path, contentType] of [
      ['/crl/shard-0.crl', 'application/pkix-crl'], ['/crl/shard-15.crl', 'application/pkix-crl'], ['/crl/complete.crl', 'application/pkix-crl'], ['/crl/root.crl', 'application/pkix-crl'],
      ['/ca/issuing.cer', 'application/pkix-cert'], ['/ca/root.cer', 'application/pkix-cert'],
    ]) {
      const response = await fetch(runtime.distributionUrl + path);
      expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 200, contentType]);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
  });

  test('has an OCSP responder, which is the API’s', async () => {
    const malformed = { method: 'POST', body: new Uint8Array([0x30, 0x00]), headers: { 'content-type': 'application/ocsp-request' } };
    const answers = [];
    for (const url of [`${runtime.distributionUrl}/ocsp`, `${runtime.url}/ocsp`]) {
      const response = await fetch(url, malformed);
      answers.push([response.status, response.headers.get('content-type'), Buffer.from(await response.arrayBuffer()).toString('hex')]);
    }
    // An OCSPResponse of nothing but the status malformedRequest (RFC 6960, 4.2.1).
    expect(answers).toEqual([[200, 'application/ocsp-response', '30030a0101'], [200, 'application/ocsp-response', '30030a0101']]);
  });
});

test.each(['refresh-crls', 'expire-certificates', 'reconcile', 'mint-authority'] as const)('the schedule of %s can be run when it suits', async (name) => {
  await runtime.runSchedule(name);
});
