import { beforeEach, expect, test } from '@jest/globals';
import type { Webhook } from '../../lambdas/authority/webhook.ts';
import { rememberedSecrets, signingSecrets } from '../../lambdas/authority/webhook-secrets.ts';

const at = (second: number) => new Date(Date.UTC(2026, 10, 25, 12, 0, second));
const octets = (text: string) => new Uint8Array(Buffer.from(text));
const webhook: Webhook = { id: 'w', tenantId: 't', url: 'https://example.com', events: ['agent.created'], active: true, encryptedSecret: octets('one'), createdAt: '', updatedAt: '' };

let now: Date;
let calls: string[];
let fails: boolean;
let secrets: ReturnType<typeof rememberedSecrets>;

beforeEach(() => {
  [now, calls, fails] = [at(0), [], false];
  const decrypt = async (encrypted: Uint8Array, { tenantId, id }: Pick<Webhook, 'id' | 'tenantId'>) => {
    calls.push(`${tenantId} ${id} ${Buffer.from(encrypted).toString()}`);
    if (fails) throw new Error('Not now.');
    return `whsec_${Buffer.from(encrypted).toString()}`;
  };
  secrets = rememberedSecrets({ decrypt }, () => now);
});

test('a secret is decrypted once in five minutes, and then anew', async () => {
  for (const second of [0, 1, 299]) {
    now = at(second);
    expect(await secrets.decrypt(webhook.encryptedSecret, webhook)).toBe('whsec_one');
  }
  expect(calls).toHaveLength(1);
  now = at(300);
  await secrets.decrypt(webhook.encryptedSecret, webhook);
  expect(calls).toHaveLength(2);
});

test('those who ask at once wait for one decryption', async () => {
  await Promise.all(Array.from({ length: 10 }, () => secrets.decrypt(webhook.encryptedSecret, webhook)));
  expect(calls).toHaveLength(1);
});

test('each webhook and each tenant has its own to ask for, though the octets be the same', async () => {
  for (const other of [webhook, { ...webhook, id: 'v' }, { ...webhook, tenantId: 'u' }, { ...webhook, encryptedSecret: octets('two') }]) await secrets.decrypt(other.encryptedSecret, other);
  expect(calls).toEqual(['t w one', 't v one', 'u w one', 't w two']);
});

test('a failure is not remembered', async () => {
  fails = true;
  await expect(secrets.decrypt(webhook.encryptedSecret, webhook)).rejects.toThrow('Not now.');
  fails = false;
  expect(await secrets.decrypt(webhook.encryptedSecret, webhook)).toBe('whsec_one');
});

test('the secret before signs beside the secret until its time is over', async () => {
  const rotated = { ...webhook, previousSecret: { encryptedSecret: octets('old'), expiresAt: at(10).toISOString() } };
  expect(await signingSecrets(secrets, rotated, at(9).toISOString())).toEqual(['whsec_one', 'whsec_old']);
  expect(await signingSecrets(secrets, rotated, at(10).toISOString())).toEqual(['whsec_one']);
  expect(await signingSecrets(secrets, webhook, at(9).toISOString())).toEqual(['whsec_one']);
});
