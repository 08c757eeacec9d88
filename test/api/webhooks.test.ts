import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { announcedEvents } from '../../lambdas/authority/announcement.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import { secretEncryption } from '../../lambdas/aws/secret-encryption.ts';
import { dataOf, unknownId } from '../support/agents.ts';
import { answerLost, awsError, notPerformed } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { expectProblem } from '../support/problems.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { caller, type Call } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { createWebhook, minimalWebhook } from '../support/webhooks.ts';

/* /webhooks. What each field may hold is in test/http/requests.test.ts, which hosts in test/authority/webhook-host.test.ts. */

let runtime: FaultyRuntime;
let tables: Tables;
let registry: RegistryView;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  tables = openTables(runtime);
  registry = openRegistry(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  tables.close();
  registry.close();
  await runtime.stop();
});

async function newTenant(): Promise<{ call: Call; tenantId: string; keyId: string }> {
  const [tenantId, keyId] = [randomUUID(), randomUUID()];
  return { call: caller(runtime.url, await tables.addKey({ tenantId, id: keyId })), tenantId, keyId };
}

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const whsec = expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/);
const withKey = (key: string, body: unknown = minimalWebhook) => ({ body, headers: { 'idempotency-key': key } });

const stored = async (tenantId: string, id: string) => registry.get(`WEBHOOK#${tenantId}`, id);
const decrypt = (encrypted: Uint8Array, tenantId: string, id: string) => secretEncryption(kms(), process.env['WEBHOOK_KEY_ID'] ?? '').decrypt(encrypted, { tenantId, id });

