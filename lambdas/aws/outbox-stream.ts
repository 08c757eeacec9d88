import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import type { CertificateEnd } from '../authority/certificate-end.ts';
import { outboxKeyPrefix } from '../triggers.ts';

const outboxShape = z.object({
  certificateId: z.uuid(),
  agentId: z.string().min(1),
  tenantId: z.string().min(1),
  keyArn: z.string().min(1),
  crlShard: z.number().int().min(0),
  cause: z.enum(['revoked', 'expired']),
  endedAt: z.iso.datetime(),
});

/** A change of any of these is an end to act upon; the cause changes where a revocation met the expiry. */
const telling = ['cause', 'replayedAt'];

/**
 * The end of a certificate that a record of the registry's stream reports; undefined where it reports none: another item,
 * a deletion, or a change that is neither a replayed dead letter's nor another cause.
 * @throws Error where the entry is not as it was written.
 */
export function readCertificateEnd({ eventName, dynamodb }: DynamoDBRecord): CertificateEnd | undefined {
  if (eventName === 'REMOVE' || dynamodb?.NewImage === undefined || dynamodb.Keys?.['pk']?.S?.startsWith(outboxKeyPrefix) !== true) return undefined;
  const { OldImage, NewImage } = dynamodb;
  if (OldImage !== undefined && telling.every((name) => OldImage[name]?.S === NewImage[name]?.S)) return undefined;
  const image = unmarshall(NewImage as Record<string, AttributeValue>);
  const result = outboxShape.safeParse(image);
  if (!result.success) {
    const { path, message } = result.error.issues[0] ?? { path: [], message: '' };
    throw new Error(`Outbox entry ${String(image['pk'])} is malformed at ${path.join('.')}: ${message}.`);
  }
  return result.data;
}
