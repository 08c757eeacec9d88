import { createHash, createPublicKey, verify, constants } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetKeyPolicyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
  UntagResourceCommand,
  VerifyCommand,
  type CreateKeyCommandInput,
  type SignCommandInput,
} from '@aws-sdk/client-kms';
import { startKms, type EmbeddedKms } from '../../local/kms.ts';

let kms: EmbeddedKms;
let client: KMSClient;
let now = new Date('2026-03-01T12:00:00.250Z');

beforeAll(async () => {
  kms = await startKms({ clock: () => now });
  client = new KMSClient({
    endpoint: kms.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  await kms.close();
});

async function createKey(input: CreateKeyCommandInput = {}) {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', ...input }));
  return { keyId: KeyMetadata?.KeyId ?? '', arn: KeyMetadata?.Arn ?? '', metadata: KeyMetadata };
}

async function publicKey(keyId: string) {
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
  return createPublicKey({ key: Buffer.from(PublicKey ?? []), type: 'spki', format: 'der' });
}

const algorithms = (['PKCS1_V1_5', 'PSS'] as const).flatMap((padding) =>
  ([256, 384, 512] as const).map((bits) => ({
    algorithm: `RSASSA_${padding}_SHA_${bits}` as const,
    hash: `sha${bits}`,
    padding: padding === 'PSS' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING,
    saltLength: bits / 8,
  })),
);
const pkcs1Algorithms = algorithms.filter(({ algorithm }) => algorithm.includes('PKCS1'));
const pssAlgorithms = algorithms.filter(({ algorithm }) => algorithm.includes('PSS'));
const sha256 = 'RSASSA_PKCS1_V1_5_SHA_256';

describe('CreateKey', () => {
  test.each([['RSA_2048', 2048], ['RSA_3072', 3072], ['RSA_4096', 4096]] as const)('makes an enabled %s key', async (KeySpec, modulusLength) => {
    const { keyId, arn, metadata } = await createKey({ KeySpec, Description: 'agent key' });
    expect(arn).toBe(`arn:aws:kms:eu-west-1:000000000000:key/${keyId}`);
    expect(keyId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(metadata).toMatchObject({ KeySpec, KeyState: 'Enabled', Enabled: true, KeyUsage: 'SIGN_VERIFY', Origin: 'AWS_KMS', Description: 'agent key' });
    expect(metadata?.CreationDate).toEqual(now);
    expect(metadata?.SigningAlgorithms).toHaveLength(6);
    const key = await publicKey(keyId);
    expect(key.asymmetricKeyDetails).toMatchObject({ modulusLength, publicExponent: 65_537n });
    expect((await client.send(new DescribeKeyCommand({ KeyId: arn }))).KeyMetadata).toEqual(metadata);
  });

  test('makes distinct keys in parallel', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, async () => createKey()));
    const publicKeys = await Promise.all(keys.map(async ({ keyId }) => (await publicKey(keyId)).export({ type: 'spki', format: 'pem' })));
    expect(new Set(publicKeys).size).toBe(20);
  });

  test.each<[string, CreateKeyCommandInput, string]>([
    ['an elliptic curve', { KeySpec: 'ECC_NIST_P256' }, 'UnsupportedOperationException'],
    ['an RSA key that encrypts', { KeyUsage: 'ENCRYPT_DECRYPT' }, 'UnsupportedOperationException'],
    ['imported material', { Origin: 'EXTERNAL' }, 'UnsupportedOperationException'],
    ['a custom key store', { CustomKeyStoreId: 'cks-1' }, 'UnsupportedOperationException'],
    ['a multi-Region key', { MultiRegion: true }, 'UnsupportedOperationException'],
    ['a key spec AWS does not know', { KeySpec: 'RSA_1024' as 'RSA_2048' }, 'ValidationException'],
    ['no key usage', { KeyUsage: undefined }, 'ValidationException'],
    ['a symmetric key that signs', { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'SIGN_VERIFY' }, 'ValidationException'],
    ['a long description', { Description: 'x'.repeat(8193) }, 'ValidationException'],
    ['51 tags', { Tags: Array.from({ length: 51 }, (_, index) => ({ TagKey: `t${index}`, TagValue: '' })) }, 'TagException'],
    ['duplicate tags', { Tags: [{ TagKey: 'a', TagValue: '1' }, { TagKey: 'a', TagValue: '2' }] }, 'TagException'],
    ['a reserved tag', { Tags: [{ TagKey: 'AWS:x', TagValue: '' }] }, 'TagException'],
    ['a tag with a forbidden character', { Tags: [{ TagKey: 'a', TagValue: '{}' }] }, 'TagException'],
    ['an empty tag key', { Tags: [{ TagKey: '', TagValue: '' }] }, 'ValidationException'],
    ['a long tag key', { Tags: [{ TagKey: 'k'.repeat(129), TagValue: '' }] }, 'ValidationException'],
    ['a long tag value', { Tags: [{ TagKey: 'k', TagValue: 'v'.repeat(257) }] }, 'ValidationException'],
    ['a policy that is not JSON', { Policy: 'allow all' }, 'MalformedPolicyDocumentException'],
    ['a policy that is no object', { Policy: '[]' }, 'MalformedPolicyDocumentException'],
    ['a policy above 32 KiB', { Policy: JSON.stringify({ Id: 'x'.repeat(32_768) }) }, 'MalformedPolicyDocumentException'],
  ])('refuses %s', async (_, input, name) => {
    await expect(createKey(input)).rejects.toMatchObject({ name });
  });

  test('keeps the policy it is given, or AWS\'s default', async () => {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
    const [given, standard] = await Promise.all([createKey({ Policy, BypassPolicyLockoutSafetyCheck: true }), createKey()]);
    expect((await client.send(new GetKeyPolicyCommand({ KeyId: given.keyId }))).Policy).toBe(Policy);
    expect((await client.send(new GetKeyPolicyCommand({ KeyId: standard.keyId }))).Policy).toContain('arn:aws:iam::000000000000:root');
  });
});

