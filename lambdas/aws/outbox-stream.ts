import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord, SQSRecord } from 'aws-lambda';
import * as z from 'zod';
import type { AuditEntry } from '../authority/audit.ts';
import type { CertificateEnd, KeyEnd } from '../authority/certificate-end.ts';
import type { Change } from '../authority/relay-changes.ts';
import { auditKeyPrefix, outboxKeyPrefix } from '../triggers.ts';
import { auditItem, readAuditEntry } from './items.ts';

const outboxShape = z.object({
  certificateId: z.uuid(),
  agentId: z.string().min(1),
  tenantId: z.string().min(1),
  keyArn: z.string().min(1),
  grantId: z.string().min(1).optional(),
  crlShard: z.number().int().min(0),
  cause: z.enum(['revoked', 'expired']),
  endedAt: z.iso.datetime(),
});

const abandonedKeyShape = outboxShape.pick({ keyArn: true, certificateId: true, agentId: true, tenantId: true }).extend({ cause: z.literal('abandoned') });
const keyEndShape = z.discriminatedUnion('cause', [outboxShape, abandonedKeyShape]);

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
  return readAs<CertificateEnd>(outboxShape, image, `Outbox entry ${String(image['pk'])}`);
}

/**
 * The key that a message of the queue is about, which holds it as JSON.
 * @throws Error where it is not as it was sent.
 */
export function readKeyEndMessage({ body, messageId }: Pick<SQSRecord, 'body' | 'messageId'>): KeyEnd {
  return readAs<KeyEnd>(keyEndShape, JSON.parse(body), `Message ${messageId}`);
}

function readAs<Value>(shape: z.ZodType, value: unknown, name: string): Value {
  const { data, error } = shape.safeParse(value);
  if (error !== undefined) throw malformed(name, error);
  return data as Value;
}

function malformed(name: string, { issues: [issue] }: z.ZodError): Error {
  const { path, message } = issue ?? { path: [], message: '' };
  return new Error(`${name} is malformed at ${path.join('.')}: ${message}.`);
}

/** Of what kind an entry is stays open: there may be a newer version of this service beside this one. */
const auditShape = z.object({
  id: z.uuid(),
  tenantId: z.string().min(1),
  eventType: z.string(),
  actor: z.object({ type: z.string(), id: z.string() }),
  description: z.string(),
  affectedId: z.string(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.iso.datetime(),
});

/** The entry, which must be where it says it is: by that its link finds it again, and its tenant is whom it is told to. */
function auditEntryOf(image: Record<string, unknown>): AuditEntry {
  const name = `Audit entry ${String(image['pk'])} ${String(image['sk'])}`;
  const entry = readAuditEntry(image) as AuditEntry;
  const { error } = auditShape.safeParse(entry);
  if (error !== undefined) throw malformed(name, error);
  const { pk, sk } = auditItem(entry);
  if (pk !== image['pk'] || sk !== image['sk']) throw new Error(`${name} is malformed: its key is not that of its tenant, time and id.`);
  return entry;
}

/**
 * What a record of the registry's stream reports that others are to hear of: as readCertificateEnd, or a new entry of the
 * audit trail, or one of a replayed dead letter.
 * @throws Error where the entry, of either kind, is not as it was written.
 */
export function readChange(record: DynamoDBRecord): Change | undefined {
  const end = readCertificateEnd(record);
  if (end !== undefined) return { end };
  const { eventName, dynamodb: { Keys, OldImage, NewImage } = {} } = record;
  if (eventName === 'REMOVE' || NewImage === undefined || Keys?.['pk']?.S?.startsWith(auditKeyPrefix) !== true) return undefined;
  const replayed = OldImage?.['replayedAt']?.S !== NewImage['replayedAt']?.S;
  if (OldImage !== undefined && !replayed) return undefined;
  return { entry: auditEntryOf(unmarshall(NewImage as Record<string, AttributeValue>)), replayed };
}
