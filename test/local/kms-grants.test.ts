import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  CreateGrantCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListGrantsCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type CreateGrantCommandInput,
  type RetireGrantCommandInput,
} from '@aws-sdk/client-kms';
import { startKms, type EmbeddedKms } from '../../local/kms.ts';

const role = 'arn:aws:iam::123456789012:role/agents/payments';
const otherRole = 'arn:aws:iam::123456789012:role/other';
const noGrant = 'f'.repeat(64);
const now = new Date('2026-03-01T12:00:00.250Z');

let kms: EmbeddedKms;
let client: KMSClient;
let KeyId: string;
let arn: string;

const clientOf = (endpoint: string) => new KMSClient({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, maxAttempts: 1 });

/** From here on, the tests are about a new key. */
async function useNewKey(symmetric = false) {
  const { KeyMetadata } = await client.send(new CreateKeyCommand(symmetric ? {} : { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }));
  ({ KeyId = '', Arn: arn = '' } = KeyMetadata ?? {});
}

async function grant(input: Partial<CreateGrantCommandInput> = {}) {
  const { GrantId = '', GrantToken = '' } = await client.send(new CreateGrantCommand({ KeyId, GranteePrincipal: role, Operations: ['Sign'], ...input }));
  return { GrantId, GrantToken };
}

const list = async (input: { GrantId?: string; GranteePrincipal?: string } = {}) => (await client.send(new ListGrantsCommand({ KeyId, ...input }))).Grants ?? [];
const retire = (input: RetireGrantCommandInput) => client.send(new RetireGrantCommand(input));

beforeAll(async () => {
  kms = await startKms({ clock: () => now });
  client = clientOf(kms.endpoint);
  await useNewKey();
});
afterAll(async () => {
  client.destroy();
  await kms.close();
});

describe('CreateGrant', () => {
  test('answers with an id and a token; ListGrants shows what was granted', async () => {
    const constraints = { SourceArn: 'arn:aws:lambda:eu-west-1:123456789012:function:pay' };
    const { GrantId, GrantToken } = await grant({ Operations: ['Sign', 'GetPublicKey', 'Sign'], RetiringPrincipal: otherRole, Name: 'agent:1/x_y-z', Constraints: constraints });
    expect(GrantId).toMatch(/^[0-9a-f]{64}$/);
    expect(GrantToken).toMatch(/^[\w-]{100,}$/);
    expect(await list()).toEqual([{
      KeyId: arn, GrantId, Name: 'agent:1/x_y-z', CreationDate: now, GranteePrincipal: role, RetiringPrincipal: otherRole,
      IssuingAccount: 'arn:aws:iam::000000000000:root', Operations: ['Sign', 'GetPublicKey'], Constraints: constraints,
    }]);
  });

  test('keeps the encryption context a symmetric key is constrained to', async () => {
    await useNewKey(true);
    const Constraints = { EncryptionContextSubset: { tenant: 'acme', ['__proto__']: 'x' } };
    await grant({ Operations: ['Decrypt', 'GenerateDataKey'], Constraints });
    expect(await list()).toMatchObject([{ Operations: ['Decrypt', 'GenerateDataKey'], Constraints }]);
  });

  test('without a name grants anew each time; with one, the same request gives the same grant and another token', async () => {
    await useNewKey();
    const unnamed = await Promise.all([grant(), grant()]);
    expect(unnamed[0].GrantId).not.toBe(unnamed[1].GrantId);
    const named = await Promise.all([1, 2, 3, 4].map(() => grant({ Name: 'retried' })));
    expect(new Set(named.map(({ GrantId }) => GrantId)).size).toBe(1);
    expect(new Set(named.map(({ GrantToken }) => GrantToken)).size).toBe(4);
    const other = await grant({ Name: 'retried', Operations: ['Verify'] });
    expect(other.GrantId).not.toBe(named[0]?.GrantId);
    expect(await list()).toHaveLength(4);
    for (const { GrantToken } of named.slice(0, 2)) await client.send(new DescribeKeyCommand({ KeyId, GrantTokens: [GrantToken] }));
  });

  test.each([
    'arn:aws:iam::123456789012:root', 'arn:aws:iam::123456789012:user/path/alice', 'arn:aws:iam::123456789012:role/Agent+=,.@-_',
    'arn:aws:sts::123456789012:assumed-role/Agent/session', 'arn:aws:sts::123456789012:federated-user/bob',
  ])('takes the principal %s', async (GranteePrincipal) => {
    await grant({ GranteePrincipal });
    expect(await list({ GranteePrincipal })).toHaveLength(1);
  });

});

