import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { hashApiKey } from '../lambdas/authority/api-key.ts';
import { scopes } from '../lambdas/authority/scopes.ts';
import { accessRegistry } from '../lambdas/aws/access.ts';
import { localCredentials, region } from './account.ts';
import { nameBasedUuid } from './name-based-uuid.ts';

/** A tenant as it is asked for: its name, and an API key that may do everything. */
export interface TenantSeed {
  readonly name: string;
  readonly key: string;
}

export interface LocalTenant extends TenantSeed {
  readonly id: string;
}

/**
 * Writes the tenants and their keys into the registry, which sees of a key its SHA-256 only. What is there already stays as it is: a key
 * that was revoked does not come back with a restart.
 */
export async function seedTenants(endpoint: string, tableName: string, seeds: readonly TenantSeed[]): Promise<LocalTenant[]> {
  const client = new DynamoDBClient({ endpoint, region, credentials: localCredentials });
  const access = accessRegistry(DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }), tableName);
  const createdAt = new Date().toISOString();
  const tenants: LocalTenant[] = [];
  try {
    for (const { name, key } of seeds) {
      const id = nameBasedUuid(`tenant:${name}`);
      const keyHash = hashApiKey(key);
      if ((await access.getTenant(id)) === undefined) await access.putTenant({ id, name, createdAt });
      const stored = await access.findApiKey(keyHash);
      if (stored === undefined) {
        await access.putApiKey({ keyHash, id: nameBasedUuid(`key:${keyHash}`), tenantId: id, name: 'local', scopes, createdAt });
      } else if (stored.tenantId !== id || stored.revokedAt !== undefined) {
        const why = stored.tenantId === id ? 'was revoked' : 'belongs to another tenant';
        throw new Error(`The API key that KAKUNIN_LOCAL_KEYS gives ${name} ${why} in this data directory: give it another one.`);
      }
      tenants.push({ id, name, key });
    }
  } finally {
    client.destroy();
  }
  return tenants;
}
