import { DescribeKeyCommand, KMSClient, ListResourceTagsCommand, paginateListKeys, SignCommand } from '@aws-sdk/client-kms';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, paginateScan, PutCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { createHash } from 'node:crypto';
import { localCredentials, region } from '../../local/account.ts';
import type { Runtime } from '../../local/runtime.ts';

/** A key of an agent, as KMS has it. */
export interface AgentKey {
  readonly arn: string;
  readonly agentId: string;
  readonly certificateId: string;
  readonly state: string;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- items are read attribute by attribute
type Item = Record<string, any>;

/**
 * What a request has really left behind, asked of the database and the KMS themselves, beside the service and beside any
 * fault proxy.
 */
export type Aftermath = ReturnType<typeof openAftermath>;

export function openAftermath({ dynamodbEndpoint, kmsEndpoint, tableNames }: Pick<Runtime, 'dynamodbEndpoint' | 'kmsEndpoint' | 'tableNames'>) {
  const client = new DynamoDBClient({ endpoint: dynamodbEndpoint, region, credentials: localCredentials });
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const kms = new KMSClient({ endpoint: kmsEndpoint, region, credentials: localCredentials });
  const TableName = tableNames.registry;
  const agentKey = (agentId: string) => ({ pk: `AGENT#${agentId}`, sk: 'AGENT' });

  async function get(Key: Item): Promise<Item | undefined> {
    return (await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
  }

  async function update(Key: Item, UpdateExpression: string, ExpressionAttributeValues?: Item): Promise<void> {
    await documents.send(new UpdateCommand({ TableName, Key, UpdateExpression, ExpressionAttributeValues }));
  }

  /** Keys keep the tags they were born with. */
  const tags = new Map<string, Record<string, string>>();
  async function tagsOf(KeyId: string): Promise<Record<string, string>> {
    const { Tags = [] } = await kms.send(new ListResourceTagsCommand({ KeyId }));
    return Object.fromEntries(Tags.map(({ TagKey = '', TagValue = '' }) => [TagKey, TagValue]));
  }

  async function scan(table: string): Promise<Item[]> {
    const items: Item[] = [];
    for await (const { Items = [] } of paginateScan({ client: documents }, { TableName: table, ConsistentRead: true })) items.push(...Items);
    return items;
  }

  return {
    agent: async (agentId: string) => (await get(agentKey(agentId))) as Item,
    certificate: (certificateId: string) => get({ pk: `CERT#${certificateId}`, sk: 'CERT' }),
    /** Certificates of the agent that were never revoked, whatever its pointer says. */
    activeCertificates: async (agentId: string) => (await scan(TableName)).filter((item) => item['sk'] === 'CERT' && item['agentId'] === agentId && item['status'] === 'active'),
    /** All items of the registry, of some of which there may be a newer state by now. */
    registry: () => scan(TableName),
    /** All items of the registry at one instant. A scan of several pages would be several instants, so it must fit into one. */
    async snapshot(): Promise<Item[]> {
      const { Items = [], LastEvaluatedKey } = await documents.send(new ScanCommand({ TableName, ConsistentRead: true }));
      if (LastEvaluatedKey !== undefined) throw new Error('The registry no longer fits into one page: fewer certificates, please.');
      return Items;
    },
    /** The audit trail about one thing, oldest first. */
    audit: async (affectedId: string) =>
      (await scan(TableName)).filter((item) => String(item['pk']).startsWith('AUDIT#') && item['affectedId'] === affectedId).sort((a, b) => (a['sk'] < b['sk'] ? -1 : 1)),

    /** Makes the agent's lease, if it has one, end in the past. */
    expireLease: (agentId: string) => update(agentKey(agentId), 'SET lease.expiresAt = :past', { ':past': '2020-01-01T00:00:00.000Z' }),
    setLease: (agentId: string, lease: Item) => update(agentKey(agentId), 'SET lease = :lease', { ':lease': lease }),
    /** Lets the agent point to another certificate than its own. */
    pointElsewhere: (agentId: string) => update(agentKey(agentId), 'SET activeCertificate.id = :other', { ':other': 'another' }),
    /** Takes away the risk score that the agent is shown with. */
    forgetRiskScore: (agentId: string) => update(agentKey(agentId), 'REMOVE riskScore, riskObservedAt'),
    /** Lets the certificate have expired at the given time, on its own item and on its agent's pointer. */
    async expireCertificate(agentId: string, certificateId: string, expiresAt: string): Promise<void> {
      await update({ pk: `CERT#${certificateId}`, sk: 'CERT' }, 'SET expiresAt = :at', { ':at': expiresAt });
      await update(agentKey(agentId), 'SET activeCertificate.expiresAt = :at', { ':at': expiresAt });
    },
    /** Takes items out of the registry; answers how to put them back. */
    async remove(keys: readonly Item[]): Promise<() => Promise<void>> {
      const items = await Promise.all(keys.map(get));
      await Promise.all(keys.map((Key) => documents.send(new DeleteCommand({ TableName, Key }))));
      return async () => {
        await Promise.all(items.map((Item) => documents.send(new PutCommand({ TableName, Item }))));
      };
    },

    /** All keys made for agents, or for one of them. */
    async agentKeys(agentId?: string): Promise<AgentKey[]> {
      const arns: string[] = [];
      for await (const { Keys = [] } of paginateListKeys({ client: kms, pageSize: 1000 }, {})) arns.push(...Keys.map(({ KeyArn = '' }) => KeyArn));
      await Promise.all(arns.filter((arn) => !tags.has(arn)).map(async (arn) => tags.set(arn, await tagsOf(arn))));
      const wanted = arns.filter((arn) => tags.get(arn)?.['kakunin:role'] === 'agent' && (agentId === undefined || tags.get(arn)?.['kakunin:agent'] === agentId));
      return Promise.all(wanted.map(async (arn) => {
        const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: arn }));
        const { 'kakunin:agent': owner = '', 'kakunin:certificate': certificateId = '' } = tags.get(arn) ?? {};
        return { arn, agentId: owner, certificateId, state: KeyMetadata?.KeyState ?? '' };
      }));
    },
    /** A signature by the key over some digest; rejects where the key cannot be used. */
    async sign(keyArn: string, digest = createHash('sha256').update('anything').digest()): Promise<Uint8Array> {
      const { Signature } = await kms.send(new SignCommand({ KeyId: keyArn, Message: digest, MessageType: 'DIGEST', SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' }));
      return Signature as Uint8Array;
    },
    close() {
      client.destroy();
      kms.destroy();
    },
  };
}
