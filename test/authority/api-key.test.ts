import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { authenticate, bearerApiKey, checkScopes, formatApiKey, hashApiKey, type ApiKey } from '../../lambdas/authority/api-key.ts';
import { scopes, type Scope } from '../../lambdas/authority/scopes.ts';

const now = '2026-05-17T10:00:00.000Z';
const justBefore = '2026-05-17T09:59:59.999Z';
const later = '2026-05-17T10:00:00.001Z';

const key = 'kak_test_abc';
const stored = (fields: Partial<ApiKey> = {}): ApiKey => ({ keyHash: hashApiKey(key), id: 'k', tenantId: 'acme', name: 'ci', scopes: [...scopes], createdAt: justBefore, ...fields });

describe('the form of a key', () => {
  test('a prefix that says its mode, and 32 bytes of randomness', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom('live', 'test'), (random, mode) => {
      const formatted = formatApiKey(mode, random);
      expect(formatted).toMatch(new RegExp(`^kak_${mode}_[A-Za-z0-9_-]{43}$`));
      expect([...Buffer.from(formatted.slice(9), 'base64url')]).toEqual([...random]);
      expect(bearerApiKey(`Bearer ${formatted}`)).toBe(formatted);
    }));
    for (const length of [0, 16, 31, 33]) expect(() => formatApiKey('live', new Uint8Array(length))).toThrow(RangeError);
  });

  test('its hash is SHA-256', () => {
    expect(hashApiKey(key)).toBe(createHash('sha256').update(key).digest('hex'));
  });

  test.each([
    undefined, '', 'Bearer', 'Bearer ', key, `bearer ${key}`, `Bearer  ${key}`, `Bearer ${key} `, `Bearer ${key}\n`, ` Bearer ${key}`, 'Bearer kak_prod_abc', 'Bearer kak_test_', 'Bearer kak_test_a b', 'Bearer kak_test_ä',
    `Bearer kak_test_${'a'.repeat(129)}`, `Basic ${key}`,
  ])('%j carries none', (header) => {
    expect(bearerApiKey(header)).toBeUndefined();
  });
});

describe('authenticate', () => {
  test('answers whose the key is', () => {
    expect(authenticate(key, stored(), now)).toEqual({ keyId: 'k', tenantId: 'acme', scopes });
  });

  test.each([
    ['is unknown', undefined],
    ['is stored under a hash that is not its own', stored({ keyHash: hashApiKey('kak_test_other') })],
    ['is revoked', stored({ revokedAt: justBefore })],
    ['is to be revoked later, even so', stored({ revokedAt: later })],
    ['expires now', stored({ expiresAt: now })],
    ['has expired', stored({ expiresAt: justBefore })],
  ])('answers nobody where it %s', (_, found) => {
    expect(authenticate(key, found, now)).toBeUndefined();
  });

  test('answers until the last millisecond before the expiry', () => {
    expect(authenticate(key, stored({ expiresAt: later }), now)?.keyId).toBe('k');
  });

  test('an agent’s own key never has more than an agent may do, whatever is stored of it', () => {
    fc.assert(fc.property(fc.subarray([...scopes]), (given) => {
      const principal = authenticate(key, stored({ agentId: 'a', scopes: given }), now);
      expect(principal).toEqual({ keyId: 'k', tenantId: 'acme', agentId: 'a', scopes: given.filter((scope) => ['agents:read', 'agents:sign', 'events:read', 'events:write'].includes(scope)) });
    }));
    expect(authenticate(key, stored({ agentId: 'a' }), now)?.scopes).not.toContain('risk:write');
  });
});

describe('checkScopes', () => {
  test('takes any of the known scopes for a tenant’s key', () => {
    fc.assert(fc.property(fc.subarray([...scopes], { minLength: 1 }), (wanted) => {
      expect(() => checkScopes(wanted, undefined)).not.toThrow();
    }));
  });

  test.each<[string, string[], string | undefined]>([
    ['none', [], undefined],
    ['an unknown one', ['agents:read', 'everything'], undefined],
    ['a misspelt one', ['Agents:read'], undefined],
    ['an inherited name', ['constructor'], undefined],
    ['risk:write for an agent', ['risk:write'], 'a'],
    ['risk:write beside what an agent may', ['events:write', 'risk:write'], 'a'],
    ['certificates:issue for an agent', ['certificates:issue'], 'a'],
  ])('refuses %s, and says what is possible', (_, wanted, agentId) => {
    expect(() => checkScopes(wanted, agentId)).toThrow(RangeError);
    expect(() => checkScopes(wanted, agentId)).toThrow(/Name one or more of these scopes: /);
  });

  test('what it lets an agent have is what authenticate leaves it', () => {
    for (const scope of scopes) {
      const allowed = (() => {
        try {
          checkScopes([scope], 'a');
          return true;
        } catch {
          return false;
        }
      })();
      expect(authenticate(key, stored({ agentId: 'a', scopes: [scope] as Scope[] }), now)?.scopes).toEqual(allowed ? [scope] : []);
    }
  });
});