describe('CreateGrant and what it refuses', () => {
  beforeAll(() => useNewKey());

  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
  const invalidArn = 'InvalidArnException';
  const validation = 'ValidationException';
  const unsupported = 'UnsupportedOperationException';
  test.each<[string, Partial<CreateGrantCommandInput>, string, RegExp]>([
    ['a principal that is none', { GranteePrincipal: 'arn:aws:s3:::bucket' }, invalidArn, /ARN does not refer to a valid principal: arn:aws:s3:::bucket/],
    ['a role without a name', { GranteePrincipal: 'arn:aws:iam::123456789012:role/' }, invalidArn, /valid principal/],
    ['everybody', { GranteePrincipal: '*' }, invalidArn, /valid principal/],
    ['a retiring principal that is none', { RetiringPrincipal: 'alice' }, invalidArn, /valid principal/],
    ['no principal', { GranteePrincipal: undefined }, validation, /Value null at 'granteePrincipal'/],
    ['a long principal', { GranteePrincipal: `arn:aws:iam::123456789012:role/${'x'.repeat(256)}` }, validation, /less than or equal to 256/],
    ['no operations', { Operations: undefined }, validation, /Value null at 'operations'/],
    ['an empty list of operations', { Operations: [] }, validation, /greater than or equal to 1/],
    ['an operation that AWS does not know', { Operations: ['Sing' as 'Sign'] }, validation, /enum value set/],
    ['an operation of symmetric keys', { Operations: ['Sign', 'Decrypt'] }, validation, /RSA_2048 cannot permit Decrypt; it can permit CreateGrant, RetireGrant, DescribeKey, Sign, Verify, GetPublicKey/],
    ['an encryption context', { Constraints: { EncryptionContextEquals: { a: 'b' } } }, validation, /no encryption context/],
    ['nine pairs of a context', { Constraints: { EncryptionContextSubset: pairs(9) } }, validation, /at most 8 pairs/],
    ['a long value of a context', { Constraints: { EncryptionContextSubset: { a: 'x'.repeat(385) } } }, validation, /at most 384 characters/],
    ['a name with a blank', { Name: 'my grant' }, validation, /regular expression pattern/],
    ['a long name', { Name: 'x'.repeat(257) }, validation, /less than or equal to 256/],
    ['a service principal', { GranteePrincipal: undefined, GranteeServicePrincipal: 'dynamodb.amazonaws.com' }, unsupported, /GranteeServicePrincipal must be absent/],
    ['a token of no grant', { GrantTokens: ['nonsense'] }, 'InvalidGrantTokenException', /not one of a grant/],
    ['eleven tokens', { GrantTokens: Array.from({ length: 11 }, () => 'x') }, validation, /less than or equal to 10/],
    ['a dry run', { DryRun: true }, 'DryRunOperationException', /would have succeeded/],
    ['a key that is not there', { KeyId: '11111111-2222-4333-8444-555555555555' }, 'NotFoundException', /does not exist/],
  ])('refuses %s and grants nothing', async (_, input, name, message) => {
    await expect(grant(input)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    expect(await list()).toEqual([]);
  });

  test('refuses to sign with a symmetric key', async () => {
    await useNewKey(true);
    await expect(grant()).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining('SYMMETRIC_DEFAULT cannot permit Sign') });
  });
});

