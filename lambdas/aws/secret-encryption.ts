import { DecryptCommand, EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { SecretEncryption } from '../authority/ports.ts';
import type { Webhook } from '../authority/webhook.ts';
import { callingKms } from './failures.ts';

// Time enough for the repetitions of a call that KMS throttles, and far less than a request has.
const within = () => ({ abortSignal: AbortSignal.timeout(7_000) });

/**
 * Secrets of webhooks, encrypted by the symmetric key `keyArn` with their webhook as encryption context: KMS decrypts one
 * only for whoever names the same tenant and webhook, says so in CloudTrail, and holds IAM's conditions against it.
 * https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
 */
export function secretEncryption(client: KMSClient, keyArn: string): SecretEncryption {
  return {
    encrypt: (secret, webhook) =>
      callingKms(async () => {
        const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: keyArn, Plaintext: Buffer.from(secret), EncryptionContext: contextOf(webhook) }), within());
        return new Uint8Array(required(CiphertextBlob));
      }),

    decrypt: (encryptedSecret, webhook) =>
      callingKms(async () => {
        const { Plaintext } = await client.send(new DecryptCommand({ KeyId: keyArn, CiphertextBlob: encryptedSecret, EncryptionContext: contextOf(webhook) }), within());
        return Buffer.from(required(Plaintext)).toString();
      }),
  };
}

/** What it consists of is also in the key's conditions (lib/webhook-key.ts). */
const contextOf = ({ id, tenantId }: Pick<Webhook, 'id' | 'tenantId'>) => ({ tenant_id: tenantId, webhook_id: id });

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('KMS answered without what was asked for.');
  return value;
}
