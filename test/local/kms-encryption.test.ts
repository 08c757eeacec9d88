import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  CancelKeyDeletionCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
  SignCommand,
  VerifyCommand,
  type CreateKeyCommandInput,
  type DecryptCommandInput,
  type EncryptCommandInput,
  type GenerateDataKeyCommandInput,
} from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { startKms, type EmbeddedKms } from '../../local/kms.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

let kms: EmbeddedKms;
let client: KMSClient;
let KeyId: string;
let arn: string;
let otherKeyId: string;
let rsaKeyId: string;
let now = new Date();

const clientOf = (endpoint: string) => new KMSClient({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, maxAttempts: 1 });
const createKey = async (input: CreateKeyCommandInput = {}) => (await client.send(new CreateKeyCommand(input))).KeyMetadata;

beforeAll(async () => {
  kms = await startKms({ clock: () => now });
  client = clientOf(kms.endpoint);
  ({ KeyId = '', Arn: arn = '' } = (await createKey()) ?? {});
  otherKeyId = (await createKey())?.KeyId ?? '';
  rsaKeyId = (await createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }))?.KeyId ?? '';
});

afterAll(async () => {
  client.destroy();
  await kms.close();
  await removeTemporaryDirectories();
});

const context = { tenant: 'acme', webhook: 'wh_1' };

async function encrypt(plaintext: Uint8Array | string, input: Partial<EncryptCommandInput> = {}): Promise<Buffer> {
  const { CiphertextBlob = [] } = await client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from(plaintext), EncryptionContext: context, ...input }));
  return Buffer.from(CiphertextBlob);
}

async function decrypt(CiphertextBlob: Uint8Array, input: Partial<DecryptCommandInput> = {}): Promise<Buffer> {
  const { Plaintext = [] } = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context, ...input }));
  return Buffer.from(Plaintext);
}

test.each<CreateKeyCommandInput>([{}, { KeySpec: 'SYMMETRIC_DEFAULT' }, { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' }, { CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' }])('CreateKey %j makes a symmetric key', async (input) => {
  const metadata = await createKey(input);
  expect(metadata).toMatchObject({
    KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', KeyState: 'Enabled', EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
  });
  expect(metadata).not.toHaveProperty('SigningAlgorithms');
  expect((await client.send(new DescribeKeyCommand({ KeyId: metadata?.Arn }))).KeyMetadata).toEqual(metadata);
});

