import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { required, text, wholeNumber, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import { readGrant, readGrantId, readPrincipal, refuseServicePrincipals, requireSupported, type WantedGrant } from './grant-request.ts';
import { issueGrantToken, requireGrantTokens, resolveGrantToken, type Grant } from './grant.ts';
import { keyReference, refuseDryRun } from './input.ts';
import { requireEnabled, type Key } from './key.ts';
import type { KeyStore } from './key-store.ts';
import { page } from './paging.ts';

// KMS Developer Guide, "Resource quotas": grants per KMS key.
const maximumGrants = 50_000;

/** KMS API Reference, CreateGrant. With a name, the same request again answers with the grant that there is, and a new token of it. */
export async function createGrant(keys: KeyStore, input: Input): Promise<object> {
  const reference = keyReference(input);
  const wanted = readGrant(input);
  requireGrantTokens(keys, input);
  const grantId = randomBytes(32).toString('hex');
  let granted: Grant = { grantId, ...wanted, createdAt: keys.clock(), tokenSecret: randomBytes(32).toString('hex') };
  const key = await keys.change(reference, (current) => {
    requireEnabled(current);
    requireSupported(current, wanted);
    const same = wanted.name === undefined ? undefined : [...current.grants.values()].find((grant) => isSame(grant, wanted));
    if (same === undefined && current.grants.size >= maximumGrants) throw new KmsError('LimitExceededException', `${current.arn} has ${maximumGrants} grants already, which is the most a key can have.`);
    refuseDryRun(input);
    granted = same ?? granted;
    return { ...current, grants: new Map([...current.grants, [granted.grantId, granted]]) };
  });
  return { GrantId: granted.grantId, GrantToken: issueGrantToken(key, granted) };
}

/** KMS API Reference, ListGrants: at most 100 at a time, 50 by default. */
export function listGrants(keys: KeyStore, input: Input): object {
  const limit = wholeNumber(input, 'Limit', { min: 1, max: 100 }) ?? 50;
  const marker = text(input, 'Marker', { min: 1, max: 1024 });
  const grantId = readGrantId(input);
  const granteePrincipal = readPrincipal(input, 'GranteePrincipal');
  refuseServicePrincipals(input);
  const key = keys.find(keyReference(input));
  const found = [...key.grants.values()].filter(
    (grant) => (grantId === undefined || grant.grantId === grantId) && (granteePrincipal === undefined || grant.granteePrincipal === granteePrincipal),
  );
  const { items, nextMarker } = page(found, (grant) => grant.grantId, limit, marker);
  return { Grants: items.map((grant) => describe(keys, key, grant)), Truncated: nextMarker !== undefined, NextMarker: nextMarker };
}

/** KMS API Reference, RetireGrant: by a token of the grant, or by the key's ARN and the grant's id. */
export async function retireGrant(keys: KeyStore, input: Input): Promise<void> {
  const token = text(input, 'GrantToken', { min: 1, max: 8192 });
  const grantId = readGrantId(input);
  const reference = text(input, 'KeyId', { min: 1, max: 2048 });
  if (token !== undefined && grantId === undefined && reference === undefined) {
    const { key, grant } = resolveGrantToken(keys, token);
    return removeGrant(keys, key.arn, grant.grantId, input);
  }
  if (token !== undefined || grantId === undefined || reference === undefined) {
    throw new KmsError('ValidationException', 'A grant is retired by GrantToken alone, or by KeyId and GrantId.');
  }
  if (!reference.startsWith('arn:')) throw new KmsError('InvalidArnException', `Invalid arn ${reference}`);
  return removeGrant(keys, reference, grantId, input);
}

/** KMS API Reference, RevokeGrant. */
export async function revokeGrant(keys: KeyStore, input: Input): Promise<void> {
  await removeGrant(keys, keyReference(input), required(readGrantId(input), 'GrantId'), input);
}

// In every state of the key: what may be done with it is to become less even then.
async function removeGrant(keys: KeyStore, reference: string, grantId: string, input: Input): Promise<void> {
  await keys.change(reference, (key) => {
    if (!key.grants.has(grantId)) throw new KmsError('NotFoundException', `Grant ID ${grantId} not found`);
    refuseDryRun(input);
    return { ...key, grants: new Map([...key.grants].filter(([id]) => id !== grantId)) };
  });
}

function isSame({ grantId: _id, createdAt: _at, tokenSecret: _secret, ...grant }: Grant, wanted: WantedGrant): boolean {
  // As JSON, where a member that is undefined is one that is absent.
  return isDeepStrictEqual(JSON.parse(JSON.stringify(grant)), JSON.parse(JSON.stringify(wanted)));
}

function describe({ owner }: KeyStore, { arn }: Key, grant: Grant): object {
  return {
    KeyId: arn,
    GrantId: grant.grantId,
    Name: grant.name ?? '',
    CreationDate: grant.createdAt.getTime() / 1000,
    GranteePrincipal: grant.granteePrincipal,
    RetiringPrincipal: grant.retiringPrincipal,
    IssuingAccount: `arn:aws:iam::${owner.accountId}:root`,
    Operations: grant.operations,
    Constraints: grant.constraints,
  };
}
