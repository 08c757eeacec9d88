import { randomBytes, randomUUID } from 'node:crypto';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Agent } from '../../lambdas/authority/agent.ts';
import type { Certificate } from '../../lambdas/authority/certificate.ts';
import { agentItem, certificateItem, expiryItem, type Item } from '../../lambdas/aws/items.ts';
import { certificateIdFromRandom, crlShardOf, serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { localCredentials, region } from '../../local/account.ts';
import type { Runtime } from '../../local/runtime.ts';
import { load } from './load.ts';

export interface SeededCertificate {
  readonly id: string;
  readonly agentId: string;
  readonly serialNumber: string;
  readonly keyArn: string;
  readonly crlShard: number;
}

export interface Seed {
  readonly tenantId: string;
  readonly count: number;
  readonly crlShardCount: number;
  readonly signal: AbortSignal;
}

const writesPerBatch = 25;
const atOnce = 16;
const HOUR_MILLISECONDS = 3_600_000;
const YEAR_MILLISECONDS = 365 * 24 * HOUR_MILLISECONDS;

/**
 * Writes agents with an active certificate each past the API, as certify would have left them, many at a time. Their keys
 * are the KMS's own. Only the certificates themselves are missing: their end needs nothing but what the registry says of
 * them.
 */
export async function seedCertificates({ dynamodbEndpoint, kmsEndpoint, tableNames }: Pick<Runtime, 'dynamodbEndpoint' | 'kmsEndpoint' | 'tableNames'>, seed: Seed): Promise<SeededCertificate[]> {
  const client = new DynamoDBClient({ endpoint: dynamodbEndpoint, region, credentials: localCredentials });
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const kms = new KMSClient({ endpoint: kmsEndpoint, region, credentials: localCredentials });
  const seeded: SeededCertificate[] = [];
  const items: Item[] = [];
  const inParallel = (tasks: number, task: (index: number) => Promise<void>) => load(task, { seconds: Infinity, concurrency: atOnce, signal: seed.signal, maximum: tasks });
  try {
    await inParallel(seed.count, async () => {
      const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Tags: [{ TagKey: 'kakunin:role', TagValue: 'agent' }] }));
      const { agent, certificate } = certifiedAgent(seed, KeyMetadata?.Arn ?? '');
      items.push(agentItem(agent), certificateItem(certificate), expiryItem(certificate));
      seeded.push({ id: certificate.id, agentId: agent.id, serialNumber: serialNumberOf(certificate.id), keyArn: certificate.keyArn, crlShard: certificate.crlShard });
    });
    await inParallel(Math.ceil(items.length / writesPerBatch), async (batch) => {
      const requests = items.slice(batch * writesPerBatch, (batch + 1) * writesPerBatch).map((Item) => ({ PutRequest: { Item } }));
      const { UnprocessedItems } = await documents.send(new BatchWriteCommand({ RequestItems: { [tableNames.registry]: requests } }));
      if (Object.keys(UnprocessedItems ?? {}).length > 0) throw new Error('The engine leaves a part of a BatchWriteItem unprocessed.');
    });
  } finally {
    client.destroy();
    kms.destroy();
  }
  return seeded;
}

function certifiedAgent({ tenantId, crlShardCount }: Seed, keyArn: string): { agent: Agent; certificate: Certificate } {
  const issued = Date.now() - HOUR_MILLISECONDS;
  const [issuedAt, expiresAt] = [new Date(issued).toISOString(), new Date(Math.floor((issued + YEAR_MILLISECONDS) / 1000) * 1000).toISOString()];
  const certified = { name: 'Bench agent', modelHash: 'sha256:9f86d081', permittedActions: [] };
  const [agentId, id] = [randomUUID(), certificateIdFromRandom(randomBytes(16))];
  const crlShard = crlShardOf(id, crlShardCount, 1);
  const activeCertificate = { id, issuedAt, expiresAt, keyArn, crlShard, certificateDer: new Uint8Array() };
  return {
    agent: { ...certified, id: agentId, tenantId, metadata: {}, status: 'active', createdAt: issuedAt, updatedAt: issuedAt, activeCertificate },
    certificate: { id, agentId, tenantId, certificatePem: '', keyArn, status: 'active', issuedAt, expiresAt, createdAt: issuedAt, certified, issuer: 'CN=Bench', crlShard },
  };
}
