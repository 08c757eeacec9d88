import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DeleteItemCommand, PutItemCommand, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { runAdmin } from '../../bin/admin/run.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { certifiedAgent, certify, readAgent, revoke } from '../support/agents.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { runProgram } from './program.ts';

let runtime: TestRuntime;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'; // What cannot be done fills the log, as it should.
  runtime = await startTestRuntime();
});
afterAll(() => runtime.stop());

async function admin(...args: string[]) {
  let out = '';
  let error = '';
  const status = await runAdmin(['dead-letter', ...args], process.env, { out: (text) => (out += text), error: (text) => (error += text) });
  return { status, out, error };
}

interface Listed { id: string; function: string; given_up_at: string; attempts: number; records: number; about: string[]; error: string }

const listed = async () => JSON.parse((await admin('list', '--json')).out) as Listed[];
const about = async (subject: string) => (await listed()).filter((letter) => letter.about.includes(subject));

type Item = Record<string, AttributeValue>;
type Certified = Awaited<ReturnType<typeof certifiedAgent>>;

/** Writes a risk record as a pipeline does, and answers its key. */
async function putRisk(agentId: string, attributes: Item, recordId: string = randomUUID()): Promise<Item> {
  const key = { agent_id: { S: agentId }, record_id: { S: recordId } };
  await dynamodb().send(new PutItemCommand({ TableName: runtime.tableNames.risk, Item: { ...key, ...attributes } }));
  return key;
}

const mend = (TableName: string, Key: Item, name: string, value: AttributeValue) =>
  dynamodb().send(new UpdateItemCommand({ TableName, Key, UpdateExpression: 'SET #name = :value', ExpressionAttributeNames: { '#name': name }, ExpressionAttributeValues: { ':value': value } }));

const statusOf = async (serial: string) => (await runtime.call('GET', `/verify/${serial}`, { key: null })).body.data.status as string;
const keyState = async (arn: string) => (await kms().send(new DescribeKeyCommand({ KeyId: arn }))).KeyMetadata?.KeyState;