describe('Encrypt and Decrypt', () => {
  test('give back any bytes under any context, whatever the order of its pairs', async () => {
    const contexts = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { maxKeys: 5 });
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 4096 }), contexts, async (plaintext, EncryptionContext) => {
      const ciphertext = await encrypt(plaintext, { EncryptionContext });
      const reversed = Object.fromEntries(Object.entries(EncryptionContext).reverse());
      expect(await decrypt(ciphertext, { EncryptionContext: reversed })).toEqual(Buffer.from(plaintext));
    }), { numRuns: 50 });
  });

  test('refuse any other context', async () => {
    const pair = fc.tuple(fc.constantFrom('a', 'b', '"', ','), fc.constantFrom('', 'a', 'b', '"', ','));
    const contexts = fc.array(pair, { maxLength: 2 }).map((pairs) => Object.fromEntries(pairs));
    const canonical = (one: Record<string, string>) => JSON.stringify(Object.entries(one).sort());
    await fc.assert(fc.asyncProperty(contexts, contexts, async (one, other) => {
      fc.pre(canonical(one) !== canonical(other));
      const ciphertext = await encrypt('secret', { EncryptionContext: one });
      await expect(decrypt(ciphertext, { EncryptionContext: other })).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    }), { numRuns: 40 });
  });

  test('say which key they used, and never give the same ciphertext twice', async () => {
    const encrypted = await client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('m') }));
    expect(encrypted).toMatchObject({ KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    const decrypted = await client.send(new DecryptCommand({ CiphertextBlob: encrypted.CiphertextBlob }));
    expect(decrypted).toMatchObject({ KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    const again = await client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('m') }));
    expect(again.CiphertextBlob).not.toEqual(encrypted.CiphertextBlob);
  });

  test('notice every changed byte, and every missing one', async () => {
    const ciphertext = await encrypt('secret');
    for (let position = 0; position < ciphertext.length; position++) {
      const changed = Buffer.from(ciphertext);
      changed[position] = (changed[position] ?? 0) ^ 1;
      // What names another key is another key's, and there is none.
      const name = position >= 1 && position <= 16 ? 'AccessDeniedException' : 'InvalidCiphertextException';
      await expect(decrypt(changed)).rejects.toMatchObject({ name });
    }
    for (const length of [1, 16, 44, ciphertext.length - 1]) {
      await expect(decrypt(ciphertext.subarray(0, length))).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    }
    await expect(decrypt(Buffer.concat([ciphertext, Buffer.of(0)]))).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });

  test('a ciphertext moved to another key is none of its', async () => {
    const ciphertext = await encrypt('secret');
    const other = await encrypt('secret', { KeyId: otherKeyId });
    other.copy(ciphertext, 1, 1, 17);
    await expect(decrypt(ciphertext)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });

  test('Decrypt takes the key that made it, by id or ARN, and no other', async () => {
    const ciphertext = await encrypt('secret');
    expect((await decrypt(ciphertext, { KeyId })).toString()).toBe('secret');
    expect((await decrypt(ciphertext, { KeyId: arn })).toString()).toBe('secret');
    await expect(decrypt(ciphertext, { KeyId: otherKeyId })).rejects.toMatchObject({ name: 'IncorrectKeyException' });
    await expect(decrypt(ciphertext, { KeyId: '11111111-2222-4333-8444-555555555555' })).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  test.each<[string, Partial<EncryptCommandInput>, string, RegExp]>([
    ['no bytes', { Plaintext: new Uint8Array() }, 'ValidationException', /greater than or equal to 1/],
    ['4,097 bytes', { Plaintext: new Uint8Array(4097) }, 'ValidationException', /less than or equal to 4096/],
    ['an algorithm of RSA', { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }, 'InvalidKeyUsageException', /RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT/],
    ['an algorithm AWS does not know', { EncryptionAlgorithm: 'ROT13' as 'SYMMETRIC_DEFAULT' }, 'ValidationException', /enum value set/],
    ['a token of no grant', { GrantTokens: ['x'] }, 'InvalidGrantTokenException', /not one of a grant/],
    ['a dry run', { DryRun: true }, 'DryRunOperationException', /would have succeeded/],
  ])('Encrypt refuses %s', async (_, input, name, message) => {
    await expect(encrypt('m', input)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  });

  test('take the token of a grant', async () => {
    const { GrantToken = '' } = await client.send(new CreateGrantCommand({ KeyId, GranteePrincipal: 'arn:aws:iam::123456789012:role/worker', Operations: ['Encrypt', 'Decrypt'] }));
    const ciphertext = await encrypt('secret', { GrantTokens: [GrantToken] });
    expect((await decrypt(ciphertext, { GrantTokens: [GrantToken] })).toString()).toBe('secret');
  });

  test('a dry run says whether the ciphertext is right, and not what it holds', async () => {
    await expect(decrypt(await encrypt('secret'), { DryRun: true })).rejects.toMatchObject({ name: 'DryRunOperationException' });
    await expect(decrypt(await encrypt('secret', { EncryptionContext: {} }), { DryRun: true })).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });
});

describe('GenerateDataKey', () => {
  const generate = (input: Partial<GenerateDataKeyCommandInput>) => client.send(new GenerateDataKeyCommand({ KeyId, EncryptionContext: context, ...input }));

  test.each<[Partial<GenerateDataKeyCommandInput>, number]>([[{ KeySpec: 'AES_256' }, 32], [{ KeySpec: 'AES_128' }, 16], [{ NumberOfBytes: 1024 }, 1024], [{ NumberOfBytes: 1 }, 1]])('%j', async (input, bytes) => {
    const { Plaintext = [], CiphertextBlob = new Uint8Array(), KeyId: used } = await generate(input);
    expect(used).toBe(arn);
    expect(Plaintext).toHaveLength(bytes);
    expect(await decrypt(CiphertextBlob)).toEqual(Buffer.from(Plaintext));
    if (bytes > 1) expect((await generate(input)).Plaintext).not.toEqual(Plaintext);
  });

  test.each<[Partial<GenerateDataKeyCommandInput>, string]>([
    [{}, 'ValidationException'], [{ KeySpec: 'AES_256', NumberOfBytes: 32 }, 'ValidationException'], [{ NumberOfBytes: 0 }, 'ValidationException'], [{ NumberOfBytes: 1025 }, 'ValidationException'],
    [{ KeySpec: 'AES_256', DryRun: true }, 'DryRunOperationException'], [{ KeySpec: 'AES_256', Recipient: {} }, 'UnsupportedOperationException'],
  ])('refuses %j', async (input, name) => {
    await expect(generate(input)).rejects.toMatchObject({ name });
  });
});

test('GenerateRandom answers with as many bytes as asked for', async () => {
  const random = async (NumberOfBytes: number) => (await client.send(new GenerateRandomCommand({ NumberOfBytes }))).Plaintext;
  expect(await random(1024)).toHaveLength(1024);
  expect(await random(32)).not.toEqual(await random(32));
  await expect(random(1025)).rejects.toMatchObject({ name: 'ValidationException' });
  await expect(client.send(new GenerateRandomCommand({}))).rejects.toMatchObject({ name: 'ValidationException' });
});

describe('a key of the other usage', () => {
  const signing = { Message: Buffer.from('m'), SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' } as const;
  test.each<[string, () => Promise<unknown>, string, RegExp]>([
    ['Sign', () => client.send(new SignCommand({ KeyId, ...signing })), 'InvalidKeyUsageException', /key usage is ENCRYPT_DECRYPT which is not valid for Sign/],
    ['Verify', () => client.send(new VerifyCommand({ KeyId, ...signing, Signature: randomBytes(256) })), 'InvalidKeyUsageException', /ENCRYPT_DECRYPT which is not valid for Verify/],
    ['GetPublicKey', () => client.send(new GetPublicKeyCommand({ KeyId })), 'UnsupportedOperationException', /no public key/],
    ['Encrypt', () => encrypt('m', { KeyId: rsaKeyId }), 'InvalidKeyUsageException', /SIGN_VERIFY which is not valid for Encrypt/],
    ['Decrypt', () => decrypt(randomBytes(60), { KeyId: rsaKeyId }), 'InvalidKeyUsageException', /SIGN_VERIFY which is not valid for Decrypt/],
    ['GenerateDataKey', () => client.send(new GenerateDataKeyCommand({ KeyId: rsaKeyId, KeySpec: 'AES_256' })), 'InvalidKeyUsageException', /SIGN_VERIFY which is not valid for GenerateDataKey/],
  ])('is refused by %s', async (_, use, name, message) => {
    await expect(use()).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  });
});

test('a disabled key and one pending deletion neither encrypt nor decrypt, and what they encrypted comes back with them', async () => {
  const ofKey = { KeyId: (await createKey())?.KeyId ?? '' };
  const ciphertext = await encrypt('secret', ofKey);
  const uses = [() => encrypt('m', ofKey), () => decrypt(ciphertext), () => decrypt(ciphertext, ofKey), () => client.send(new GenerateDataKeyCommand({ ...ofKey, KeySpec: 'AES_256' }))];
  await client.send(new DisableKeyCommand(ofKey));
  for (const use of uses) await expect(use()).rejects.toMatchObject({ name: 'DisabledException' });
  await client.send(new ScheduleKeyDeletionCommand({ ...ofKey, PendingWindowInDays: 7 }));
  for (const use of uses) await expect(use()).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
  await client.send(new CancelKeyDeletionCommand(ofKey));
  await client.send(new EnableKeyCommand(ofKey));
  expect((await decrypt(ciphertext)).toString()).toBe('secret');

  await client.send(new ScheduleKeyDeletionCommand({ ...ofKey, PendingWindowInDays: 7 }));
  const start = now;
  now = new Date(start.getTime() + 7 * 86_400_000);
  try {
    await expect(decrypt(ciphertext)).rejects.toMatchObject({ name: 'AccessDeniedException', message: expect.stringContaining('does not exist') });
    await expect(decrypt(ciphertext, ofKey)).rejects.toMatchObject({ name: 'NotFoundException' });
  } finally {
    now = start;
  }
});

test('with a data directory, a restarted KMS decrypts what it encrypted, and the secret key is in its file only', async () => {
  const dataDirectory = join(await temporaryDirectory(), 'keys');
  const first = await startKms({ dataDirectory });
  const before = clientOf(first.endpoint);
  const { KeyMetadata } = await before.send(new CreateKeyCommand({}));
  const { CiphertextBlob } = await before.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.from('secret'), EncryptionContext: context }));
  await first.close();
  before.destroy();

  const second = await startKms({ dataDirectory });
  const stored = JSON.parse(await readFile(join(dataDirectory, `${KeyMetadata?.KeyId}.json`), 'utf8')) as { secretKey: string };
  const secret = Buffer.from(stored.secretKey, 'base64');
  expect(secret).toHaveLength(32);
  const Blob = Buffer.from(CiphertextBlob ?? []).toString('base64');
  const ofKey = { KeyId: KeyMetadata?.KeyId };
  const requests: [string, object][] = [
    ['CreateKey', {}], ['DescribeKey', ofKey], ['GetKeyPolicy', ofKey], ['ListKeys', {}], ['GetPublicKey', ofKey], ['Encrypt', { ...ofKey, Plaintext: 'bQ==' }], ['GenerateDataKey', { ...ofKey, KeySpec: 'AES_256' }],
    ['Decrypt', { CiphertextBlob: Blob, EncryptionContext: context }], ['Decrypt', { CiphertextBlob: Blob }], ['CreateGrant', { ...ofKey, GranteePrincipal: 'arn:aws:iam::123456789012:root', Operations: ['Decrypt'] }], ['ListGrants', ofKey],
  ];
  for (const [operation, input] of requests) {
    const headers = { 'x-amz-target': `TrentService.${operation}`, authorization: 'AWS4-HMAC-SHA256', 'content-type': 'application/x-amz-json-1.1' };
    const answer = await (await fetch(second.endpoint, { method: 'POST', headers, body: JSON.stringify(input) })).text();
    if (operation === 'Decrypt' && 'EncryptionContext' in input) expect(JSON.parse(answer)).toMatchObject({ Plaintext: Buffer.from('secret').toString('base64') });
    const blobs = [...answer.matchAll(/"([A-Za-z0-9+/=_-]{20,})"/g)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
    for (const bytes of [Buffer.from(answer), ...blobs]) expect(bytes.includes(secret)).toBe(false);
    expect(answer).not.toMatch(/secretKey|tokenSecret|"__type":"(Serialization|KMSInternal)/);
  }
  await second.close();
});