describe('Sign and Verify', () => {
  let keyId: string;
  beforeAll(async () => ({ keyId } = await createKey()));

  const sign = async (input: Partial<SignCommandInput>) => {
    const { Signature } = await client.send(new SignCommand({ KeyId: keyId, Message: Buffer.from('message'), SigningAlgorithm: sha256, ...input }));
    return Buffer.from(Signature ?? []);
  };

  test.each(algorithms)('signs a RAW message with $algorithm', async ({ algorithm, hash, padding, saltLength }) => {
    const Message = Buffer.alloc(4096, 'm');
    const Signature = await sign({ Message, SigningAlgorithm: algorithm });
    expect(verify(hash, Message, { key: await publicKey(keyId), padding, saltLength }, Signature)).toBe(true);
    await expect(client.send(new VerifyCommand({ KeyId: keyId, Message, Signature, SigningAlgorithm: algorithm }))).resolves.toMatchObject({ SignatureValid: true });
    const wrong = new VerifyCommand({ KeyId: keyId, Message: Buffer.from('other'), Signature, SigningAlgorithm: algorithm });
    await expect(client.send(wrong)).rejects.toMatchObject({ name: 'KMSInvalidSignatureException' });
  });

  test.each(pkcs1Algorithms)('signs a DIGEST with $algorithm as it signs the message', async ({ algorithm, hash }) => {
    const digest = { Message: createHash(hash).update('message').digest(), MessageType: 'DIGEST', SigningAlgorithm: algorithm } as const;
    const Signature = await sign(digest);
    expect(Signature).toEqual(await sign({ SigningAlgorithm: algorithm }));
    await expect(client.send(new VerifyCommand({ KeyId: keyId, ...digest, Signature }))).resolves.toMatchObject({ SignatureValid: true });
    for (const wrong of [Buffer.alloc(256), Buffer.alloc(1), Signature.toReversed()]) {
      const command = new VerifyCommand({ KeyId: keyId, ...digest, Signature: wrong });
      await expect(client.send(command)).rejects.toMatchObject({ name: 'KMSInvalidSignatureException' });
    }
  });

  test.each(pssAlgorithms)('refuses a DIGEST for $algorithm', async ({ algorithm, hash }) => {
    const Message = createHash(hash).update('message').digest();
    await expect(sign({ Message, MessageType: 'DIGEST', SigningAlgorithm: algorithm })).rejects.toMatchObject({ name: 'UnsupportedOperationException' });
  });

  test.each<[string, Partial<SignCommandInput>, string, RegExp]>([
    ['4,097 bytes', { Message: Buffer.alloc(4097) }, 'ValidationException', /at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096/],
    ['no bytes', { Message: Buffer.alloc(0) }, 'ValidationException', /greater than or equal to 1/],
    ['no message', { Message: undefined }, 'ValidationException', /Value null at 'message'/],
    ['a digest too short', { Message: Buffer.alloc(31), MessageType: 'DIGEST' }, 'ValidationException', /Digest is invalid length for algorithm RSASSA_PKCS1_V1_5_SHA_256/],
    ['a digest of another hash', { Message: Buffer.alloc(48), MessageType: 'DIGEST' }, 'ValidationException', /invalid length/],
    ['an algorithm of other keys', { SigningAlgorithm: 'ECDSA_SHA_256' }, 'InvalidKeyUsageException', /Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048/],
    ['an algorithm AWS does not know', { SigningAlgorithm: 'RSASSA_MD5' as 'ECDSA_SHA_256' }, 'ValidationException', /enum value set/],
    ['a message type of other keys', { MessageType: 'EXTERNAL_MU' }, 'ValidationException', /Message type EXTERNAL_MU is incompatible/],
    ['a dry run', { DryRun: true }, 'DryRunOperationException', /would have succeeded/],
  ])('refuses %s', async (_, input, name, message) => {
    await expect(sign(input)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  });
});

describe('naming a key', () => {
  const id = '11111111-2222-4333-8444-555555555555';
  test.each([
    [id, `Key 'arn:aws:kms:eu-west-1:000000000000:key/${id}' does not exist`],
    [`arn:aws:kms:eu-west-1:999999999999:key/${id}`, `Key 'arn:aws:kms:eu-west-1:999999999999:key/${id}' does not exist`],
    [`arn:aws:kms:us-east-1:000000000000:key/${id}`, 'Invalid arn us-east-1'],
    ['arn:aws:s3:::bucket', 'Invalid arn arn:aws:s3:::bucket'],
    ['arn:aws:kms:eu-west-1:000000000000:key/x', 'Invalid keyId \'x\''],
    ['../../etc/passwd', 'Invalid keyId \'../../etc/passwd\''],
    ['alias/ca', 'Alias arn:aws:kms:eu-west-1:000000000000:alias/ca is not found.'],
    ['arn:aws:kms:eu-west-1:000000000000:alias/ca', 'Alias arn:aws:kms:eu-west-1:000000000000:alias/ca is not found.'],
  ])('%s is not found', async (KeyId, message) => {
    await expect(client.send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({ name: 'NotFoundException', message });
  });
});

describe('key states', () => {
  const operations = {
    Sign: (KeyId: string) => client.send(new SignCommand({ KeyId, Message: Buffer.from('m'), SigningAlgorithm: sha256 })),
    GetPublicKey: (KeyId: string) => client.send(new GetPublicKeyCommand({ KeyId })),
    DescribeKey: (KeyId: string) => client.send(new DescribeKeyCommand({ KeyId })),
    GetKeyPolicy: (KeyId: string) => client.send(new GetKeyPolicyCommand({ KeyId })),
    ListResourceTags: (KeyId: string) => client.send(new ListResourceTagsCommand({ KeyId })),
    TagResource: (KeyId: string) => client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'a', TagValue: '' }] })),
    UntagResource: (KeyId: string) => client.send(new UntagResourceCommand({ KeyId, TagKeys: ['a'] })),
    EnableKey: (KeyId: string) => client.send(new EnableKeyCommand({ KeyId })),
    DisableKey: (KeyId: string) => client.send(new DisableKeyCommand({ KeyId })),
    ScheduleKeyDeletion: (KeyId: string) => client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
    CancelKeyDeletion: (KeyId: string) => client.send(new CancelKeyDeletionCommand({ KeyId })),
  };
  type Name = keyof typeof operations;
  const always: Name[] = ['DescribeKey', 'GetKeyPolicy', 'ListResourceTags'];
  const disabled = 'DisabledException';
  const invalid = 'KMSInvalidStateException';

  // What each state refuses; what it does not name works, and leads to the state beside it.
  test.each<[string, Name | undefined, Partial<Record<Name, string>>]>([
    ['Enabled', undefined, { CancelKeyDeletion: invalid }],
    ['Disabled', 'DisableKey', { Sign: disabled, GetPublicKey: disabled, CancelKeyDeletion: invalid }],
    ['PendingDeletion', 'ScheduleKeyDeletion', {
      Sign: invalid, GetPublicKey: invalid, TagResource: invalid, UntagResource: invalid, EnableKey: invalid, DisableKey: invalid, ScheduleKeyDeletion: invalid,
    }],
  ])('%s', async (state, enter, refused) => {
    const { keyId, arn } = await createKey();
    if (enter) await operations[enter](keyId);
    for (const [name, error] of Object.entries(refused)) {
      const message = error === disabled ? `${arn} is disabled.` : name === 'CancelKeyDeletion' ? `${arn} is not pending deletion.` : `${arn} is pending deletion.`;
      await expect(operations[name as Name](keyId)).rejects.toMatchObject({ name: error, message });
    }
    const steady = (['Sign', 'GetPublicKey', 'TagResource', 'UntagResource', ...always] as const).filter((name) => !(name in refused));
    for (const name of steady) await operations[name](keyId);
    expect((await operations.DescribeKey(keyId)).KeyMetadata).toMatchObject({ KeyState: state, Enabled: state === 'Enabled' });
  });

  test.each<[Name[], string]>([
    [['EnableKey'], 'Enabled'],
    [['DisableKey', 'DisableKey'], 'Disabled'],
    [['DisableKey', 'EnableKey'], 'Enabled'],
    [['DisableKey', 'ScheduleKeyDeletion'], 'PendingDeletion'],
    [['ScheduleKeyDeletion', 'CancelKeyDeletion'], 'Disabled'],
    [['ScheduleKeyDeletion', 'CancelKeyDeletion', 'EnableKey'], 'Enabled'],
  ])('%j leads to %s', async (path, state) => {
    const { keyId } = await createKey();
    for (const name of path) await operations[name](keyId);
    const { KeyMetadata } = await operations.DescribeKey(keyId);
    expect(KeyMetadata?.KeyState).toBe(state);
    expect(KeyMetadata?.DeletionDate !== undefined).toBe(state === 'PendingDeletion');
  });

  test('one of many concurrent deletions wins', async () => {
    const { keyId } = await createKey();
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => operations.ScheduleKeyDeletion(keyId)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('a key is gone when its waiting period is over', async () => {
    const { keyId, arn } = await createKey();
    await expect(client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 6 }))).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 31 }))).rejects.toMatchObject({ name: 'ValidationException' });
    const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId }));
    const start = now;
    const deletionDate = new Date(start.getTime() + 30 * 86_400_000);
    expect(scheduled).toMatchObject({ KeyId: arn, KeyState: 'PendingDeletion', PendingWindowInDays: 30, DeletionDate: deletionDate });
    try {
      now = new Date(deletionDate.getTime() - 1);
      expect((await operations.DescribeKey(keyId)).KeyMetadata?.DeletionDate).toEqual(deletionDate);
      now = deletionDate;
      for (const operation of Object.values(operations)) {
        await expect(operation(keyId)).rejects.toMatchObject({ name: 'NotFoundException', message: `Key '${arn}' does not exist` });
      }
    } finally {
      now = start;
    }
  });
});

