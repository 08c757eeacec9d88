import { spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  KMSClient,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms';
import { startKms, type EmbeddedKms } from '../../local/kms.ts';

let dataDirectory: string;
let running: EmbeddedKms[];

beforeEach(async () => {
  dataDirectory = join(await mkdtemp(join(tmpdir(), 'kakunin-kms-')), 'keys');
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map(async (kms) => kms.close()));
  await rm(join(dataDirectory, '..'), { recursive: true });
});

async function start(options: Parameters<typeof startKms>[0] = {}) {
  const kms = await startKms({ dataDirectory, ...options });
  running.push(kms);
  return { kms, client: clientOf(kms.endpoint) };
}

function clientOf(endpoint: string): KMSClient {
  return new KMSClient({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, maxAttempts: 1 });
}

const newKey = { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' } as const;
const tags = [{ TagKey: '__proto__', TagValue: 'x' }, { TagKey: 'tenant', TagValue: 'Größe' }];

async function createKey(client: KMSClient): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ ...newKey, Description: 'kept', Tags: tags }));
  return KeyMetadata?.KeyId ?? '';
}

async function signature(client: KMSClient, KeyId: string) {
  return (await client.send(new SignCommand({ KeyId, Message: Buffer.from('m'), SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' }))).Signature;
}

async function describeKey(client: KMSClient, KeyId: string) {
  return (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
}

describe('a restart', () => {
  test('keeps keys, tags, states and signatures', async () => {
    const before = await start();
    const [enabled = '', disabled = '', pending = ''] = await Promise.all([createKey(before.client), createKey(before.client), createKey(before.client)]);
    await before.client.send(new DisableKeyCommand({ KeyId: disabled }));
    await before.client.send(new ScheduleKeyDeletionCommand({ KeyId: pending, PendingWindowInDays: 7 }));
    const described = await Promise.all([enabled, disabled, pending].map(async (keyId) => describeKey(before.client, keyId)));
    const signed = await signature(before.client, enabled);
    await before.kms.close();

    const { client } = await start();
    expect(await Promise.all([enabled, disabled, pending].map(async (keyId) => describeKey(client, keyId)))).toEqual(described);
    expect(described.map((metadata) => metadata?.KeyState)).toEqual(['Enabled', 'Disabled', 'PendingDeletion']);
    expect(await signature(client, enabled)).toEqual(signed);
    expect((await client.send(new ListResourceTagsCommand({ KeyId: enabled }))).Tags).toEqual(tags);
  });

  test('loses nothing that was answered before kill -9', async () => {
    const script = `import { startKms } from ${JSON.stringify(new URL('../../local/kms.ts', import.meta.url).href)};
      console.log((await startKms({ dataDirectory: ${JSON.stringify(dataDirectory)} })).endpoint);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [endpoint] = (await once(createInterface(child.stdout), 'line')) as [string];
    const remote = clientOf(endpoint);
    const answered: string[] = [];
    const attempts = Array.from({ length: 16 }, async () => {
      const keyId = await createKey(remote);
      answered.push(keyId);
      if (answered.length === 5) child.kill('SIGKILL');
      await remote.send(new DisableKeyCommand({ KeyId: keyId }));
    });
    await Promise.allSettled(attempts);
    await exited;
    remote.destroy();

    expect(answered.length).toBeGreaterThanOrEqual(5);
    const { client } = await start();
    const keys = (await client.send(new ListKeysCommand({}))).Keys?.map(({ KeyId }) => KeyId);
    expect(keys).toEqual(expect.arrayContaining(answered));
  });

  test('removes what a crash left half written', async () => {
    const before = await start();
    const keyId = await createKey(before.client);
    await before.kms.close();
    await writeFile(join(dataDirectory, `${keyId}.json.unfinished`), '{"format":', { mode: 0o600 });
    const { client } = await start();
    expect((await client.send(new ListKeysCommand({}))).Keys).toHaveLength(1);
    expect(await readdir(dataDirectory)).toEqual([`${keyId}.json`]);
  });

  test('destroys the material of keys whose deletion has come', async () => {
    let now = new Date();
    const { kms, client } = await start({ clock: () => now });
    const [first, second] = await Promise.all([createKey(client), createKey(client)]);
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: first, PendingWindowInDays: 7 }));
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: second, PendingWindowInDays: 8 }));
    now = new Date(now.getTime() + 7 * 86_400_000);
    expect((await client.send(new ListKeysCommand({}))).Keys?.map(({ KeyId }) => KeyId)).toEqual([second]);
    expect(await readdir(dataDirectory)).toEqual([`${second}.json`]);
    await kms.close();
    now = new Date(now.getTime() + 86_400_000);
    await start({ clock: () => now });
    expect(await readdir(dataDirectory)).toEqual([]);
  });
});

test('a change that cannot be written is refused and not made', async () => {
  const { client } = await start();
  const KeyId = await createKey(client);
  await rename(dataDirectory, `${dataDirectory}-away`);
  await expect(client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'lost', TagValue: '' }] }))).rejects.toMatchObject({
    name: 'KMSInternalException',
    message: expect.stringContaining('ENOENT'),
    $metadata: { httpStatusCode: 500 },
  });
  await expect(client.send(new CreateKeyCommand(newKey))).rejects.toMatchObject({ name: 'KMSInternalException' });
  expect((await client.send(new ListResourceTagsCommand({ KeyId }))).Tags).toEqual(tags);
  expect((await client.send(new ListKeysCommand({}))).Keys).toHaveLength(1);
  await rename(`${dataDirectory}-away`, dataDirectory);
  await client.send(new DisableKeyCommand({ KeyId }));
});

describe('files', () => {
  async function keyFile(): Promise<string> {
    const { kms, client } = await start();
    const keyId = await createKey(client);
    await kms.close();
    return join(dataDirectory, `${keyId}.json`);
  }

  test('are for their owner only', async () => {
    const file = await keyFile();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o700);
  });

  test.each([['file', 0o644, 'chmod 0600'], ['directory', 0o750, 'chmod 0700']])('a %s open to others is refused', async (what, mode, advice) => {
    const file = await keyFile();
    const path = what === 'file' ? file : dataDirectory;
    await chmod(path, mode);
    await expect(start()).rejects.toThrow(`run "${advice} ${path}"`);
  });

  test.each<[string, (stored: string) => string]>([
    ['cut short', (stored) => stored.slice(0, stored.length / 2)],
    ['empty', () => ''],
    ['with a member of another type', (stored) => stored.replace('"Enabled"', '"Open"')],
    ['with another format', (stored) => stored.replace('"format": 1', '"format": 2')],
    ['with the key of another size', (stored) => stored.replace('"RSA_2048"', '"RSA_4096"')],
    ['with a broken private key', (stored) => stored.replace(/MII.{40}/, 'MIIA')],
    ['with the id of another key', (stored) => stored.replace(/"keyId": "..../, '"keyId": "0000')],
  ])('one %s is refused by name, without quoting it', async (_, damage) => {
    const file = await keyFile();
    const stored = await readFile(file, 'utf8');
    await writeFile(file, damage(stored));
    const error = await start().then(() => undefined, (cause: unknown) => cause as Error);
    expect(error?.message).toMatch(new RegExp(`^The key file ${file} is damaged: restore it from a backup, or move it away .*\\.$`));
    expect(error?.stack).not.toMatch(/PRIVATE|MII/);
  });

  test('of another region are refused', async () => {
    const file = await keyFile();
    await expect(start({ region: 'us-east-1' })).rejects.toThrow(`${file} belongs to arn:aws:kms:eu-west-1`);
  });

  test('one of before there were grants is read', async () => {
    const file = await keyFile();
    const { grants, ...before } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    expect(grants).toEqual([]);
    await writeFile(file, JSON.stringify(before));
    const { client } = await start();
    const [KeyId = ''] = (await client.send(new ListKeysCommand({}))).Keys?.map((key) => key.KeyId ?? '') ?? [];
    expect(await signature(client, KeyId)).toHaveLength(256);
  });

  test.each([['of another length', 'AAAA'], ['that is not base64', '!'.repeat(44)]])('one with a secret key %s is refused', async (_, secretKey) => {
    const { kms, client } = await start();
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
    await kms.close();
    const file = join(dataDirectory, `${KeyMetadata?.KeyId}.json`);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')) as object, secretKey }));
    const error = await start().then(() => undefined, (cause: unknown) => cause as Error);
    expect(error?.message).toContain(`The key file ${file} is damaged`);
    expect(error?.stack).not.toContain(secretKey);
  });

  test('other files are left alone', async () => {
    await keyFile();
    await writeFile(join(dataDirectory, 'README'), 'mine');
    await start();
    expect(await readdir(dataDirectory)).toContain('README');
  });
});

test('no answer holds a private key', async () => {
  const { kms, client } = await start();
  const KeyId = await createKey(client);
  const stored = JSON.parse(await readFile(join(dataDirectory, `${KeyId}.json`), 'utf8')) as { privateKeyPem: string };
  const { d = '', p = '', q = '' } = createPrivateKey(stored.privateKeyPem).export({ format: 'jwk' });
  const secrets = [d, p, q].map((secret) => Buffer.from(secret, 'base64url'));

  const Message = Buffer.from('m').toString('base64');
  const SigningAlgorithm = 'RSASSA_PKCS1_V1_5_SHA_256';
  const requests: [string, object][] = [
    ['CreateKey', newKey], ['DescribeKey', { KeyId }], ['GetPublicKey', { KeyId }], ['ListKeys', {}], ['GetKeyPolicy', { KeyId }],
    ['Sign', { KeyId, Message, SigningAlgorithm }], ['Sign', { KeyId, Message, SigningAlgorithm: 'RSASSA_PSS_SHA_256' }], ['Verify', { KeyId, Message, SigningAlgorithm, Signature: Message }],
    ['TagResource', { KeyId, Tags: tags }], ['ListResourceTags', { KeyId }], ['UntagResource', { KeyId, TagKeys: ['tenant'] }],
    ['DisableKey', { KeyId }], ['Sign', { KeyId, Message, SigningAlgorithm }], ['EnableKey', { KeyId }], ['ScheduleKeyDeletion', { KeyId }], ['CancelKeyDeletion', { KeyId }],
  ];
  for (const [operation, input] of requests) {
    const headers = { 'x-amz-target': `TrentService.${operation}`, authorization: 'AWS4-HMAC-SHA256', 'content-type': 'application/x-amz-json-1.1' };
    const answer = await (await fetch(kms.endpoint, { method: 'POST', headers, body: JSON.stringify(input) })).text();
    expect(answer).not.toMatch(/PRIVATE|privateKey|UnsupportedOperation|Serialization/);
    const blobs = [...answer.matchAll(/"([A-Za-z0-9+/=]{64,})"/g)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
    for (const bytes of [Buffer.from(answer), ...blobs]) {
      expect(secrets.some((secret) => bytes.includes(secret))).toBe(false);
    }
  }
});
