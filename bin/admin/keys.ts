import { randomBytes, randomUUID } from 'node:crypto';
import { checkScopes, formatApiKey, hashApiKey, type ApiKey } from '../../lambdas/authority/api-key.ts';
import { scopes as allScopes, type Scope } from '../../lambdas/authority/scopes.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone, UsageError } from './failures.ts';
import { nameOf } from './name.ts';
import { wholeNumber } from './option-values.ts';
import { renderTable } from './table.ts';
import { existingTenant } from './tenants.ts';

const dayMilliseconds = 86_400_000;
const longestLifeDays = 3650;

/** What may be shown of a key: all but its hash. */
export const keyJson = ({ id, tenantId, name, scopes, agentId, createdAt, expiresAt, revokedAt }: ApiKey) => ({
  id, tenant_id: tenantId, name, scopes, agent_id: agentId ?? null,
  created_at: createdAt, expires_at: expiresAt ?? null, revoked_at: revokedAt ?? null,
});

/** Makes a key for the tenant, or for one of its agents, and shows it this once. */
export async function createKey(services: Services, tenantId: string, options: CommandOptions): Promise<Outcome> {
  const { access, now } = services;
  const name = nameOf('key', options.name ?? '');
  const agentId = options.agent?.toLowerCase();
  const scopes = scopesOf(options.scopes, agentId);
  const expiresAt = options.expires === undefined ? undefined : expiryOf(options.expires, now);
  const tenant = await existingTenant(services, tenantId);
  if (agentId !== undefined && (await services.registry.getAgent(agentId))?.tenantId !== tenant.id) {
    throw new NotDone(`Tenant ${tenant.name} has no agent "${agentId}": register it with POST /v1/agents, or take an id from GET /v1/agents.`);
  }

  const key = formatApiKey(options.test === true ? 'test' : 'live', randomBytes(32));
  const apiKey: ApiKey = {
    keyHash: hashApiKey(key), id: randomUUID(), tenantId: tenant.id, name, scopes, createdAt: now.toISOString(),
    ...(agentId !== undefined && { agentId }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  await access.putApiKey(apiKey);
  return {
    json: { ...keyJson(apiKey), key },
    lines: [
      `Created this key for ${agentId === undefined ? 'tenant' : `agent ${agentId} of tenant`} ${tenant.name}:`, '', `  ${key}`, '',
      'Keep it now: it cannot be shown again.', '',
      ...renderTable([['id', apiKey.id], ['name', name], ['scopes', scopes.join(', ')], ['expires', expiresAt ?? 'never']]),
    ],
  };
}

/** The tenant's keys, newest first, those that no longer work included. */
export async function listKeys(services: Services, tenantId: string): Promise<Outcome> {
  const tenant = await existingTenant(services, tenantId);
  const keys = await services.access.listApiKeys(tenant.id);
  const now = services.now.toISOString();
  const rows = keys.map((key) => [key.id, keyState(key, now), key.createdAt.slice(0, 10), minuteOf(key.expiresAt) ?? 'never', shortScopes(key.scopes), key.agentId ?? '-', key.name]);
  return {
    json: keys.map(keyJson),
    lines: keys.length === 0
      ? [`Tenant ${tenant.name} has no key yet. Create one with: npm run admin -- key create ${tenant.id} --name <name>`]
      : renderTable(rows, { header: ['KEY', 'STATE', 'CREATED', 'EXPIRES (UTC)', 'SCOPES', 'AGENT', 'NAME'] }),
  };
}

/** Makes a key of the tenant useless from now on. Doing so again changes nothing and is no mistake. */
export async function revokeKey(services: Services, keyId: string, options: CommandOptions): Promise<Outcome> {
  const key = await existingKey(services, keyId, options);
  if (key.revokedAt !== undefined) return { json: keyJson(key), lines: [`Key ${key.name} was revoked already, at ${key.revokedAt}.`] };
  const revokedAt = services.now.toISOString();
  await services.access.revokeApiKey(key.keyHash, revokedAt);
  return {
    json: keyJson({ ...key, revokedAt }),
    lines: [`Revoked key ${key.name}. On AWS it may work for up to a minute yet, while API Gateway remembers it.`],
  };
}

/** The key with this id, of the tenant that --tenant names. Throws NotDone where there is none. */
export async function existingKey(services: Pick<Services, 'access'>, keyId: string, options: CommandOptions): Promise<ApiKey> {
  const tenant = await existingTenant(services, options.tenant ?? '');
  const key = (await services.access.listApiKeys(tenant.id)).find(({ id }) => id === keyId.toLowerCase());
  if (key === undefined) throw new NotDone(`Tenant ${tenant.name} has no key "${keyId}": take an id from "key list ${tenant.id}".`);
  return key;
}

function scopesOf(text: string | undefined, agentId: string | undefined): readonly Scope[] {
  const wanted = text === 'all' || (text === undefined && agentId === undefined) ? allScopes : (text ?? 'events:write').split(',').map((scope) => scope.trim());
  try {
    checkScopes(wanted, agentId);
  } catch (error) {
    throw new UsageError((error as RangeError).message);
  }
  return wanted;
}

function expiryOf(text: string, now: Date): string {
  const days = wholeNumber('expires', text, [1, longestLifeDays], 'days');
  return new Date(now.getTime() + days * dayMilliseconds).toISOString();
}

/** Whether the key works at `now`, and why not. */
export function keyState({ revokedAt, expiresAt }: ApiKey, now: string): 'active' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active';
}

/** A key that was rotated may end within hours. */
const minuteOf = (time: string | undefined) => time?.slice(0, 16).replace('T', ' ');

const shortScopes = (scopes: readonly Scope[]) => (scopes.length === allScopes.length ? 'all' : scopes.join(','));