describe('lists', () => {
  test('ListKeys names every key once, page by page', async () => {
    const created = await Promise.all([createKey(), createKey(), createKey()]);
    const listed: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.send(new ListKeysCommand({ Limit: 4, Marker }));
      expect(page.Truncated).toBe(page.NextMarker !== undefined);
      listed.push(...(page.Keys ?? []).map(({ KeyArn }) => KeyArn ?? ''));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(created.map(({ arn }) => arn)));
  });

  test.each([[{ Limit: 0 }, 'ValidationException'], [{ Limit: 1001 }, 'ValidationException'], [{ Marker: '!' }, 'InvalidMarkerException']])('ListKeys refuses %j', async (input, name) => {
    await expect(client.send(new ListKeysCommand(input))).rejects.toMatchObject({ name });
  });

  test('tags are added, replaced, removed, and listed page by page', async () => {
    const tag = (TagKey: string, TagValue: string) => ({ TagKey, TagValue });
    const { keyId: KeyId } = await createKey({ Tags: [tag('tenant', 'acme'), tag('__proto__', 'x'), tag('agent', 'a-1')] });
    await client.send(new TagResourceCommand({ KeyId, Tags: [tag('agent', 'a-2'), tag('Größe', 'ü')] }));
    await client.send(new UntagResourceCommand({ KeyId, TagKeys: ['tenant', 'absent'] }));
    const first = await client.send(new ListResourceTagsCommand({ KeyId, Limit: 2 }));
    expect(first).toMatchObject({ Truncated: true, Tags: [tag('Größe', 'ü'), tag('__proto__', 'x')] });
    const second = await client.send(new ListResourceTagsCommand({ KeyId, Limit: 2, Marker: first.NextMarker }));
    expect(second).toMatchObject({ Truncated: false, Tags: [tag('agent', 'a-2')] });
    await expect(client.send(new TagResourceCommand({ KeyId, Tags: Array.from({ length: 48 }, (_, index) => tag(`t${index}`, '')) }))).rejects.toMatchObject({ name: 'TagException' });
    expect((await client.send(new ListResourceTagsCommand({ KeyId }))).Tags).toHaveLength(3);
  });
});
