import { randomBytes } from 'node:crypto';
import { formatApiKey } from '../lambdas/authority/api-key.ts';
import { operations } from './kms/operations.ts';
import type { Quotas } from './kms/quotas.ts';
import type { RuntimeOptions } from './runtime.ts';
import type { TenantSeed } from './tenants.ts';

/** What the local service is told by its environment. */
export type Settings = Pick<RuntimeOptions, 'port' | 'dataDirectory' | 'tenants' | 'concurrency' | 'kms' | 'rateLimits'>;

const defaultPort = 3000;

/** What keeps this one thread busy, and answers within half a second of it (docs/load.md). */
const defaultConcurrency = 64;

/**
 * Reads PORT, KAKUNIN_DATA_DIR, KAKUNIN_LOCAL_KEYS (without it there is one tenant, `local`, with a new key), KAKUNIN_RATE_LIMITS,
 * KAKUNIN_CONCURRENCY and KAKUNIN_KMS_QUOTAS. Throws one sentence where a variable is not as it should be.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { PORT, KAKUNIN_DATA_DIR, KAKUNIN_LOCAL_KEYS, KAKUNIN_RATE_LIMITS, KAKUNIN_CONCURRENCY, KAKUNIN_KMS_QUOTAS } = environment;
  if (KAKUNIN_RATE_LIMITS && KAKUNIN_RATE_LIMITS !== 'off') throw new Error(`KAKUNIN_RATE_LIMITS is "${KAKUNIN_RATE_LIMITS}": leave it out for the limits of a deployed stack, or set it to off.`);
  return {
    port: readPort(PORT || String(defaultPort)),
    ...(KAKUNIN_DATA_DIR && { dataDirectory: KAKUNIN_DATA_DIR }),
    tenants: KAKUNIN_LOCAL_KEYS ? readTenants(KAKUNIN_LOCAL_KEYS) : [{ name: 'local', key: formatApiKey('test', randomBytes(32)) }],
    ...(KAKUNIN_RATE_LIMITS && { rateLimits: 'off' as const }),
    ...(KAKUNIN_CONCURRENCY !== 'unlimited' && { concurrency: readConcurrency(KAKUNIN_CONCURRENCY || String(defaultConcurrency)) }),
    ...(KAKUNIN_KMS_QUOTAS && { kms: { quotas: readQuotas(KAKUNIN_KMS_QUOTAS) } }),
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error(`PORT is "${text}", which is no port: set it to a number from 0 (any free one) to 65535.`);
  return port;
}

function readConcurrency(text: string): number {
  const concurrency = Number(text);
  if (!/^\d{1,5}$/.test(text) || concurrency === 0) throw new Error(`KAKUNIN_CONCURRENCY is "${text}": set it to how many requests are worked on at once, from 1 to 99999, or to unlimited.`);
  return concurrency;
}

function readQuotas(text: string): Quotas {
  if (text === 'aws') return true;
  return Object.fromEntries(text.split(',').map((entry) => {
    const [, operation = '', requestsPerSecond] = /^\s*(\w+)=([1-9]\d{0,5})\s*$/.exec(entry) ?? [];
    if (!operations.has(operation)) throw new Error(`KAKUNIN_KMS_QUOTAS has "${entry.trim()}": set it to aws, for KMS's own quotas, or to operations and how often a second they are taken, like CreateKey=5,Sign=1000.`);
    return [operation, Number(requestsPerSecond)];
  }));
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
