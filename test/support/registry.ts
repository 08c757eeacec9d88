import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { DynamoDBRecord } from 'aws-lambda';
import { localCredentials, region } from '../../local/account.ts';
import type { Runtime } from '../../local/runtime.ts';
import { streamedRecords } from './stream.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read items attribute by attribute
type Item = Record<string, any>;

/** What becomes of certificates when they end, looked up past the API: in the registry table, in its stream and in KMS. */
export type RegistryView = ReturnType<typeof openRegistry>;

export function openRegistry({ dynamodbEndpoint, kmsEndpoint, tableNames }: Pick<Runtime, 'dynamodbEndpoint' | 'kmsEndpoint' | 'tableNames'>) {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: dynamodbEndpoint, region, credentials: localCredentials }));
  const kms = new KMSClient({ endpoint: kmsEndpoint, region, credentials: localCredentials });
  const TableName = tableNames.registry;

  async function get(pk: string, sk: string): Promise<Item | undefined> {
    return (await client.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }))).Item;
  }
  const withoutKeys = (item: Item | undefined): Item | undefined => item && Object.fromEntries(Object.entries(item).filter(([name]) => !['pk', 'sk'].includes(name)));

  return {
    get,
    remove: async (pk: string, sk: string) => void (await client.send(new DeleteCommand({ TableName, Key: { pk, sk } }))),
    put: async (item: Item) => void (await client.send(new PutCommand({ TableName, Item: item }))),
    set: async (pk: string, sk: string, name: string, value: unknown) =>
      void (await client.send(new UpdateCommand({ TableName, Key: { pk, sk }, UpdateExpression: 'SET #name = :value', ExpressionAttributeNames: { '#name': name }, ExpressionAttributeValues: { ':value': value } }))),
    /** All items of a partition, by their sort keys. */
    partition: async (pk: string): Promise<Item[]> =>
      (await client.send(new QueryCommand({ TableName, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk }, ConsistentRead: true }))).Items ?? [],

    outboxEntry: async (certificateId: string) => withoutKeys(await get(`OUTBOX#${certificateId}`, 'OUTBOX')),
    keyDeletion: async (certificateId: string) => withoutKeys(await get(`EFFECT#${certificateId}`, 'KEY-DELETION')),
    crlEffect: async (certificateId: string) => withoutKeys(await get(`EFFECT#${certificateId}`, 'CRL')),

    /** What the stream says of the certificate's end, as Lambda would deliver it. */
    ends: async (certificateId: string): Promise<DynamoDBRecord[]> =>
      (await streamedRecords(dynamodbEndpoint, TableName)).filter(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S === `OUTBOX#${certificateId}`),

    /** What the stream says of the audit entries about an agent or certificate. */
    auditRecords: async (affectedId: string): Promise<DynamoDBRecord[]> =>
      (await streamedRecords(dynamodbEndpoint, TableName)).filter(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S?.startsWith('AUDIT#') && dynamodb.NewImage?.['affectedId']?.S === affectedId),

    /** The key as KMS has it. */
    key: async (keyArn: string) => (await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata,

    close() {
      client.destroy();
      kms.destroy();
    },
  };
}
