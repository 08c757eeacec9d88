import { createHash, timingSafeEqual } from 'node:crypto';
import { scopes, type Scope } from './scopes.ts';

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
}

/** An API key as it is stored: its SHA-256, never the key. */
export interface ApiKey {
  /** Hexadecimal SHA-256 of the key. A key has 256 random bits, so a plain hash is as hard to invert as the key to guess. */
  readonly keyHash: string;
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Present on a key that an agent itself holds. */
  readonly agentId?: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

/** Whoever holds a valid key. */
export interface Principal {
  readonly keyId: string;
  readonly tenantId: string;
  readonly scopes: readonly Scope[];
  readonly agentId?: string;
}

/** What an agent's own key may be given; above all not risk:write, by which an agent would judge itself. */
const scopesOfAgents: readonly Scope[] = ['agents:read', 'agents:sign', 'events:read', 'events:write'];

/** A new key in the clear, from 32 random bytes: `kak_live_…` or `kak_test_…`. Shown once, never stored. */
export function formatApiKey(mode: 'live' | 'test', random32: Uint8Array): string {
  if (random32.length !== 32) throw new RangeError('An API key is made of exactly 32 random bytes.');
  return `kak_${mode}_${Buffer.from(random32).toString('base64url')}`;
}

/** Hexadecimal SHA-256 of a key, under which it is stored and looked up. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** The key in `Authorization: Bearer kak_live_…`, or undefined where the header holds no such thing. */
export function bearerApiKey(header: string | undefined): string | undefined {
  return /^Bearer (kak_(?:live|test)_[A-Za-z0-9_-]{1,128})$/.exec(header ?? '')?.[1];
}

/** Throws RangeError where `wanted` is empty, names an unknown scope, or one that an agent's own key may not have. */
export function checkScopes(wanted: readonly string[], agentId: string | undefined): asserts wanted is readonly Scope[] {
  const allowed: readonly string[] = agentId === undefined ? scopes : scopesOfAgents;
  const refused = wanted.filter((scope) => !allowed.includes(scope));
  if (wanted.length === 0 || refused.length > 0) {
    throw new RangeError(`${refused.length > 0 ? `Not possible here: ${refused.join(', ')}. ` : ''}Name one or more of these scopes: ${allowed.join(', ')}.`);
  }
}

/** Who presents `key` at `now`, given what is stored under its hash; undefined where it is unknown, revoked or expired. */
export function authenticate(key: string, stored: ApiKey | undefined, now: string): Principal | undefined {
  if (stored === undefined) return undefined;
  // The look-up found it by this very hash; compared once more, in constant time, so that no index can ever decide alone.
  if (!timingSafeEqual(Buffer.from(hashApiKey(key), 'hex'), Buffer.from(stored.keyHash, 'hex'))) return undefined;
  if (stored.revokedAt !== undefined || (stored.expiresAt !== undefined && stored.expiresAt <= now)) return undefined;
  const { id: keyId, tenantId, agentId } = stored;
  return agentId === undefined
    ? { keyId, tenantId, scopes: stored.scopes }
    : { keyId, tenantId, agentId, scopes: stored.scopes.filter((scope) => scopesOfAgents.includes(scope)) };
}
