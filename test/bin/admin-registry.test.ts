import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { accessRegistry } from '../../lambdas/aws/access.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { certify, registerAgent, unknownId } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { admin, adminJson } from './admin-program.ts';

let runtime: TestRuntime;
let tenantId: string;

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  tenantId = runtime.tenants[0]?.id ?? '';
});
afterAll(() => runtime.stop());

const statusWith = async (key: string) => (await runtime.call('GET', '/agents', { key })).status;
const hoursBetween = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 3_600_000;

test('A rotated key is followed by one that may do the same, and works until the grace period is over', async () => {
  const old = await adminJson('key', 'create', tenantId, '--name', 'ci', '--scopes', 'agents:read', '--expires', '30');
  const replacement = await adminJson('key', 'rotate', old.id, '--tenant', tenantId, '--grace', '2');
  expect(replacement).toMatchObject({ tenant_id: tenantId, name: 'ci', scopes: ['agents:read'], agent_id: null, revoked_at: null, rotated: { id: old.id, revoked_at: null } });
  expect(replacement.id).not.toBe(old.id);
  expect(hoursBetween(replacement.created_at, replacement.rotated.expires_at)).toBe(2);
  expect(hoursBetween(replacement.created_at, replacement.expires_at)).toBe(30 * 24);
  expect([await statusWith(old.key), await statusWith(replacement.key)]).toEqual([200, 200]);
  expect((await runtime.call('POST', '/agents', { key: replacement.key, body: {} })).status).toBe(403);

  const listed = (await adminJson('key', 'list', tenantId)) as { id: string; expires_at: string }[];
  expect(listed.find(({ id }) => id === old.id)?.expires_at).toBe(replacement.rotated.expires_at);
  const { out } = await admin('key', 'list', tenantId);
  expect(out).toContain(replacement.rotated.expires_at.slice(0, 16).replace('T', ' '));
  expect(out).not.toContain(replacement.key);
});

test('Without a word a rotated key works for a day more, with a grace of 0 no longer, and never longer than it was to', async () => {
  const agent = await registerAgent(runtime.call);
  const old = await adminJson('key', 'create', tenantId, '--name', 'own', '--agent', agent.id);
  const second = await adminJson('key', 'rotate', old.id, '--tenant', tenantId);
  expect(second).toMatchObject({ agent_id: agent.id, scopes: ['events:write'], expires_at: null });
  expect(hoursBetween(second.created_at, second.rotated.expires_at)).toBe(24);

  const { out } = await admin('key', 'rotate', second.id, '--tenant', tenantId, '--grace', '0', '--test');
  expect(out).toMatch(/\n {2}kak_test_[\w-]{43}\n\nKeep it now[^]*The old key is revoked/);
  const event = (key: string) => runtime.call('POST', '/events', { key, body: { agent_id: agent.id, action_type: 'api_call' } });
  expect((await event(second.key)).status).toBe(401);
  expect((await event(/kak_test_[\w-]{43}/.exec(out)?.[0] ?? '')).status).toBe(201);

  const short = await adminJson('key', 'create', tenantId, '--name', 'short', '--expires', '1');
  expect((await adminJson('key', 'rotate', short.id, '--tenant', tenantId, '--grace', '720')).rotated.expires_at).toBe(short.expires_at);
  expect(await admin('key', 'rotate', second.id, '--tenant', tenantId)).toMatchObject({ status: 1, out: '', error: expect.stringContaining('is revoked, so there is nothing to rotate') });
});

test('A key that changed since it was read is not rotated, and no new one is left behind', async () => {
  const created = await adminJson('key', 'create', tenantId, '--name', 'contested');
  const access = accessRegistry(dynamodb(), runtime.tableNames.registry);
  const keys = () => access.listApiKeys(tenantId);
  const read = (await keys()).find(({ id }) => id === created.id);
  if (read === undefined) throw new Error('The key is not listed.');
  const replacement = { ...read, keyHash: 'f'.repeat(64), id: unknownId };
  await adminJson('key', 'rotate', created.id, '--tenant', tenantId);
  expect(await access.rotateApiKey(read, { expiresAt: '2030-01-01T00:00:00.000Z' }, replacement)).toBe(false);
  await adminJson('key', 'revoke', created.id, '--tenant', tenantId);
  expect(await access.rotateApiKey(read, { revokedAt: new Date().toISOString() }, replacement)).toBe(false);
  expect((await keys()).map(({ id }) => id)).not.toContain(unknownId);
});

test('Agents are listed over all pages, by status, and as many as are wanted', async () => {
  const key = runtime.keys.globex;
  const globexId = runtime.tenants[1]?.id ?? '';
  expect((await admin('agent', 'list', globexId)).out).toBe('Tenant globex has no agent.\n');
  const ids: string[] = [];
  for (let number = 1; number <= 105; number++) ids.unshift((await registerAgent(runtime.call, { name: `Agent ${number}` }, { key })).id);
  await certify(runtime.call, ids[50] ?? '', { key });
  const idsOf = async (...args: string[]) => ((await adminJson('agent', 'list', globexId, ...args)) as { id: string }[]).map(({ id }) => id);
  expect(await idsOf()).toEqual(ids);
  expect(await idsOf('--limit', '101')).toEqual(ids.slice(0, 101));
  expect(await idsOf('--status', 'active')).toEqual([ids[50]]);
  const lines = (await admin('agent', 'list', globexId)).out.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^AGENT +STATUS +RISK +CERTIFIED UNTIL +CREATED +NAME$/);
  expect(lines).toHaveLength(106);
  expect(lines[51]).toMatch(new RegExp(`^${ids[50]} {2}active +- +\\d{4}-\\d\\d-\\d\\d +\\d{4}-\\d\\d-\\d\\d +Agent 55$`));
});

