import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import type { ObservedRisk } from '../authority/auto-revoke.ts';
import { instantOf } from './instant.ts';
import { readItem } from './table.ts';

/** What a risk record must hold, whoever wrote it (docs/risk-records.md). A score above 1 is a mistake, but no reason to trust the agent. */
const recordShape = z.object({
  agent_id: z.string().min(1).toLowerCase(),
  record_id: z.string().min(1),
  tenant_id: z.string().nullish(),
  score: z.number(),
  // Whatever it is: a time that cannot be read counts as none.
  observed_at: z.unknown().optional(),
});

const attributes = ['kind', 'replayed_at', ...Object.keys(recordShape.shape)];

/** A change of any of these is a risk to act upon: one observed anew, or that of a dead letter delivered once more. */
const telling = ['score', 'observed_at', 'replayed_at'];

/**
 * The risk that a record of the risk table's stream reports; undefined where it reports none: a deletion, what is only
 * counted of a day, or a change that leaves the score as it was, which must not count as a risk observed anew.
 * @throws Error where the record is not as documented.
 */
export function readObservedRisk({ eventName, dynamodb }: DynamoDBRecord): ObservedRisk | undefined {
  if (eventName === 'REMOVE' || dynamodb?.NewImage === undefined) return undefined;
  const image = readImage(dynamodb.NewImage);
  if (image['kind'] === 'volume' || image['kind'] === 'rollup') return undefined;
  const before = dynamodb.OldImage && readImage(dynamodb.OldImage);
  if (before !== undefined && telling.every((name) => before[name] === image[name])) return undefined;
  const result = recordShape.safeParse(image);
  if (!result.success) {
    const { path, message } = result.error.issues[0] ?? { path: [], message: '' };
    throw new Error(`Risk record ${String(image['record_id'])} is malformed at ${path.join('.')}: ${message}. See docs/risk-records.md.`);
  }
  const { agent_id, record_id, tenant_id, score } = result.data;
  return { recordId: record_id, agentId: agent_id, tenantId: tenant_id ?? undefined, score, observedAt: observationTime(result.data, dynamodb.ApproximateCreationDateTime) };
}

/** Only what is looked at, whatever else a pipeline writes. */
function readImage(image: NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']>): Record<string, unknown> {
  const known = Object.entries(image as Record<string, AttributeValue>).filter(([name]) => attributes.includes(name));
  return readItem(Object.fromEntries(known));
}

/**
 * A record was observed when it says, or else when its id says, or else when it was written, and never later than that: a
 * date in the future would reach certificates not yet issued. The stream tells the time of writing rounded to the second,
 * so a record may claim up to the end of that second.
 * @param writtenAtSeconds the stream's `ApproximateCreationDateTime`; now without it.
 * @returns ISO 8601 with milliseconds.
 */
export function observationTime(record: RiskTimes, writtenAtSeconds: number | undefined): string {
  const written = writtenAtSeconds === undefined ? Date.now() : (Math.floor(writtenAtSeconds) + 1) * 1000 - 1;
  return new Date(Math.min(claimedTime(record) ?? written, written)).toISOString();
}

export interface RiskTimes {
  readonly observed_at?: unknown;
  readonly record_id: string;
}

/** When a record says, or else its id, that it was observed, in epoch milliseconds; undefined where neither does. */
export function claimedTime({ observed_at, record_id }: RiskTimes): number | undefined {
  return instantOf(observed_at) ?? instantOf(record_id.split('#')[0]);
}
