import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { randomUUID } from 'node:crypto';
import { commands } from '../../bin/admin/commands.ts';
import { hashApiKey } from '../../lambdas/authority/api-key.ts';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { startRuntime, type Runtime } from '../../local/runtime.ts';
import { admin, adminJson } from './admin-program.ts';
import { runProgram } from './program.ts';

let runtime: Runtime;

beforeAll(async () => {
  runtime = await startRuntime({ tenants: [] });
});
afterAll(() => runtime.stop());

async function api(key: string | undefined, method: string, path: string, body?: object) {
  const response = await fetch(`${runtime.url}${path}`, {
    method, headers: { authorization: `Bearer ${key}` }, ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as { data?: Record<string, string>; code?: string } };
}

const agentProfile = { name: 'Trader', model_hash: 'sha256:1' };

test('A key works from its creation to its revocation', async () => {
  const tenant = await adminJson('tenant', 'create', 'Acme');
  const key = await adminJson('key', 'create', tenant['id'] ?? '', '--name', 'ci');
  expect(key).toMatchObject({ tenant_id: tenant['id'], name: 'ci', scopes, agent_id: null, expires_at: null, revoked_at: null });
  expect(key['key']).toMatch(/^kak_live_[\w-]{43}$/);
  expect(await api(key['key'], 'POST', '/agents', agentProfile)).toMatchObject({ status: 201, body: { data: { tenant_id: tenant['id'] } } });

  const revoked = await adminJson('key', 'revoke', key['id'] ?? '', '--tenant', tenant['id'] ?? '');
  expect(revoked['revoked_at']).not.toBeNull();
  expect((await api(key['key'], 'GET', '/agents')).status).toBe(401);
  // Again changes nothing.
  expect(await adminJson('key', 'revoke', key['id'] ?? '', '--tenant', tenant['id'] ?? '')).toEqual(revoked);
});

test('People see a key once, and never again', async () => {
  const tenant = await adminJson('tenant', 'create', 'Globex');
  const { out } = await admin('key', 'create', tenant['id'] ?? '', '--name', 'shown once', '--test');
  const key = /kak_test_[\w-]{43}/.exec(out)?.[0] ?? '';
  expect(out).toContain('Keep it now');
  const listed = await admin('key', 'list', tenant['id'] ?? '');
  expect(listed.out).toMatch(/^KEY +STATE .*\n[0-9a-f-]{36} {2}active .* all .*shown once\n$/);
  for (const json of [[], ['--json']]) {
    const { out: everything } = await admin('key', 'list', tenant['id'] ?? '', ...json);
    expect(everything).not.toContain(key);
    expect(everything).not.toContain(hashApiKey(key));
  }
  expect((await admin('tenant', 'list')).out).toMatch(new RegExp(`${tenant['id']} .* Globex\n`));
});

test('A key does what its scopes allow', async () => {
  const tenant = await adminJson('tenant', 'create', 'Initech');
  const { key } = await adminJson('key', 'create', tenant['id'] ?? '', '--name', 'reader', '--scopes', 'agents:read, certificates:read');
  expect((await api(key, 'GET', '/agents')).status).toBe(200);
  expect(await api(key, 'POST', '/agents', agentProfile)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
});

test('An expired key is refused', async () => {
  const tenant = await adminJson('tenant', 'create', 'Umbrella');
  const created = await adminJson('key', 'create', tenant['id'] ?? '', '--name', 'short', '--expires', '1');
  const key = created['key'] ?? '';
  expect(Date.parse(created['expires_at'] ?? '') - Date.parse(created['created_at'] ?? '')).toBe(86_400_000);
  expect((await api(key, 'GET', '/agents')).status).toBe(200);
  // A day later.
  await dynamodb().send(new UpdateCommand({
    TableName: runtime.tableNames.registry, Key: { pk: `KEY#${hashApiKey(key)}`, sk: 'KEY' },
    UpdateExpression: 'SET expiresAt = :past', ConditionExpression: 'attribute_exists(expiresAt)', ExpressionAttributeValues: { ':past': new Date(Date.now() - 1000).toISOString() },
  }));
  expect((await api(key, 'GET', '/agents')).status).toBe(401);
  expect((await admin('key', 'list', tenant['id'] ?? '')).out).toContain('expired');
});

test('An agent\'s own key reports events and nothing else', async () => {
  const tenant = await adminJson('tenant', 'create', 'Hooli');
  const operator = await adminJson('key', 'create', tenant['id'] ?? '', '--name', 'operator');
  const agentId = (await api(operator['key'], 'POST', '/agents', agentProfile)).body.data?.['id'] ?? '';
  const own = await adminJson('key', 'create', tenant['id'] ?? '', '--name', 'own', '--agent', agentId);
  expect(own.scopes).toEqual(['events:write']);
  expect((await api(own.key, 'POST', '/events', { agent_id: agentId, action_type: 'api_call' })).status).toBe(201);
  expect((await api(own.key, 'POST', '/risk-scores', { agent_id: agentId, score: 0 })).status).toBe(403);

  const judge = await admin('key', 'create', tenant['id'] ?? '', '--name', 'judge', '--agent', agentId, '--scopes', 'risk:write');
  expect(judge).toMatchObject({ status: 2, out: '', error: expect.stringContaining('Not possible here: risk:write.') });
  const other = await adminJson('tenant', 'create', 'Other');
  expect(await admin('key', 'create', other['id'] ?? '', '--name', 'foreign', '--agent', agentId)).toMatchObject({ status: 1, error: expect.stringContaining('has no agent') });
});

test.each([
  [2, 'Say what to do', []],
  [2, 'no command "tenant delete"', ['tenant', 'delete']],
  [2, 'takes exactly one name', ['tenant', 'create', 'two', 'words']],
  [2, 'takes nothing but options', ['tenant', 'list', 'all']],
  [2, '1 to 255 characters', ['tenant', 'create', ' ']],
  [2, 'needs --name', ['key', 'create', 'x']],
  [2, 'needs --tenant', ['key', 'revoke', 'x']],
  [2, 'has no option --agent', ['key', 'list', 'x', '--agent', 'y']],
  [2, "Unknown option '--nmae'", ['key', 'create', 'x', '--nmae', 'y']],
  [2, 'whole number of days', ['key', 'create', 'x', '--name', 'y', '--expires', '0']],
  [2, 'Not possible here: admin', ['key', 'create', 'x', '--name', 'y', '--scopes', 'admin']],
  [1, 'There is no tenant "x"', ['key', 'create', 'x', '--name', 'y']],
  [1, 'There is no tenant', ['key', 'list', randomUUID()]],
  [1, 'has no table "nowhere"', ['tenant', 'list', '--table', 'nowhere']],
])('%i, "%s": %j', async (status, sentence, args) => {
  const result = await admin(...args);
  expect(result).toMatchObject({ status, out: '', error: expect.stringContaining(sentence) });
  expect(result.error.trimEnd()).not.toContain('\n');
});

test('As a program it finds the table by its environment, and says so where nothing answers there', async () => {
  await adminJson('tenant', 'create', 'Found');
  const found = await runProgram('bin/admin.ts', ['tenant', 'list']);
  expect(found).toMatchObject({ status: 0, stdout: expect.stringContaining('Found'), stderr: '' });
  const lost = await runProgram('bin/admin.ts', ['tenant', 'list'], { environment: { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9' } });
  expect(lost).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9 does not answer: .*npm start.*\n$/) });
});

test('--help names every command and how to reach npm start', async () => {
  const { status, out } = await admin('key', 'create', '--help');
  expect(status).toBe(0);
  for (const text of [...Object.keys(commands), 'AWS_ENDPOINT_URL_DYNAMODB', 'AWS_REGION=eu-west-1']) expect(out).toContain(text);
});