describe('records of both tables that nobody can act upon', () => {
  let risky: Certified, recertified: Certified, ended: Certified, misjudged: Certified;
  let riskKeys: Item[];
  let misjudgedKey: Item;
  let outboxKey: Item;

  beforeAll(async () => {
    expect(await admin('list')).toEqual({ status: 0, out: 'There are no dead letters: no function has given up on anything.\n', error: '' });
    [risky, recertified, ended, misjudged] = await Promise.all([certifiedAgent(runtime.call), certifiedAgent(runtime.call), certifiedAgent(runtime.call), certifiedAgent(runtime.call)]);
    const foreignTenant = { score: { N: '0.95' }, tenant_id: { S: 'somebody-else' } };
    riskKeys = await Promise.all([risky, recertified].map(({ agent }) => putRisk(agent.id, foreignTenant)));
    misjudgedKey = await putRisk(misjudged.agent.id, { score: { S: '0.95' } });
    // As a revocation leaves it, but that the key is missing.
    outboxKey = { pk: { S: `OUTBOX#${ended.certificate.id}` }, sk: { S: 'OUTBOX' } };
    await dynamodb().send(new PutItemCommand({ TableName: runtime.tableNames.registry, Item: {
      ...outboxKey, certificateId: { S: ended.certificate.id }, agentId: { S: ended.agent.id }, tenantId: { S: ended.agent.tenant_id }, crlShard: { N: '0' }, cause: { S: 'revoked' }, endedAt: { S: new Date().toISOString() },
    } }));
    await runtime.idle();
  }, 120_000);

  const nothingHasHappened = async () => {
    expect(await statusOf(risky.certificate.serial_number)).toBe('active');
    expect(await keyState(ended.certificate.kms_key_arn)).toBe('Enabled');
  };

  test('are listed, with what is wrong where they show it', async () => {
    await nothingHasHappened();
    const letters = await listed();
    expect(letters.map((letter) => letter.function).sort()).toEqual(['auto-revoke', 'auto-revoke', 'auto-revoke', 'publish-crls', 'relay-changes']);
    expect(letters.flatMap((letter) => letter.about).sort()).toEqual([...[risky, recertified, misjudged].map(({ agent }) => `agent ${agent.id}`), ...Array<string>(2).fill(`certificate ${ended.certificate.id}`)].sort());
    for (const { attempts, records, id, given_up_at } of letters) expect([attempts, records, id, given_up_at]).toEqual([11, 1, expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^20.*Z$/)]);
    expect((await about(`agent ${misjudged.agent.id}`))[0]?.error).toMatch(/^Risk record .* is malformed at score: .*docs\/risk-records\.md\.$/);
    expect((await about(`agent ${risky.agent.id}`))[0]?.error).toBe('RetryAttemptsExhausted');

    const relayed = letters.find((letter) => letter.function === 'relay-changes');
    expect(relayed?.error).toMatch(/^Outbox entry OUTBOX#.* is malformed at keyArn: /);
    const { out } = await admin('list');
    expect(out).toMatch(/^DEAD LETTER +FUNCTION +GIVEN UP +ATTEMPTS +RECORDS +ABOUT +ERROR\n/);
    expect(out).toMatch(new RegExp(`^${relayed?.id}  relay-changes +20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d +11 +1  certificate ${ended.certificate.id}  Outbox entry`, 'm'));
    expect(out.split('\n').every((line) => line === line.trimEnd())).toBe(true);
  });

  test('mended and replayed, they take effect, on the certificates of their time', async () => {
    // One of the agents is certified anew in the meantime.
    await revoke(runtime.call, recertified.certificate.id);
    const second = await certify(runtime.call, recertified.agent.id);
    await Promise.all([risky, recertified].map(({ agent }, index) => mend(runtime.tableNames.risk, riskKeys[index] ?? {}, 'tenant_id', { S: agent.tenant_id })));
    await mend(runtime.tableNames.registry, outboxKey, 'keyArn', { S: ended.certificate.kms_key_arn });
    await runtime.idle();
    await nothingHasHappened();

    expect(await admin('replay', '--all')).toEqual({ status: 0, out: 'Replayed 5 dead letters: 5 items will be delivered once more. What fails again comes back to "dead-letter list".\n', error: '' });
    await runtime.idle();
    expect(await statusOf(risky.certificate.serial_number)).toBe('revoked');
    expect(await statusOf(second.serial_number)).toBe('active');
    expect((await readAgent(runtime.call, recertified.agent.id)).status).toBe('active');
    expect(await keyState(ended.certificate.kms_key_arn)).toBe('PendingDeletion');
  }, 120_000);

  test('not mended, one comes back; without its item it is kept, and it can be discarded', async () => {
    const letters = await listed();
    expect(letters).toMatchObject([{ about: [`agent ${misjudged.agent.id}`], error: expect.stringContaining('malformed at score') }]);
    const id = letters[0]?.id ?? '';

    await dynamodb().send(new DeleteItemCommand({ TableName: runtime.tableNames.risk, Key: misjudgedKey }));
    expect(await admin('replay', id)).toEqual({
      status: 1,
      out: `Replayed 0 dead letters: 0 items will be delivered once more. What fails again comes back to "dead-letter list".\nKept ${id}: of its 1 item, 1 is no longer in the table (agent ${misjudged.agent.id}).\n`,
      error: '1 dead letter kept: see to the reason, then replay again or use "dead-letter discard".\n',
    });
    expect(await listed()).toEqual(letters);

    expect(await admin('discard', id)).toEqual({ status: 0, out: `Discarded dead letter ${id}, about agent ${misjudged.agent.id}: nothing more comes of it.\n`, error: '' });
    expect(await admin('replay', id)).toMatchObject({ status: 1, out: '', error: expect.stringContaining(`There is no dead letter "${id}"`) });
    expect(await admin('replay', '--all')).toMatchObject({ status: 0, out: expect.stringContaining('There are no dead letters') });
    expect(await statusOf(misjudged.certificate.serial_number)).toBe('active');
  });
});

