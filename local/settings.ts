import { randomBytes } from 'node:crypto';
import { formatApiKey } from '../lambdas/authority/api-key.ts';
import type { TenantSeed } from './tenants.ts';

/** What the local service is told by its environment. */
export interface Settings {
  readonly port: number;
  readonly dataDirectory?: string;
  readonly tenants: readonly TenantSeed[];
  readonly rateLimits?: 'off';
}

const defaultPort = 3000;

/**
 * Reads PORT, KAKUNIN_DATA_DIR, KAKUNIN_LOCAL_KEYS and KAKUNIN_RATE_LIMITS; without keys there is one tenant, `local`, with a new one. Throws
 * one sentence where a variable is not as it should be.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { PORT, KAKUNIN_DATA_DIR, KAKUNIN_LOCAL_KEYS, KAKUNIN_RATE_LIMITS } = environment;
  if (KAKUNIN_RATE_LIMITS && KAKUNIN_RATE_LIMITS !== 'off') throw new Error(`KAKUNIN_RATE_LIMITS is "${KAKUNIN_RATE_LIMITS}": leave it out for the limits of a deployed stack, or set it to off.`);
  return {
    port: readPort(PORT || String(defaultPort)),
    ...(KAKUNIN_DATA_DIR && { dataDirectory: KAKUNIN_DATA_DIR }),
    tenants: KAKUNIN_LOCAL_KEYS ? readTenants(KAKUNIN_LOCAL_KEYS) : [{ name: 'local', key: formatApiKey('test', randomBytes(32)) }],
    ...(KAKUNIN_RATE_LIMITS && { rateLimits: 'off' as const }),
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error(`PORT is "${text}", which is no port: set it to a number from 0 (any free one) to 65535.`);
  return port;
}

function readTenants(text: string): TenantSeed[] {
  const tenants = text.split(',').map(readTenant);
  const keys = tenants.map(({ key }) => key);
  if (new Set(keys).size < keys.length) throw new Error('KAKUNIN_LOCAL_KEYS has the same key twice: give every tenant keys of its own.');
  return tenants;
}

function readTenant(text: string, index: number): TenantSeed {
  // The key itself is not repeated: what is wrong with it may be a single character.
  const [, name, key] = /^\s*([\w. -]{1,64})=(kak_(?:live|test)_[A-Za-z0-9_-]{1,128})\s*$/.exec(text) ?? [];
  if (name === undefined || key === undefined) {
    throw new Error(`Entry ${index + 1} of KAKUNIN_LOCAL_KEYS is not "<tenant>=kak_test_<letters and digits>": write it like acme=kak_test_aaa,globex=kak_test_bbb.`);
  }
  return { name, key };
}
