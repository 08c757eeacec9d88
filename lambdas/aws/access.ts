import { GetCommand, PutCommand, QueryCommand, ScanCommand, UpdateCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { ApiKey, Tenant } from '../authority/api-key.ts';
import { callingDynamodb } from './failures.ts';
import { apiKeyItem, apiKeyKey, collectionOf, readApiKey, tenantItem, tenantKey } from './items.ts';
import { transact } from './transactions.ts';

/** Tenants and their API keys, in the registry table. */
export function accessRegistry(client: DynamoDBDocumentClient, tableName: string) {
  return {
    /** Writes the tenant as it is given, over what may be there. */
    putTenant: (tenant: Tenant): Promise<void> =>
      callingDynamodb(async () => void (await client.send(new PutCommand({ TableName: tableName, Item: tenantItem(tenant) })))),

    getTenant: (tenantId: string): Promise<Tenant | undefined> =>
      callingDynamodb(async () => (await client.send(new GetCommand({ TableName: tableName, Key: tenantKey(tenantId), ConsistentRead: true }))).Item as Tenant | undefined),

    /** Reads the whole table: for an operator's console, not for a request. */
    listTenants: (): Promise<Tenant[]> =>
      callingDynamodb(async () => {
        const tenants: Tenant[] = [];
        let start: Record<string, unknown> | undefined;
        do {
          const page = await client.send(new ScanCommand({
            TableName: tableName, FilterExpression: 'sk = :tenant', ExpressionAttributeValues: { ':tenant': 'TENANT' }, ExclusiveStartKey: start,
          }));
          tenants.push(...((page.Items ?? []) as Tenant[]));
          start = page.LastEvaluatedKey;
        } while (start !== undefined);
        return tenants;
      }),

    putApiKey: (apiKey: ApiKey): Promise<void> =>
      callingDynamodb(async () => void (await client.send(new PutCommand({ TableName: tableName, Item: apiKeyItem(apiKey) })))),

    /** Strongly consistent, so that a revoked key is refused at once. */
    findApiKey: (keyHash: string): Promise<ApiKey | undefined> =>
      callingDynamodb(async () => readApiKey((await client.send(new GetCommand({ TableName: tableName, Key: apiKeyKey(keyHash), ConsistentRead: true }))).Item)),

    /** A tenant's keys, newest first. */
    listApiKeys: (tenantId: string): Promise<ApiKey[]> =>
      callingDynamodb(async () => {
        const apiKeys: ApiKey[] = [];
        let start: Record<string, unknown> | undefined;
        do {
          const page = await client.send(new QueryCommand({
            TableName: tableName, IndexName: 'by-tenant', KeyConditionExpression: 'tenantCollection = :keys',
            ExpressionAttributeValues: { ':keys': collectionOf(tenantId, 'KEY') }, ScanIndexForward: false, Limit: 100, ExclusiveStartKey: start,
          }));
          const found = await Promise.all((page.Items ?? []).map(({ pk, sk }) => client.send(new GetCommand({ TableName: tableName, Key: { pk, sk }, ConsistentRead: true }))));
          apiKeys.push(...found.flatMap(({ Item }) => readApiKey(Item) ?? []));
          start = page.LastEvaluatedKey;
        } while (start !== undefined);
        return apiKeys;
      }),

    /**
     * Ends `old`, now or at a time to come, and writes the key that takes its place: both or neither.
     * @returns false where `old` was revoked or its end changed since it was read; then nothing was written.
     */
    rotateApiKey: async (old: ApiKey, end: { readonly revokedAt: string } | { readonly expiresAt: string }, replacement: ApiKey): Promise<boolean> => {
      const [[attribute, time] = ['', '']] = Object.entries(end);
      const { written } = await transact(client, [
        { Update: {
          TableName: tableName, Key: apiKeyKey(old.keyHash), UpdateExpression: 'SET #end = :end',
          ConditionExpression: `attribute_exists(pk) AND attribute_not_exists(revokedAt) AND ${old.expiresAt === undefined ? 'attribute_not_exists(expiresAt)' : 'expiresAt = :before'}`,
          ExpressionAttributeNames: { '#end': attribute },
          ExpressionAttributeValues: { ':end': time, ...(old.expiresAt !== undefined && { ':before': old.expiresAt }) },
        } },
        { Put: { TableName: tableName, Item: apiKeyItem(replacement), ConditionExpression: 'attribute_not_exists(pk)' } },
      ], replacement.id);
      return written;
    },

    /** Makes a stored key useless from now on. */
    revokeApiKey: (keyHash: string, revokedAt: string): Promise<void> =>
      callingDynamodb(async () => void (await client.send(new UpdateCommand({
        TableName: tableName, Key: apiKeyKey(keyHash), UpdateExpression: 'SET revokedAt = if_not_exists(revokedAt, :now)',
        ConditionExpression: 'attribute_exists(pk)', ExpressionAttributeValues: { ':now': revokedAt },
      })))),
  };
}
