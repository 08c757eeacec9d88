import { randomBytes } from 'node:crypto';

const goodForMilliseconds = 60_000;
const outstandingMax = 100_000;

/** Nonces that are good once and for 60 seconds. Several gateways behind one address need a store in common, with an atomic delete. */
export function createNonces() {
  const expiries = new Map<string, number>();
  return {
    /** A new nonce; undefined where too many are outstanding. */
    issue(): string | undefined {
      for (const [nonce, expiry] of expiries) {
        if (expiry > Date.now()) break; // the oldest come first
        expiries.delete(nonce);
      }
      if (expiries.size >= outstandingMax) return undefined;
      const nonce = randomBytes(24).toString('base64url');
      expiries.set(nonce, Date.now() + goodForMilliseconds);
      return nonce;
    },
    /** Whether the nonce is one of these and fresh. It is not any more. */
    use(nonce: string): boolean {
      const expiry = expiries.get(nonce);
      return expiries.delete(nonce) && expiry !== undefined && expiry > Date.now();
    },
  };
}
