import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import type { ObservedRisk } from '../authority/auto-revoke.ts';

/** What a risk record must hold, whoever wrote it (docs/risk-records.md). A score above 1 is a mistake, but no reason to trust the agent. */
const record = z.object({
  agent_id: z.string().min(1),
  record_id: z.string().min(1),
  tenant_id: z.string().nullish(),
  score: z.number(),
  observed_at: z.iso.datetime({ offset: true }).nullish(),
});

const attributes = ['kind', ...Object.keys(record.shape)];

/**
 * The risk that a record of the risk table's stream reports; undefined where it reports none (a deletion, or a day's
 * traded volume). A record is observed when it says, but never later than it was written: a date in the future would
 * reach certificates not yet issued.
 * @throws Error where the record is not as documented.
 */
export function readObservedRisk({ eventName, dynamodb }: DynamoDBRecord): ObservedRisk | undefined {
  if (eventName === 'REMOVE' || dynamodb?.NewImage === undefined) return undefined;
  // Only these: what else a pipeline writes may be what JavaScript cannot read, such as a number of twenty digits.
  const image = unmarshall(Object.fromEntries(Object.entries(dynamodb.NewImage as Record<string, AttributeValue>).filter(([name]) => attributes.includes(name))));
  if (image['kind'] === 'volume') return undefined;
  const result = record.safeParse(image);
  if (!result.success) {
    const { path, message } = result.error.issues[0] ?? { path: [], message: '' };
    throw new Error(`Risk record ${String(image['record_id'])} is malformed at ${path.join('.')}: ${message}. See docs/risk-records.md.`);
  }
  const { agent_id, record_id, tenant_id, score, observed_at } = result.data;
  return { recordId: record_id, agentId: agent_id, tenantId: tenant_id ?? undefined, score, observedAt: observedAt(observed_at ?? undefined, dynamodb.ApproximateCreationDateTime) };
}

/** The stream tells the time of writing rounded to the second, so a record may claim up to the end of that second. */
function observedAt(claimed: string | undefined, writtenAtSeconds: number | undefined): string {
  const latest = writtenAtSeconds === undefined ? Date.now() : (Math.floor(writtenAtSeconds) + 1) * 1000 - 1;
  const instant = claimed === undefined ? latest : Math.min(Date.parse(claimed), latest);
  return new Date(instant).toISOString();
}
