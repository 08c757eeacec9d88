import { createHmac } from 'node:crypto';

export interface SignedDelivery {
  /** Of the event, the same at each attempt. */
  readonly id: string;
  /** Of this attempt, in seconds since 1970. */
  readonly timestampSeconds: number;
  readonly body: string;
}

/** Before the base64 of a secret's octets. */
export const secretPrefix = 'whsec_';

/**
 * The headers by which a receiver knows who sent a delivery, when, and that it is whole: our own, whose key is the secret's
 * text as it was shown, and those of Standard Webhooks (https://www.standardwebhooks.com), whose key is the octets it stands for.
 * @param secrets any of which the receiver may hold: the second is there while one is being rotated
 */
export function signatureHeaders(secrets: readonly string[], { id, timestampSeconds, body }: SignedDelivery): Record<string, string> {
  const ours = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${timestampSeconds}.${body}`).digest('hex')}`);
  const standard = secrets.map((secret) => `v1,${createHmac('sha256', octetsOf(secret)).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`);
  return {
    'X-Kakunin-Signature': [`t=${timestampSeconds}`, ...ours].join(','),
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': standard.join(' '),
  };
}

const octetsOf = (secret: string) => Buffer.from(secret.slice(secretPrefix.length), 'base64');
