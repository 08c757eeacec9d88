import type { Announcement } from '../authority/announcement.ts';
import type { WebhookDeliveries } from '../authority/ports.ts';
import type { DeliveryAttempt, WebhookDelivery } from '../authority/webhook.ts';
import { tables } from '../schema.ts';
import { newest, readCursor, writeCursor } from './cursor.ts';
import { deliveriesOf, deliveryKey, deliveryPositionOf, type Item } from './items.ts';
import { mergedPage, type PartitionReader } from './merged-page.ts';
import { partitionReader } from './partition-reader.ts';
import { updateItem, type Table } from './table.ts';

const keptDays = 30;
// An announcement is tried four times; more are those that were ordered twice, or put to the queue again by hand.
const mostAttempts = 20;
// Some 200 read units.
const mostLookedAt = 1000;

/** What became of announcements to webhooks, in the registry table: a webhook's in one partition, in the order of their events. */
export function webhookDeliveries(table: Table): WebhookDeliveries {
  return {
    async note({ webhookId, tenantId, announcement }, { status, nextAttemptAt, attempt }) {
      const known = { webhookId, tenantId, announcement, status, timeToLive: endOfLife(announcement), ...(nextAttemptAt !== undefined && { nextAttemptAt }) };
      const assigned = Object.keys(known).map((name) => `#${name} = :${name}`);
      const update = (attempts: string, values: Item, condition?: string) => updateItem(table, deliveryKey(webhookId, announcement), {
        UpdateExpression: `SET ${[...assigned, attempts].join(', ')}${nextAttemptAt === undefined ? ' REMOVE nextAttemptAt' : ''}`,
        ConditionExpression: condition,
        ExpressionAttributeNames: Object.fromEntries(Object.keys(known).map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: { ...Object.fromEntries(Object.entries(known).map(([name, value]) => [`:${name}`, value])), ...values },
      });
      if (attempt === undefined) return void (await update('attempts = if_not_exists(attempts, :none)', { ':none': [] }));
      const outcome = await update(
        'attempts = list_append(if_not_exists(attempts, :none), :attempts)',
        { ':none': [], ':attempts': [attempt], ':attempt': attempt, ':most': mostAttempts },
        // One that is in the list was noted before, and only the answer to that was lost.
        'attribute_not_exists(attempts) OR (size(attempts) < :most AND NOT contains(attempts, :attempt))',
      );
      // The list is full: the latest attempt takes the place of the one before it.
      if (!outcome.updated && attemptsOf(outcome.found).length >= mostAttempts) await update(`attempts[${mostAttempts - 1}] = :attempt`, { ':attempt': attempt });
    },

    async list(webhookId, { status, limit, cursor }) {
      const { entries, next } = await mergedPage([deliveryReader(table, webhookId)], {
        limit,
        before: cursor === undefined ? newest : readCursor(cursor),
        positionOf: ({ announcement }) => deliveryPositionOf(announcement),
        isWanted: (delivery) => status === undefined || delivery.status === status,
        firstRead: limit + 1, // one more tells whether there is a next page
        mostLookedAt,
      });
      return { items: entries, ...(next !== undefined && { nextCursor: writeCursor(next) }) };
    },
  };
}

function deliveryReader(table: Table, webhookId: string): PartitionReader<WebhookDelivery> {
  const { partitionKey: partition, sortKey: sort } = tables.registry;
  const read = partitionReader(table, { key: { partition, sort }, value: deliveriesOf(webhookId) });
  return async (before, limit) => {
    const { entries, ...rest } = await read(before, limit);
    return { entries: entries.map(readDelivery), ...rest };
  };
}

/** What was delivered stays delivered, whatever became of a second order for the same. */
function readDelivery({ pk: _partition, sk: _position, timeToLive: _end, ...item }: Item): WebhookDelivery {
  const { nextAttemptAt, ...delivery } = item as unknown as WebhookDelivery;
  if (delivery.attempts.some(({ error }) => error === undefined)) return { ...delivery, status: 'delivered' };
  return { ...delivery, ...(nextAttemptAt !== undefined && { nextAttemptAt }) };
}

const attemptsOf = (item: Item | undefined) => (item?.['attempts'] ?? []) as readonly DeliveryAttempt[];

/** In seconds since 1970, as DynamoDB wants it. */
const endOfLife = ({ created_at: createdAt }: Announcement) => Math.ceil(Date.parse(createdAt) / 1000) + keptDays * 86_400;
