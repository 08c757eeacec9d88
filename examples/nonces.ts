import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const goodForMilliseconds = 60_000;
const [expiryOctets, randomOctets, tagOctets] = [8, 18, 16];

/**
 * Nonces that are good once and for 60 seconds. Each says itself when it expires, under a secret, and only those that were used are
 * remembered: whoever asks for many takes nobody's room. Several gateways behind one address need the secret and the used ones in
 * common, with an atomic insert.
 */
export function createNonces() {
  const secret = randomBytes(32);
  const tagOf = (content: Uint8Array) => createHmac('sha256', secret).update(content).digest().subarray(0, tagOctets);
  /** Until when each is remembered; the oldest come first. */
  const used = new Map<string, number>();

  /** Whether the nonce is one of these, has not expired, and was not used. */
  function isFresh(nonce: string): boolean {
    const octets = Buffer.from(nonce, 'base64url');
    if (octets.length !== expiryOctets + randomOctets + tagOctets || octets.toString('base64url') !== nonce) return false;
    const content = octets.subarray(0, -tagOctets);
    return timingSafeEqual(tagOf(content), octets.subarray(-tagOctets)) && content.readDoubleBE() > Date.now() && !used.has(nonce);
  }

  return {
    issue(): string {
      const content = Buffer.concat([Buffer.alloc(expiryOctets), randomBytes(randomOctets)]);
      content.writeDoubleBE(Date.now() + goodForMilliseconds);
      return Buffer.concat([content, tagOf(content)]).toString('base64url');
    },
    isFresh,
    /** Whether the nonce is fresh. It is not any more. */
    use(nonce: string): boolean {
      for (const [old, until] of used) {
        if (until > Date.now()) break;
        used.delete(old);
      }
      if (!isFresh(nonce)) return false;
      used.set(nonce, Date.now() + goodForMilliseconds);
      return true;
    },
  };
}
