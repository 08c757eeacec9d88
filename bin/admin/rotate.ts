import { randomBytes, randomUUID } from 'node:crypto';
import { formatApiKey, hashApiKey, type ApiKey } from '../../lambdas/authority/api-key.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone } from './failures.ts';
import { existingKey, keyJson, keyState } from './keys.ts';
import { wholeNumber } from './option-values.ts';
import { renderTable } from './table.ts';

const hourMilliseconds = 3_600_000;
const defaultGraceHours = '24';
const longestGraceHours = 720;

/**
 * Puts a new key in the place of one that works, with its name, scopes and agent, and shows it this once. The old one goes on working
 * for the grace period; a new key of one that expires lives as long as that was to live. Both or neither.
 */
export async function rotateKey(services: Services, keyId: string, options: CommandOptions): Promise<Outcome> {
  const { access, now } = services;
  const graceHours = wholeNumber('grace', options.grace ?? defaultGraceHours, [0, longestGraceHours], 'hours');
  const old = await existingKey(services, keyId, options);
  const state = keyState(old, now.toISOString());
  if (state !== 'active') throw new NotDone(`Key ${old.name} is ${state}, so there is nothing to rotate: make a new one with "key create".`);

  const key = formatApiKey(options.test === true ? 'test' : 'live', randomBytes(32));
  const { tenantId, name, scopes, agentId } = old;
  const expiresAt = old.expiresAt && after(now, Date.parse(old.expiresAt) - Date.parse(old.createdAt));
  const apiKey: ApiKey = {
    keyHash: hashApiKey(key), id: randomUUID(), tenantId, name, scopes, createdAt: now.toISOString(),
    ...(agentId !== undefined && { agentId }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  const graceEnd = after(now, graceHours * hourMilliseconds);
  const end = graceHours === 0 ? { revokedAt: now.toISOString() } : { expiresAt: old.expiresAt !== undefined && old.expiresAt < graceEnd ? old.expiresAt : graceEnd };
  if (!(await access.rotateApiKey(old, end, apiKey))) throw new NotDone(`Key ${old.name} was changed by somebody else just now, and nothing was done: look at "key list ${tenantId}".`);

  const rotated = { ...old, ...end };
  return {
    json: { ...keyJson(apiKey), key, rotated: keyJson(rotated) },
    lines: [
      `Put this key in the place of ${name} (${old.id}):`, '', `  ${key}`, '',
      'Keep it now: it cannot be shown again.', '',
      ...renderTable([['id', apiKey.id], ['name', name], ['scopes', scopes.join(', ')], ['agent', agentId ?? '-'], ['expires', expiresAt ?? 'never']]), '',
      'revokedAt' in end
        ? 'The old key is revoked. On AWS it may work for up to a minute yet, while API Gateway remembers it.'
        : `The old key works until ${end.expiresAt}.`,
    ],
  };
}

const after = (time: Date, milliseconds: number) => new Date(time.getTime() + milliseconds).toISOString();
