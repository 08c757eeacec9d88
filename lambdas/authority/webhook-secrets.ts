import type { SecretEncryption } from './ports.ts';
import type { Webhook } from './webhook.ts';

type Decryption = Pick<SecretEncryption, 'decrypt'>;

const lifeMilliseconds = 5 * 60_000;

/** Decryption that remembers each secret for five minutes, so that a burst of deliveries costs KMS one call. */
export function rememberedSecrets({ decrypt }: Decryption, clock: () => Date): Decryption {
  const remembered = new Map<string, { readonly secret: Promise<string>; readonly expiresAt: number }>();
  return {
    decrypt(encryptedSecret, webhook) {
      const now = clock().getTime();
      for (const [key, { expiresAt }] of remembered) {
        if (expiresAt <= now) remembered.delete(key);
      }
      // Under the webhook's name, so that what belongs to another is still refused by KMS.
      const key = [webhook.tenantId, webhook.id, Buffer.from(encryptedSecret).toString('base64')].join(' ');
      const known = remembered.get(key);
      if (known !== undefined) return known.secret;
      const secret = decrypt(encryptedSecret, webhook);
      remembered.set(key, { secret, expiresAt: now + lifeMilliseconds });
      secret.catch(() => remembered.delete(key));
      return secret;
    },
  };
}

/** What deliveries are signed with now: the secret, and the one before it for as long as that counts. */
export function signingSecrets({ decrypt }: Decryption, webhook: Webhook, now: string): Promise<string[]> {
  const { encryptedSecret, previousSecret } = webhook;
  const counting = [encryptedSecret, ...(previousSecret !== undefined && previousSecret.expiresAt > now ? [previousSecret.encryptedSecret] : [])];
  return Promise.all(counting.map((encrypted) => decrypt(encrypted, webhook)));
}
