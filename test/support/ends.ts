import { randomUUID } from 'node:crypto';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { CertificateEnd } from '../../lambdas/authority/certificate-end.ts';
import { certificateIdFromRandom } from '../../lambdas/pki/serial-number.ts';
import { localCredentials, region } from '../../local/account.ts';
import type { Runtime } from '../../local/runtime.ts';

let sequenceNumber = 0;

/** The end of a certificate that is nowhere in the registry. */
export function certificateEnd(fields: Pick<CertificateEnd, 'keyArn'> & Partial<CertificateEnd>): CertificateEnd {
  return {
    certificateId: certificateIdFromRandom(crypto.getRandomValues(new Uint8Array(16))),
    agentId: randomUUID(), tenantId: randomUUID(), crlShard: 0, cause: 'revoked', endedAt: new Date().toISOString(),
    ...fields,
  };
}

/** The record of an outbox entry that was written, as Lambda would deliver it; no such entry is in the table. */
export function endRecord(fields: Pick<CertificateEnd, 'keyArn'> & Partial<CertificateEnd>): DynamoDBRecord {
  const end = certificateEnd(fields);
  const keys = { pk: `OUTBOX#${end.certificateId}`, sk: 'OUTBOX' };
  return {
    eventID: randomUUID(), eventName: 'INSERT', eventSource: 'aws:dynamodb',
    dynamodb: { Keys: marshall(keys) as never, NewImage: marshall({ ...keys, ...end }) as never, SequenceNumber: String(++sequenceNumber), StreamViewType: 'NEW_AND_OLD_IMAGES' },
  };
}

export const certificateIdOfRecord = ({ dynamodb }: DynamoDBRecord) => dynamodb?.NewImage?.['certificateId']?.S ?? '';

/** Keys like those of agents, and nothing else to them. */
export async function createKeys({ kmsEndpoint }: Pick<Runtime, 'kmsEndpoint'>, count: number): Promise<string[]> {
  const client = new KMSClient({ endpoint: kmsEndpoint, region, credentials: localCredentials });
  try {
    const keys = Array.from({ length: count }, async () => (await client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }))).KeyMetadata?.Arn ?? '');
    return await Promise.all(keys);
  } finally {
    client.destroy();
  }
}
