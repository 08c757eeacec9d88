import { createHash, createPublicKey, verify } from 'node:crypto';
import { KMSInvalidStateException, SignCommand, type KMSClient } from '@aws-sdk/client-kms';
import { insist } from './failure.ts';

/** The agent's key, as whoever may use it in the account does. */
export interface AgentKey {
  /** Has KMS sign the text, and checks it with the certificate. @returns how long the signature is, in bits. */
  sign(text: string): Promise<number>;
  /** What KMS says to a signature that it refuses for ever; undefined while it signs. */
  refusal(): Promise<string | undefined>;
}

export function agentKey(client: KMSClient, keyArn: string, certificatePem: string, signal: AbortSignal): AgentKey {
  const signature = async (text: string) => {
    const digest = createHash('sha256').update(text).digest();
    const command = new SignCommand({ KeyId: keyArn, MessageType: 'DIGEST', Message: digest, SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' });
    return (await client.send(command, { abortSignal: signal })).Signature ?? new Uint8Array();
  };
  return {
    async sign(text) {
      const signed = await signature(text);
      insist(verify('sha256', Buffer.from(text), createPublicKey(certificatePem), signed), 'The certificate’s public key must verify what its key signed, and it does not.');
      return signed.length * 8;
    },
    async refusal() {
      try {
        await signature('');
        return undefined;
      } catch (error) {
        if (error instanceof KMSInvalidStateException) return `${error.name}: ${error.message}`;
        throw error;
      }
    },
  };
}
