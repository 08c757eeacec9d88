import { randomBytes, randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import canonicalize from 'canonicalize';
import { formatApiKey, hashApiKey, type ApiKey } from '../../lambdas/authority/api-key.ts';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { accessRegistry } from '../../lambdas/aws/access.ts';
import { agentKey, certificateItem, certificateKey, readCertificate } from '../../lambdas/aws/items.ts';
import { localCredentials, region } from '../../local/account.ts';
import type { Runtime } from '../../local/runtime.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read items attribute by attribute
type Item = Record<string, any>;

/** The tables behind the API, read and changed past it. */
export type Tables = ReturnType<typeof openTables>;

export function openTables({ dynamodbEndpoint, tableNames }: Pick<Runtime, 'dynamodbEndpoint' | 'tableNames'>) {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: dynamodbEndpoint, region, credentials: localCredentials }), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const access = accessRegistry(client, tableNames.registry);

  async function scan(TableName: string): Promise<Item[]> {
    const items: Item[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const page = await client.send(new ScanCommand({ TableName, ExclusiveStartKey, ConsistentRead: true }));
      items.push(...(page.Items ?? []));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return items;
  }

  /** Everything in both tables, each item as canonical JSON. */
  async function contents(): Promise<Set<string>> {
    const items = await Promise.all(Object.values(tableNames).map(scan));
    return new Set(items.flat().map((item) => canonicalize(item) as string));
  }

  async function certificate(certificateId: string) {
    const { Item: item } = await client.send(new GetCommand({ TableName: tableNames.registry, Key: certificateKey(certificateId), ConsistentRead: true }));
    const found = readCertificate(item);
    if (found === undefined) throw new Error(`There is no certificate ${certificateId}.`);
    return found;
  }

  /** Makes it a minute since the certificate expired, and leaves its agent as it is. */
  async function expireRecord(certificateId: string): Promise<void> {
    await client.send(new UpdateCommand({
      TableName: tableNames.registry, Key: certificateKey(certificateId), UpdateExpression: 'SET expiresAt = :end', ExpressionAttributeValues: { ':end': aMinuteAgo() },
    }));
  }

  return {
    contents,

    /** The items of both tables that are not as they were, as they are now and as they were; empty where nothing was changed. */
    async changesSince(before: ReadonlySet<string>): Promise<string[]> {
      const after = await contents();
      return [...[...after].filter((item) => !before.has(item)), ...[...before].filter((item) => !after.has(item))];
    },

    /** The audit entries about one agent or certificate, oldest first. */
    async auditOf(affectedId: string): Promise<Item[]> {
      const entries = (await scan(tableNames.registry)).filter(({ pk, affectedId: id }) => pk.startsWith('AUDIT#') && id === affectedId);
      return entries.sort((a, b) => (a['createdAt'] < b['createdAt'] ? -1 : 1));
    },

    /** Everything in the registry, in no order. */
    registryItems: () => scan(tableNames.registry),

    /** All risk records, in no order. */
    riskRecords: () => scan(tableNames.risk),

    certificate,

    expireRecord,

    /** Makes it a minute since the certificate expired, which is its agent's active one. */
    async expireCertificate(certificateId: string): Promise<void> {
      const { agentId } = await certificate(certificateId);
      await expireRecord(certificateId);
      await client.send(new UpdateCommand({
        TableName: tableNames.registry, Key: agentKey(agentId), UpdateExpression: 'SET activeCertificate.expiresAt = :end',
        ConditionExpression: 'activeCertificate.id = :id', ExpressionAttributeValues: { ':end': aMinuteAgo(), ':id': certificateId },
      }));
    },

    /** Stores a certificate's record once more under another id, for ids that chance seldom draws. */
    async copyCertificate(certificateId: string, id: string): Promise<void> {
      await client.send(new PutCommand({ TableName: tableNames.registry, Item: certificateItem({ ...(await certificate(certificateId)), id }) }));
    },

    /** Writes an API key, with every scope unless told otherwise, and answers it in the clear. */
    async addKey(fields: Pick<ApiKey, 'tenantId'> & Partial<ApiKey>): Promise<string> {
      const key = formatApiKey('test', randomBytes(32));
      await access.putApiKey({ keyHash: hashApiKey(key), id: randomUUID(), name: 'test', scopes, createdAt: new Date().toISOString(), ...fields });
      return key;
    },

    /** Puts a key with the same rights in the place of one, which ends as is said; answers the new one in the clear. */
    async rotateKey(key: string, end: { readonly revokedAt: string } | { readonly expiresAt: string }): Promise<string> {
      const old = await access.findApiKey(hashApiKey(key));
      const replacement = formatApiKey('test', randomBytes(32));
      if (old === undefined || !(await access.rotateApiKey(old, end, { ...old, keyHash: hashApiKey(replacement), id: randomUUID() }))) throw new Error('The key cannot be rotated.');
      return replacement;
    },

    revokeKey: (key: string) => access.revokeApiKey(hashApiKey(key), new Date().toISOString()),

    close: () => client.destroy(),
  };
}

const aMinuteAgo = () => new Date(Date.now() - 60_000).toISOString();