test('An agent is shown with its risk, its key and all its certificates', async () => {
  const agent = await registerAgent(runtime.call, { name: 'Shown', permitted_actions: ['trade:execute'] });
  expect((await admin('agent', 'show', agent.id)).out).toContain('It has never been certified.');
  const first = await certify(runtime.call, agent.id);
  await runtime.call('POST', `/certificates/${first.id}/revoke`, { body: { reason: 'moved', reason_code: 'superseded' } });
  const second = await certify(runtime.call, agent.id);
  await runtime.call('POST', '/risk-scores', { body: { agent_id: agent.id, score: 0.4 } });
  await runtime.idle();
  const { out } = await admin('agent', 'show', agent.id.toUpperCase());
  expect(out).toMatch(/^Status +active$/m);
  expect(out).toMatch(/^Risk +0\.4 medium$/m);
  expect(out).toContain(second.kms_key_arn);
  expect(out).toMatch(new RegExp(`^${second.serial_number} {2}active [^]*\n${first.serial_number} {2}revoked .* superseded$`, 'm'));
  expect(await adminJson('agent', 'show', agent.id)).toMatchObject({ id: agent.id, risk_score: 0.4, certificates: [{ id: second.id }, { id: first.id, status: 'revoked' }] });
});

test('Certificates are listed by status and agent, and shown in words by any spelling of their serial number', async () => {
  const agent = await registerAgent(runtime.call, { name: 'Certified' });
  const revoked = await certify(runtime.call, agent.id);
  await runtime.call('POST', `/certificates/${revoked.id}/revoke`, { body: { reason: 'key seen elsewhere', reason_code: 'keyCompromise' } });
  const active = await certify(runtime.call, agent.id);
  const idsOf = async (...args: string[]) => ((await adminJson('certificate', 'list', tenantId, ...args)) as { id: string }[]).map(({ id }) => id);
  expect(await idsOf('--agent', agent.id)).toEqual([active.id, revoked.id]);
  expect(await idsOf('--agent', agent.id, '--status', 'revoked')).toEqual([revoked.id]);
  expect(await idsOf('--limit', '1')).toEqual([active.id]);
  expect((await admin('certificate', 'list', tenantId, '--agent', unknownId)).out).toMatch(/has no certificate\.\n$/);
  expect((await admin('certificate', 'list', tenantId, '--agent', agent.id)).out).toMatch(new RegExp(`^SERIAL NUMBER +STATUS .*\n${active.serial_number} {2}active .*\n${revoked.serial_number} {2}revoked .* keyCompromise\n$`));

  const serial = revoked.serial_number as string;
  for (const spelling of [revoked.id, serial, serial.toLowerCase(), `serial=${serial}`, (serial.match(/../g) ?? []).join(':')]) {
    const { out } = await admin('certificate', 'show', spelling);
    expect(out).toMatch(/^Status +revoked$/m);
    expect(out).toMatch(/^Revoked +.*, keyCompromise: key seen elsewhere$/m);
    expect(out).toMatch(new RegExp(`^Agent +${agent.id} \\(Certified\\)$[^]*^Subject +CN=${agent.id},[^]*^Serial +${serial}$[^]*^Private key +arn:aws:kms:`, 'm'));
  }
  expect(await adminJson('certificate', 'show', serial)).toMatchObject({ id: revoked.id, status: 'revoked', certificate_pem: revoked.certificate_pem });
});

test.each([
  [2, '--grace is "721": give it a whole number of hours from 0 to 720', ['key', 'rotate', 'x', '--tenant', 'y', '--grace', '721']],
  [2, 'needs --tenant', ['key', 'rotate', 'x']],
  [1, 'There is no agent "x"', ['agent', 'show', 'x']],
  [1, 'There is no certificate "xyz"', ['certificate', 'show', 'xyz']],
  [1, 'There is no certificate', ['certificate', 'show', unknownId]],
  [1, 'There is no tenant "x"', ['agent', 'list', 'x']],
  [2, '--status is "dead": give it one of pending, active', ['agent', 'list', 'x', '--status', 'dead']],
  [2, '--status is "pending": give it one of active, revoked, expired', ['certificate', 'list', 'x', '--status', 'pending']],
])('%i, "%s": %j', async (status, sentence, args) => {
  const result = await admin(...args);
  expect(result).toMatchObject({ status, out: '', error: expect.stringContaining(sentence) });
  expect(result.error.trimEnd()).not.toContain('\n');
});

test('--limit is a number', async () => {
  expect(await admin('agent', 'list', tenantId, '--limit', '0')).toMatchObject({ status: 2, error: expect.stringContaining('--limit is "0"') });
});
