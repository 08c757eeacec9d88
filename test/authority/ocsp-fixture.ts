import { randomBytes, randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateKeyCommand, DisableKeyCommand, KMSClient, type KeySpec } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Certificate } from '../../lambdas/authority/certificate.ts';
import { mintAuthority } from '../../lambdas/authority/mint-authority.ts';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { renewServiceCertificate } from '../../lambdas/authority/service-certificate.ts';
import { authorityItem, certificateItem } from '../../lambdas/aws/items.ts';
import { keyManagement } from '../../lambdas/aws/key-management.ts';
import { dynamodbRegistry } from '../../lambdas/aws/registry.ts';
import type { ServiceRole } from '../../lambdas/pki/profile.ts';
import { certificateIdFromRandom } from '../../lambdas/pki/serial-number.ts';
import { localCredentials, region } from '../../local/account.ts';
import { ensureAuthorityKeys } from '../../local/authority-keys.ts';
import { startDynamodb } from '../../local/dynamodb.ts';
import { startKms } from '../../local/kms.ts';
import { distributed } from '../pki/authority-fixture.ts';
import { startFaultProxy } from '../support/faults.ts';
import '../support/faults-runtime.ts'; // Lets the SDK know errors of Node's own in Jest's realm.

const tableNames = { registry: 'registry', risk: 'risk' };

/** An authority just minted, with the embedded DynamoDB and KMS behind fault proxies, and a clock that tests set. */
export async function startAuthority() {
  const [kmsEngine, engine] = await Promise.all([startKms(), startDynamodb({ tableNames })]);
  const [kms, dynamodb] = await Promise.all([startFaultProxy(kmsEngine.endpoint), startFaultProxy(engine.endpoint)]);
  const keyArns = await ensureAuthorityKeys(kmsEngine.endpoint, [1, 2]);
  const kmsClient = new KMSClient({ endpoint: kms.endpoint, region, credentials: localCredentials });
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: dynamodb.endpoint, region, credentials: localCredentials }), { marshallOptions: { removeUndefinedValues: true } });

  let time = new Date();
  const services = {
    registry: dynamodbRegistry(documents, tableNames.registry),
    keys: keyManagement(kmsClient, { deployment: 'test' }),
    settings: distributed,
    clock: () => time,
    random: (byteCount: number) => new Uint8Array(randomBytes(byteCount)),
  };
  const names = { organization: 'Kakunin', country: 'JP' };
  const issuingKeys = keyArns.issuingKeyArns.map((keyArn, index) => ({ generation: index + 1, keyArn }));
  const { issuing: [issuing, successor], root } = await mintAuthority(services, { ...names, rootKeyArn: keyArns.rootKeyArn, issuingKeys });
  if (issuing === undefined || successor === undefined) throw new Error('Two generations were to be minted.');
  const put = (Item: Record<string, unknown>) => documents.send(new PutCommand({ TableName: tableNames.registry, Item }));

  return {
    services, kms, dynamodb, issuing, root, /** Of the second generation. */ successor,
    mintedAt: time,
    setTime: (to: Date | number) => {
      time = new Date(to);
    },

    async createKey(KeySpec: KeySpec): Promise<string> {
      const { KeyMetadata } = await kmsClient.send(new CreateKeyCommand({ KeySpec, KeyUsage: 'SIGN_VERIFY' }));
      return KeyMetadata?.Arn as string;
    },
    disableKey: (KeyId: string) => kmsClient.send(new DisableKeyCommand({ KeyId })),

    /** Sees that a part of the service has a certificate for the key. */
    renew: (role: ServiceRole, keyArn: string, organization = names.organization, by = issuing) => renewServiceCertificate(services, { ...names, organization, issuing: by, role, keyArn }),

    storeAuthority: (authority: Authority) => put(authorityItem(authority)),

    /** Puts the record of a certificate, active unless told otherwise, into the registry. What it certifies matters to nobody here. */
    async storeCertificate(changes: Partial<Certificate> = {}): Promise<Certificate> {
      const createdAt = time.toISOString();
      const certificate: Certificate = {
        id: certificateIdFromRandom(services.random(16)), agentId: randomUUID(), tenantId: randomUUID(), certificatePem: '', keyArn: '', status: 'active', issuedAt: createdAt, createdAt,
        expiresAt: new Date(time.getTime() + 365 * 86_400_000).toISOString(), certified: { name: 'Trader', modelHash: 'sha256:0123', permittedActions: [] }, issuer: '', crlShard: 0, ...changes,
      };
      await put(certificateItem(certificate));
      return certificate;
    },

    /** Takes faults and holds away and forgets what has passed. */
    calm() {
      kms.reset();
      dynamodb.reset();
    },
    async stop() {
      kmsClient.destroy();
      documents.destroy();
      await Promise.all([kms.close(), dynamodb.close()]);
      await Promise.all([kmsEngine.close(), engine.close()]);
    },
  };
}

export type TestAuthorityServices = Awaited<ReturnType<typeof startAuthority>>;