describe('a dead letter', () => {
  test('is touched once for each of its items, however many records they have', async () => {
    const keys = await Promise.all(Array.from({ length: 30 }, (_, index) => putRisk(`agent-${index}`, { score: { N: '0.1' } })));
    const records = [...keys, ...keys].map((Keys) => ({ eventName: 'INSERT', dynamodb: { Keys, ApproximateCreationDateTime: 1_779_012_000 } }));
    const id = await putObject({ records });
    expect(await admin('replay', id)).toMatchObject({ status: 0, out: expect.stringContaining('Replayed 1 dead letter: 30 items') });
  });

  test('of an audit entry names it, and says what is wrong with it', async () => {
    const image = { pk: { S: 'AUDIT#acme#d' }, sk: { S: '2026-11-25T12:00:00.000Z#d' }, id: { S: 'd' } };
    const { pk, sk } = image;
    const id = await putObject({ records: [{ eventName: 'INSERT', dynamodb: { Keys: { pk, sk }, NewImage: image } }] });
    expect((await listed()).find((letter) => letter.id === id)).toMatchObject({ about: ['audit entry d'], error: expect.stringMatching(/^Audit entry AUDIT#acme#d 2026-11-25T12:00:00.000Z#d is malformed at id: /) });
    expect(await admin('discard', id)).toMatchObject({ status: 0 });
  });

  test('that is about other tables than named is kept', async () => {
    const id = await putObject({ table: 'elsewhere' });
    expect(await admin('replay', id)).toMatchObject({ status: 1, out: expect.stringContaining('its records are of the table elsewhere, which is neither of kakunin-registry and kakunin-risk') });
    expect(await admin('discard', id)).toMatchObject({ status: 0 });
  });

  test('that is none is shown, kept and discarded, and holds up no other', async () => {
    await s3().send(new PutObjectCommand({ Bucket: runtime.bucketNames.deadLetters, Key: 'notes.txt', Body: 'x' }));
    const id = await putObject({});
    expect((await admin('list')).out).toMatch(/^notes\.txt +- +- +- +- +- +Not a dead letter: Not JSON$/m);
    const { status, out } = await admin('replay', '--all');
    expect([status, out]).toEqual([1, expect.stringContaining('Replayed 1 dead letter:')]);
    expect((await listed()).map((letter) => letter.id)).toEqual(['notes.txt']);
    expect(out).not.toContain(`Kept ${id}`);
    expect(await admin('discard', 'notes.txt')).toMatchObject({ status: 0 });
  });
});

/** Puts a dead letter as Lambda would, of one risk record unless told otherwise; answers its id. */
async function putObject({ table = runtime.tableNames.risk, records }: { table?: string; records?: object[] }): Promise<string> {
  const id = randomUUID();
  const Keys = records === undefined ? await putRisk('agent', { score: { N: '0.1' } }) : {};
  await s3().send(new PutObjectCommand({
    Bucket: runtime.bucketNames.deadLetters,
    Key: `aws/lambda/${randomUUID()}/shardId-1/2026/05/17/2026-05-17T10.00.00-${id}`,
    Body: JSON.stringify({
      requestContext: { requestId: randomUUID(), functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:kakunin-auto-revoke', condition: 'RecordAgeExceeded', approximateInvokeCount: 3 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: null },
      version: '1.0',
      timestamp: '2026-05-17T10:00:00.000Z',
      DDBStreamBatchInfo: { streamArn: `arn:aws:dynamodb:eu-west-1:123456789012:table/${table}/stream/2026-01-01T00:00:00.000` },
      payload: JSON.stringify({ Records: records ?? [{ eventName: 'INSERT', dynamodb: { Keys } }] }),
    }),
  }));
  return id;
}

test.each([
  [2, 'takes exactly one id, or --all instead', ['replay']],
  [2, 'takes exactly one id, or --all instead', ['replay', 'x', '--all']],
  [2, 'takes exactly one id', ['discard']],
  [2, 'has no option --all', ['discard', 'x', '--all']],
  [2, 'has no option --risk-table', ['list', '--risk-table', 'x']],
  [1, 'There is no dead letter "x"', ['discard', 'x']],
  [1, 'has no bucket "nowhere": name it with --bucket', ['list', '--bucket', 'nowhere']],
])('%i, "%s": %j', async (status, sentence, args) => {
  const result = await admin(...args);
  expect(result).toMatchObject({ status, out: '', error: expect.stringContaining(sentence) });
  expect(result.error.trimEnd()).not.toContain('\n');
});

test('as a program it says where to look where nothing answers', async () => {
  expect(await runProgram('bin/admin.ts', ['dead-letter', 'list'])).toMatchObject({ status: 0, stderr: '' });
  const lost = await runProgram('bin/admin.ts', ['dead-letter', 'list'], { environment: { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' } });
  expect(lost).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9 does not answer: check AWS_ENDPOINT_URL_S3, .* "s3" line\.\n$/) });
});