describe('ListGrants', () => {
  test('shows all page by page, or those of one grantee, or one', async () => {
    await useNewKey();
    const ids = await Promise.all(Array.from({ length: 5 }, async (_, index) => (await grant(index === 0 ? { GranteePrincipal: otherRole } : {})).GrantId));
    const listed: (string | undefined)[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.send(new ListGrantsCommand({ KeyId, Limit: 2, Marker }));
      expect(page.Truncated).toBe(page.NextMarker !== undefined);
      listed.push(...(page.Grants ?? []).map(({ GrantId }) => GrantId));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    expect(listed).toEqual([...ids].sort());
    expect((await list({ GranteePrincipal: otherRole })).map(({ GrantId }) => GrantId)).toEqual([ids[0]]);
    expect((await list({ GrantId: ids[3] ?? '' })).map(({ GrantId }) => GrantId)).toEqual([ids[3]]);
    expect(await list({ GrantId: noGrant })).toEqual([]);
  });

  test.each([[{ Limit: 0 }, 'ValidationException'], [{ Limit: 101 }, 'ValidationException'], [{ Marker: '!' }, 'InvalidMarkerException'], [{ GrantId: 'x' }, 'InvalidGrantIdException']])('refuses %j', async (input, name) => {
    await expect(client.send(new ListGrantsCommand({ KeyId, ...input }))).rejects.toMatchObject({ name });
  });
});

describe('RetireGrant and RevokeGrant', () => {
  test('remove one grant: by token, by ARN and id, by key and id', async () => {
    await useNewKey();
    const [byToken, byId, revoked, kept] = await Promise.all([grant(), grant(), grant(), grant()]);
    await retire({ GrantToken: byToken.GrantToken });
    await retire({ KeyId: arn, GrantId: byId.GrantId });
    await client.send(new RevokeGrantCommand({ KeyId, GrantId: revoked.GrantId }));
    expect((await list()).map(({ GrantId }) => GrantId)).toEqual([kept.GrantId]);
    await expect(retire({ GrantToken: byToken.GrantToken })).rejects.toMatchObject({ name: 'InvalidGrantTokenException' });
    await expect(client.send(new RevokeGrantCommand({ KeyId, GrantId: revoked.GrantId }))).rejects.toMatchObject({ name: 'NotFoundException', message: `Grant ID ${revoked.GrantId} not found` });
  });

  test.each<[string, () => RetireGrantCommandInput, string]>([
    ['nothing', () => ({}), 'ValidationException'],
    ['an id alone', () => ({ GrantId: noGrant }), 'ValidationException'],
    ['token and id', () => ({ GrantToken: 'x', GrantId: noGrant }), 'ValidationException'],
    ['a key that is not named by its ARN', () => ({ KeyId, GrantId: noGrant }), 'InvalidArnException'],
    ['an id that is none', () => ({ KeyId: arn, GrantId: 'x' }), 'InvalidGrantIdException'],
    ['a grant that is not there', () => ({ KeyId: arn, GrantId: noGrant }), 'NotFoundException'],
    ['a token that is none', () => ({ GrantToken: 'A'.repeat(128) }), 'InvalidGrantTokenException'],
  ])('RetireGrant refuses %s', async (_, input, name) => {
    const { GrantId } = await grant();
    await expect(retire(input())).rejects.toMatchObject({ name });
    expect(await list({ GrantId })).toHaveLength(1);
  });

  test('a dry run removes nothing', async () => {
    const { GrantId, GrantToken } = await grant();
    await expect(retire({ GrantToken, DryRun: true })).rejects.toMatchObject({ name: 'DryRunOperationException' });
    await expect(client.send(new RevokeGrantCommand({ KeyId, GrantId, DryRun: true }))).rejects.toMatchObject({ name: 'DryRunOperationException' });
    expect(await list({ GrantId })).toHaveLength(1);
  });
});

test('a token is good for as long as its grant, and no other is', async () => {
  const { GrantId, GrantToken } = await grant();
  const sign = (token: string) => client.send(new SignCommand({ KeyId, Message: Buffer.from('m'), SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256', GrantTokens: [token] }));
  const publicKey = (token: string) => client.send(new GetPublicKeyCommand({ KeyId, GrantTokens: [token] }));
  for (const use of [sign, publicKey]) {
    await use(GrantToken);
    const bytes = Buffer.from(GrantToken, 'base64url');
    // Each byte of it counts: the key's, the grant's, the nonce's, the MAC's.
    for (const position of [0, 20, 50, bytes.length - 1]) {
      const forged = Buffer.from(bytes);
      forged[position] = (forged[position] ?? 0) ^ 1;
      await expect(use(forged.toString('base64url'))).rejects.toMatchObject({ name: 'InvalidGrantTokenException' });
    }
    await expect(use(`${GrantToken}AAAA`)).rejects.toMatchObject({ name: 'InvalidGrantTokenException' });
  }
  await client.send(new RevokeGrantCommand({ KeyId, GrantId }));
  for (const use of [sign, publicKey]) await expect(use(GrantToken)).rejects.toMatchObject({ name: 'InvalidGrantTokenException' });
});

test.each(['Disabled', 'PendingDeletion'] as const)('of a key that is %s, grants are listed and removed, and none are made', async (state) => {
  await useNewKey();
  const [first, second] = await Promise.all([grant(), grant()]);
  await client.send(state === 'Disabled' ? new DisableKeyCommand({ KeyId }) : new ScheduleKeyDeletionCommand({ KeyId }));
  await expect(grant()).rejects.toMatchObject({ name: state === 'Disabled' ? 'DisabledException' : 'KMSInvalidStateException' });
  expect(await list()).toHaveLength(2);
  await retire({ GrantToken: first.GrantToken });
  await client.send(new RevokeGrantCommand({ KeyId, GrantId: second.GrantId }));
  expect(await list()).toEqual([]);
});

describe('with a data directory', () => {
  let dataDirectory: string;
  beforeEach(async () => (dataDirectory = join(await mkdtemp(join(tmpdir(), 'kakunin-kms-')), 'keys')));

  async function withKms<T>(use: (client: KMSClient) => Promise<T>): Promise<T> {
    const embedded = await startKms({ dataDirectory });
    const other = clientOf(embedded.endpoint);
    try {
      return await use(other);
    } finally {
      other.destroy();
      await embedded.close();
    }
  }

  test('grants and their tokens outlive a restart, and a key has at most 50,000', async () => {
    const created = await withKms(async (other) => {
      const { KeyMetadata } = await other.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }));
      const ofKey = { KeyId: KeyMetadata?.KeyId };
      const { GrantToken } = await other.send(new CreateGrantCommand({ ...ofKey, GranteePrincipal: role, Operations: ['Sign'] }));
      return { ...ofKey, GrantToken, grants: (await other.send(new ListGrantsCommand(ofKey))).Grants };
    });
    const ofKey = { KeyId: created.KeyId };
    await withKms(async (other) => {
      expect((await other.send(new ListGrantsCommand(ofKey))).Grants).toEqual(created.grants);
      await other.send(new DescribeKeyCommand({ ...ofKey, GrantTokens: [created.GrantToken ?? ''] }));
    });

    const file = join(dataDirectory, `${created.KeyId}.json`);
    const stored = JSON.parse(await readFile(file, 'utf8')) as { grants: { grantId: string }[] };
    const many = Array.from({ length: 49_998 }, (_, index) => ({ ...stored.grants[0], grantId: index.toString(16).padStart(64, '0') }));
    await writeFile(file, JSON.stringify({ ...stored, grants: [...stored.grants, ...many] }));
    await withKms(async (other) => {
      const another = () => other.send(new CreateGrantCommand({ ...ofKey, GranteePrincipal: role, Operations: ['Sign'], Name: 'last' }));
      const last = await another();
      await expect(other.send(new CreateGrantCommand({ ...ofKey, GranteePrincipal: role, Operations: ['Sign'] }))).rejects.toMatchObject({ name: 'LimitExceededException' });
      expect((await another()).GrantId).toBe(last.GrantId);
    });
    await rm(join(dataDirectory, '..'), { recursive: true });
  });
});