describe('a webhook', () => {
  test('is answered as it was described, with its secret this once', async () => {
    const { call, tenantId } = await newTenant();
    const fields = { url: 'https://example.com/hook?token=x', events: ['risk.alert', 'agent.created'], description: 'Gateway\nFrankfurt' };
    const { status, headers, body } = await call('POST', '/webhooks', { body: fields });
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect(body).toStrictEqual({ data: { id: uuid, ...fields, active: true, created_at: time, updated_at: body.data.created_at, secret: whsec } });

    const { secret, ...shown } = body.data;
    expect(Buffer.from(secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect((await call('GET', `/webhooks/${shown.id}`)).body).toStrictEqual({ data: shown });
    expect((await call('GET', `/webhooks/${shown.id.toUpperCase()}`)).body).toStrictEqual({ data: shown });
    expect((await call('GET', '/webhooks')).body).toStrictEqual({ data: [shown], meta: { limit: 50 }, pagination: { limit: 50, has_next_page: false, next_cursor: null } });
    expect(await decrypt((await stored(tenantId, shown.id))?.['encryptedSecret'], tenantId, shown.id)).toBe(secret);
  });

  test('may be told of everything, and has no description where none was given', async () => {
    const { call } = await newTenant();
    expect(await createWebhook(call, { events: announcedEvents })).toMatchObject({ events: announcedEvents, description: null });
    expect(await createWebhook(call, { description: null })).toMatchObject({ description: null });
  });

  test('is listed newest first, and to its tenant alone', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const made: string[] = [];
    for (let index = 0; index < 3; index++) made.unshift((await createWebhook(one.call, { description: `${index}` })).id);
    expect((await one.call('GET', '/webhooks')).body.data.map(({ id }: { id: string }) => id)).toEqual(made);
    expect((await other.call('GET', '/webhooks')).body.data).toEqual([]);
  });

  test('is changed field by field', async () => {
    const { call } = await newTenant();
    const { secret: _, ...webhook } = await createWebhook(call, { description: 'Ops' });
    const path = `/webhooks/${webhook.id}`;
    let expected = webhook;
    for (const [change, shown] of [
      [{ url: 'https://example.org/' }, {}], [{ events: ['certificate.expired'] }, {}], [{ description: 'New' }, {}], [{ description: null }, {}], [{ active: false }, {}], [{ active: true, description: 'Back', rotate_secret: false }, { active: true, description: 'Back', rotate_secret: undefined }],
    ]) {
      const { status, body } = await call('PATCH', path, { body: change });
      expected = JSON.parse(JSON.stringify({ ...expected, ...change, ...shown, updated_at: body.data.updated_at }));
      expect([status, body]).toStrictEqual([200, { data: expected }]);
      expect(body.data.updated_at > webhook.updated_at).toBe(true);
      expect((await call('GET', path)).body.data).toStrictEqual(expected);
    }
  });

  test('is as it was where nothing is to be changed', async () => {
    const { call } = await newTenant();
    const { secret: _, ...webhook } = await createWebhook(call);
    await runtime.idle();
    const before = await tables.contents();
    for (const body of [{}, undefined, { unknown: 1 }, { rotate_secret: false }, { rotateSecret: null }]) expect(dataOf(await call('PATCH', `/webhooks/${webhook.id}`, { body }), 200)).toStrictEqual(webhook);
    expect(await tables.changesSince(before)).toEqual([]);
  });

  test('is answered once more when it is deleted, and then gone', async () => {
    const { call, tenantId } = await newTenant();
    const { secret: _, ...webhook } = await createWebhook(call);
    const path = `/webhooks/${webhook.id}`;
    expect(dataOf(await call('DELETE', path), 200)).toStrictEqual(webhook);
    for (const [method, suffix, body] of [['GET', ''], ['PATCH', '', { active: true }], ['DELETE', ''], ['GET', '/deliveries']] as const) expectProblem(await call(method, path + suffix, { body }), 404, 'WEBHOOK_NOT_FOUND');
    expect((await call('GET', '/webhooks')).body.data).toEqual([]);
    expect(await stored(tenantId, webhook.id)).toBeUndefined();
  });

  test.each([unknownId, 'nonsense', '..', '%00'])('is not there under the id %s', async (id) => {
    const { call } = await newTenant();
    if (id !== '..') expectProblem(await call('GET', `/webhooks/${id}`), 404, 'WEBHOOK_NOT_FOUND');
    expectProblem(await call('PATCH', `/webhooks/${encodeURIComponent(`${id}/`)}`, { body: { active: false } }), 404, 'WEBHOOK_NOT_FOUND');
  });

  test('leads into the public Internet, from the beginning and after each change', async () => {
    const { call } = await newTenant();
    const { id } = await createWebhook(call);
    await runtime.idle();
    const before = await tables.contents();
    for (const url of ['https://localhost/', 'https://169.254.169.254/latest/meta-data', 'https://[::ffff:10.0.0.1]/', 'https://service.internal:8443/']) {
      expectProblem(await call('POST', '/webhooks', { body: { ...minimalWebhook, url } }), 422, 'WEBHOOK_URL_NOT_ALLOWED');
      expectProblem(await call('PATCH', `/webhooks/${id}`, { body: { url } }), 422, 'WEBHOOK_URL_NOT_ALLOWED');
    }
    expectProblem(await call('POST', '/webhooks', { body: { ...minimalWebhook, url: 'http://example.com/' } }), 400, 'VALIDATION_FAILED', { issues: ['url'] });
    expect(await tables.changesSince(before)).toEqual([]);
  });
});

describe('of a tenant there are', () => {
  test('fifty and no more, however many are asked for at once, until one is deleted', async () => {
    const { call } = await newTenant();
    const replies = await Promise.all(Array.from({ length: 55 }, (_, index) => call('POST', '/webhooks', { body: { ...minimalWebhook, description: `${index}` } })));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(50);
    for (const reply of replies.filter(({ status }) => status !== 201)) expectProblem(reply, 422, 'WEBHOOK_LIMIT_REACHED');
    const { body: { data } } = await call('GET', '/webhooks');
    expect(data).toHaveLength(50);
    dataOf(await call('DELETE', `/webhooks/${data[0].id}`), 200);
    await createWebhook(call);
    expectProblem(await call('POST', '/webhooks', { body: minimalWebhook }), 422, 'WEBHOOK_LIMIT_REACHED');
  });
});

describe('a new secret', () => {
  test('takes the place of the one before it, which goes on signing for 24 hours', async () => {
    const { call, tenantId } = await newTenant();
    const { secret: first, ...webhook } = await createWebhook(call);
    const path = `/webhooks/${webhook.id}`;
    const { secret: second, ...shown } = dataOf(await call('PATCH', path, { body: { rotate_secret: true, description: 'Rotated' } }), 200);
    expect([shown, second]).toStrictEqual([{ ...webhook, description: 'Rotated', updated_at: shown.updated_at }, whsec]);
    expect(second).not.toBe(first);
    expect((await call('GET', path)).body.data).toStrictEqual(shown);

    const item = await stored(tenantId, webhook.id);
    expect(await decrypt(item?.['encryptedSecret'], tenantId, webhook.id)).toBe(second);
    expect(await decrypt(item?.['previousSecret'].encryptedSecret, tenantId, webhook.id)).toBe(first);
    expect(Date.parse(item?.['previousSecret'].expiresAt) - Date.parse(shown.updated_at)).toBeLessThanOrEqual(24 * 3_600_000);
    expect(Date.parse(item?.['previousSecret'].expiresAt) - Date.parse(shown.updated_at)).toBeGreaterThan(24 * 3_600_000 - 10_000);

    // A third: the second goes on signing, the first no more.
    const { secret: third } = dataOf(await call('PATCH', path, { body: { rotateSecret: true } }), 200);
    const after = await stored(tenantId, webhook.id);
    expect([await decrypt(after?.['encryptedSecret'], tenantId, webhook.id), await decrypt(after?.['previousSecret'].encryptedSecret, tenantId, webhook.id)]).toEqual([third, second]);
  });

  test('does not outlive its day, nor is it shortened by other changes', async () => {
    const { call, tenantId } = await newTenant();
    const { id } = await createWebhook(call);
    await call('PATCH', `/webhooks/${id}`, { body: { rotate_secret: true } });
    const { previousSecret } = (await stored(tenantId, id)) ?? {};
    await call('PATCH', `/webhooks/${id}`, { body: { active: false } });
    expect((await stored(tenantId, id))?.['previousSecret']).toEqual(previousSecret);

    await registry.set(`WEBHOOK#${tenantId}`, id, 'previousSecret', { ...previousSecret, expiresAt: new Date(Date.now() - 1).toISOString() });
    await call('PATCH', `/webhooks/${id}`, { body: { active: true } });
    expect(await stored(tenantId, id)).not.toHaveProperty('previousSecret');
  });

  test('is decrypted for its own webhook alone', async () => {
    const { call, tenantId } = await newTenant();
    const [one, other] = [await createWebhook(call), await createWebhook(call)];
    const { encryptedSecret } = (await stored(tenantId, one.id)) ?? {};
    await expect(decrypt(encryptedSecret, tenantId, other.id)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    await expect(decrypt(encryptedSecret, randomUUID(), one.id)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    expect(await decrypt(encryptedSecret, tenantId, one.id)).toBe(one.secret);
  });
});

describe('an Idempotency-Key', () => {
  test('shows the same secret again, also after the webhook was given another and deleted', async () => {
    const { call } = await newTenant();
    const [makingKey, rotatingKey] = [randomUUID(), randomUUID()];
    const making = () => call('POST', '/webhooks', withKey(makingKey));
    const first = await making();
    const path = `/webhooks/${first.body.data.id}`;
    const rotating = () => call('PATCH', path, withKey(rotatingKey, { rotate_secret: true }));
    const rotated = await rotating();
    expect([first.status, rotated.status, rotated.body.data.secret === first.body.data.secret]).toEqual([201, 200, false]);
    for (const change of [() => call('PATCH', path, { body: { rotate_secret: true } }), () => call('DELETE', path)]) {
      await change();
      const [again, rotatedAgain] = [await making(), await rotating()];
      expect([again.status, again.body, rotatedAgain.status, rotatedAgain.body]).toStrictEqual([201, first.body, 200, rotated.body]);
    }
    expect((await call('GET', '/webhooks')).body.data).toEqual([]);
  });

  test('keeps refusals as they are', async () => {
    const { call } = await newTenant();
    const key = randomUUID();
    const [first, again] = [await call('PATCH', `/webhooks/${unknownId}`, withKey(key, { rotate_secret: true })), await call('PATCH', `/webhooks/${unknownId}`, withKey(key, { rotate_secret: true }))];
    expectProblem(first, 404, 'WEBHOOK_NOT_FOUND');
    expect([again.status, again.body]).toStrictEqual([404, first.body]);
  });

  test('of another tenant is another key, and shows it nothing', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const key = randomUUID();
    const [first, theirs] = [await one.call('POST', '/webhooks', withKey(key)), await other.call('POST', '/webhooks', withKey(key))];
    expect([first.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.data.id).not.toBe(first.body.data.id);
    expect(theirs.body.data.secret).not.toBe(first.body.data.secret);
  });

  test('is answered 503 while KMS cannot decrypt, and as the first time once it can', async () => {
    const { call } = await newTenant();
    const key = randomUUID();
    const first = await call('POST', '/webhooks', withKey(key));
    const outage = runtime.kms.inject({ operation: 'Decrypt' }, awsError('DisabledException'));
    const reply = await call('POST', '/webhooks', withKey(key));
    expectProblem(reply, 503, 'KMS_UNAVAILABLE');
    outage.remove();
    expect((await call('POST', '/webhooks', withKey(key))).body).toStrictEqual(first.body);
  });
});

test('no secret is stored in the clear, by whatever way', async () => {
  const { call } = await newTenant();
  const first = await call('POST', '/webhooks', withKey(randomUUID()));
  const rotated = await call('PATCH', `/webhooks/${first.body.data.id}`, withKey(randomUUID(), { rotate_secret: true }));
  await runtime.idle();
  const secrets = [first, rotated].flatMap(({ body: { data: { secret } } }) => [secret as string, secret.slice('whsec_'.length) as string]);
  for (const item of await tables.contents()) for (const secret of secrets) expect(item.includes(secret)).toBe(false);
  // Nor does it pass to DynamoDB at all.
  for (const { text } of runtime.dynamodb.calls) for (const secret of secrets) expect(text.includes(secret)).toBe(false);
});

test('the audit trail has each change, who made it, and of the URL nothing but its origin', async () => {
  const { call, keyId } = await newTenant();
  const { id } = await createWebhook(call, { url: 'https://example.com:8443/secret-path?token=x', events: ['risk.alert', 'agent.created'] });
  await call('PATCH', `/webhooks/${id}`, { body: { url: 'https://example.org/other', rotate_secret: true } });
  await call('DELETE', `/webhooks/${id}`);
  const entry = { id: uuid, actor_type: 'api_key', actor_id: keyId, affected_id: id, created_at: time };
  const { body } = await call('GET', '/audit-log');
  expect(body.data).toStrictEqual([
    { ...entry, event_type: 'webhook.deleted', description: 'Webhook deleted', metadata: { origin: 'https://example.org', events: 'risk.alert agent.created' } },
    { ...entry, event_type: 'webhook.updated', description: 'Webhook updated: url, secret', metadata: { origin: 'https://example.org', events: 'risk.alert agent.created' } },
    { ...entry, event_type: 'webhook.created', description: 'Webhook created', metadata: { origin: 'https://example.com:8443', events: 'risk.alert agent.created' } },
  ]);
  expect(JSON.stringify(body)).not.toMatch(/secret-path|token|whsec/);
});

describe('changes at the same moment', () => {
  test('are all made, one after the other', async () => {
    const { call } = await newTenant();
    const { id } = await createWebhook(call);
    const changes = [{ url: 'https://example.org/' }, { events: ['risk.alert'] }, { description: 'Both' }];
    const replies = await Promise.all(changes.map((body) => call('PATCH', `/webhooks/${id}`, { body })));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await call('GET', `/webhooks/${id}`)).body.data).toMatchObject({ url: 'https://example.org/', events: ['risk.alert'], description: 'Both' });
    expect(await tables.auditOf(id)).toHaveLength(4);
  });

  test('of a secret lose none: each answer’s was the webhook’s at its time', async () => {
    const { call, tenantId } = await newTenant();
    const { id } = await createWebhook(call);
    const replies = await Promise.all([1, 2].map(() => call('PATCH', `/webhooks/${id}`, { body: { rotate_secret: true } })));
    const secrets = replies.sort((a, b) => (a.body.data.updated_at < b.body.data.updated_at ? -1 : 1)).map(({ body }) => body.data.secret);
    const item = await stored(tenantId, id);
    expect([await decrypt(item?.['previousSecret'].encryptedSecret, tenantId, id), await decrypt(item?.['encryptedSecret'], tenantId, id)]).toEqual(secrets);
  });

  test('are given up where there is no end to them', async () => {
    const { call } = await newTenant();
    const { id } = await createWebhook(call);
    const refused = awsError('TransactionCanceledException', { CancellationReasons: [{ Code: 'ConditionalCheckFailed' }, { Code: 'None' }] });
    const injection = runtime.dynamodb.inject({ operation: 'TransactWriteItems', concerning: id }, refused);
    expectProblem(await call('PATCH', `/webhooks/${id}`, { body: { active: false } }), 409, 'WEBHOOK_CHANGED_MEANWHILE');
    expect(injection.hits).toBe(5);
  });

  test('of which one deletes the webhook', async () => {
    const { call } = await newTenant();
    const { id } = await createWebhook(call);
    const replies = await Promise.all([call('DELETE', `/webhooks/${id}`), call('DELETE', `/webhooks/${id}`)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect((await tables.auditOf(id)).map(({ eventType }) => eventType)).toEqual(['webhook.created', 'webhook.deleted']);
  });
});

describe('trouble', () => {
  test.each([['not performed', notPerformed], ['answer lost', answerLost], ['throttled', awsError('ThrottlingException')]])('that passes, %s once at any call, costs time and nothing else', async (_, fault) => {
    for (const [proxy, operation] of [['kms', 'Encrypt'], ['dynamodb', 'TransactWriteItems'], ['dynamodb', 'GetItem']] as const) {
      const { call, tenantId } = await newTenant();
      const making = runtime[proxy].inject({ operation }, fault, { times: 1 });
      const webhook = await createWebhook(call);
      making.remove();
      const changing = runtime[proxy].inject({ operation }, fault, { times: 1 });
      const changed = dataOf(await call('PATCH', `/webhooks/${webhook.id}`, { body: { rotate_secret: true } }), 200);
      changing.remove();
      expect([making.hits, changing.hits]).toEqual([1, 1]);
      expect(await decrypt((await stored(tenantId, webhook.id))?.['encryptedSecret'], tenantId, webhook.id)).toBe(changed.secret);
      const deleting = runtime.dynamodb.inject({ operation: 'TransactWriteItems' }, fault, { times: 1 });
      dataOf(await call('DELETE', `/webhooks/${webhook.id}`), 200);
      deleting.remove();
      expect((await tables.auditOf(webhook.id)).map(({ eventType }) => eventType)).toEqual(['webhook.created', 'webhook.updated', 'webhook.deleted']);
      expect((await registry.get(`WEBHOOKS#${tenantId}`, 'COUNT'))?.['webhookCount']).toBe(0);
    }
  }, 60_000);

  test('that does not pass is 503, and nothing was made', async () => {
    const { call, tenantId } = await newTenant();
    runtime.kms.inject({ operation: 'Encrypt' }, awsError('KMSInternalException'));
    expectProblem(await call('POST', '/webhooks', { body: minimalWebhook }), 503, 'KMS_UNAVAILABLE');
    runtime.calm();
    runtime.kms.inject({ operation: 'Encrypt' }, awsError('AccessDeniedException'));
    expectProblem(await call('POST', '/webhooks', { body: minimalWebhook }), 503, 'KMS_CREDENTIALS_NOT_CONFIGURED');
    runtime.calm();
    runtime.dynamodb.inject({ operation: 'TransactWriteItems' }, awsError('InternalServerError'));
    expectProblem(await call('POST', '/webhooks', { body: minimalWebhook }), 503, 'REGISTRY_UNAVAILABLE');
    runtime.calm();
    expect((await call('GET', '/webhooks')).body.data).toEqual([]);
    expect(await registry.get(`WEBHOOKS#${tenantId}`, 'COUNT')).toBeUndefined();
  });
});
