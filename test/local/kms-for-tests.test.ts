import { afterEach, describe, expect, test } from '@jest/globals';
import { CreateKeyCommand, GetPublicKeyCommand, KMSClient, ScheduleKeyDeletionCommand, SignCommand, type KeySpec } from '@aws-sdk/client-kms';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { localCredentials, region } from '../../local/account.ts';
import { startKms, type EmbeddedKms, type EmbeddedKmsOptions } from '../../local/kms.ts';
import { createQuotas } from '../../local/kms/quotas.ts';
import { keyPool } from '../support/key-pool.ts';
import { temporaryDirectory, removeTemporaryDirectories } from './temporary-directory.ts';

let kms: EmbeddedKms;
let client: KMSClient;

async function open(options: EmbeddedKmsOptions): Promise<void> {
  kms = await startKms(options);
  client = new KMSClient({ endpoint: kms.endpoint, region, credentials: localCredentials, maxAttempts: 1 });
}
afterEach(async () => {
  client.destroy();
  await kms.close();
  await removeTemporaryDirectories();
});

async function createKey(keySpec: KeySpec = 'RSA_2048'): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec: keySpec, KeyUsage: 'SIGN_VERIFY' }));
  return KeyMetadata?.Arn ?? '';
}
const publicKey = async (KeyId: string) => Buffer.from((await client.send(new GetPublicKeyCommand({ KeyId }))).PublicKey ?? []);

describe('key material from elsewhere', () => {
  test('comes from a pool that is used again and again, one for each key spec, and signs', async () => {
    await open({ keyMaterial: keyPool(2) });
    const arns = [await createKey(), await createKey(), await createKey(), await createKey('RSA_3072')];
    expect(new Set(arns).size).toBe(4);
    const [first, second, third, larger] = await Promise.all(arns.map(publicKey));
    expect(third).toEqual(first);
    expect(second).not.toEqual(first);
    expect(createPublicKey({ key: larger as Buffer, format: 'der', type: 'spki' }).asymmetricKeyDetails?.modulusLength).toBe(3072);
    const digest = createHash('sha256').update('message').digest();
    const { Signature } = await client.send(new SignCommand({ KeyId: arns[2], Message: digest, MessageType: 'DIGEST', SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' }));
    expect(verify('sha256', Buffer.from('message'), createPublicKey({ key: first as Buffer, format: 'der', type: 'spki' }), Signature as Uint8Array)).toBe(true);
  });

  test('is kept like any other', async () => {
    const dataDirectory = await temporaryDirectory();
    await open({ dataDirectory, keyMaterial: keyPool(1) });
    const arn = await createKey();
    const before = await publicKey(arn);
    client.destroy();
    await kms.close();
    await open({ dataDirectory });
    expect(await publicKey(arn)).toEqual(before);
  });

  test('of another size than was asked for makes no key', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await open({ keyMaterial: async () => privateKey.export({ type: 'pkcs8', format: 'der' }) });
    await expect(createKey('RSA_4096')).rejects.toThrow('its private key is not RSA_4096');
  });
});

describe('quotas', () => {
  test('let through what KMS lets through in a second, and throttle the rest', async () => {
    await open({ quotas: true, keyMaterial: keyPool(1) });
    const keys = await Promise.allSettled(Array.from({ length: 7 }, () => createKey()));
    expect(keys.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    const refused = keys.flatMap((key) => (key.status === 'rejected' ? [key.reason as { name: string; $metadata: { httpStatusCode: number } }] : []));
    expect(refused.map(({ name, $metadata }) => [name, $metadata.httpStatusCode])).toEqual([['ThrottlingException', 400], ['ThrottlingException', 400]]);
  });

  test('hold for some operations only, where those are named', async () => {
    await open({ quotas: ['ScheduleKeyDeletion'], keyMaterial: keyPool(1) });
    const keyIds = await Promise.all(Array.from({ length: 20 }, () => createKey()));
    const deletions = await Promise.allSettled(keyIds.map((KeyId) => client.send(new ScheduleKeyDeletionCommand({ KeyId }))));
    const { length: done } = deletions.filter(({ status }) => status === 'fulfilled');
    expect(done).toBeGreaterThanOrEqual(15);
    expect(done).toBeLessThan(20);
  });

  test('are of any number for operations that are given one', async () => {
    await open({ quotas: { CreateKey: 2, ScheduleKeyDeletion: 1 }, keyMaterial: keyPool(1) });
    const keys = await Promise.allSettled(Array.from({ length: 4 }, () => createKey()));
    const keyIds = keys.flatMap((key) => (key.status === 'fulfilled' ? [key.value] : []));
    expect(keyIds).toHaveLength(2);
    const deletions = await Promise.allSettled(keyIds.map((KeyId) => client.send(new ScheduleKeyDeletionCommand({ KeyId }))));
    expect(deletions.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('are off unless asked for', async () => {
    await open({ keyMaterial: keyPool(1) });
    await Promise.all(Array.from({ length: 20 }, async () => client.send(new ScheduleKeyDeletionCommand({ KeyId: await createKey() }))));
  });

  test('count within each second that begins anywhere, operations apart or together as KMS has them, and not what was refused', async () => {
    await open({});
    let now = 0;
    const admit = createQuotas(true, () => now);
    const burst = (operation: string, count: number) => {
      let admitted = 0;
      for (let index = 0; index < count; index++) {
        try {
          admit(operation);
          admitted++;
        } catch (error) {
          expect((error as Error).name).toBe('ThrottlingException');
        }
      }
      return admitted;
    };
    expect(burst('ScheduleKeyDeletion', 10)).toBe(10);
    now = 900;
    expect(burst('ScheduleKeyDeletion', 10)).toBe(5);
    now = 1000;
    expect(burst('ScheduleKeyDeletion', 100)).toBe(10);
    now = 1900;
    expect(burst('ScheduleKeyDeletion', 100)).toBe(5);
    expect(burst('CreateKey', 100)).toBe(5);
    expect([burst('Sign', 600), burst('Verify', 600)]).toEqual([600, 400]);
    expect(burst('GetKeyPolicy', 5000)).toBe(5000);
  });
});
