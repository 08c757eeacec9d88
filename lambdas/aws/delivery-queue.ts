import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { announcedEvents } from '../authority/announcement.ts';
import type { DeliveryQueue } from '../authority/ports.ts';
import { sideBySide } from '../authority/side-by-side.ts';
import type { DeliveryOrder } from '../authority/webhook.ts';

/** What SQS takes in one request; the orders are of a few kilobytes each, so that ten are far below a batch's 1 MiB. */
const batchSize = 10;
const batchesAtOnce = 10;

/** A queue of orders, or that of the dead ones. */
export function deliveryQueue(client: SQSClient, queueUrl: string): DeliveryQueue {
  async function sendBatch(orders: readonly DeliveryOrder[], delaySeconds: number): Promise<ReadonlyMap<string | undefined, Error>> {
    const Entries = orders.map((order, index) => ({
      Id: `${index}`,
      MessageBody: messageBodyOf(order),
      DelaySeconds: delaySeconds,
      // A tenant whose receivers are slow holds up no other's deliveries.
      // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
      MessageGroupId: order.announcement.tenant_id,
    }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }), { abortSignal: AbortSignal.timeout(20_000) });
    return new Map(Failed.map(({ Id, Code, Message }) => [Id, new Error(`The queue did not take an order: ${[Code, Message].filter(Boolean).join(': ')}`)]));
  }

  return {
    async sendOrders(orders, delaySeconds = 0) {
      const batches = Array.from({ length: Math.ceil(orders.length / batchSize) }, (_, batch) => orders.slice(batch * batchSize, (batch + 1) * batchSize));
      const answers = await sideBySide(batches, batchesAtOnce, (batch) => sendBatch(batch, delaySeconds));
      return orders.map((_, index): PromiseSettledResult<void> => {
        const answer = answers[Math.floor(index / batchSize)];
        if (answer?.status !== 'fulfilled') return { status: 'rejected', reason: answer?.reason };
        const failure = answer.value.get(`${index % batchSize}`);
        return failure === undefined ? { status: 'fulfilled', value: undefined } : { status: 'rejected', reason: failure };
      });
    },
  };
}

/** JSON, in which two characters are escaped that JSON allows as they are and SQS does not. */
function messageBodyOf(order: DeliveryOrder): string {
  return JSON.stringify(order).replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

const orderShape = z.object({
  webhookId: z.uuid(),
  announcement: z.object({
    id: z.uuid(),
    event: z.enum(announcedEvents),
    tenant_id: z.string().min(1),
    created_at: z.iso.datetime(),
    data: z.record(z.string(), z.string()),
  }),
  failedAttempts: z.number().int().min(0),
});

/**
 * The order that a message of the queue holds.
 * @throws Error that says where it is malformed, without what stands there.
 */
export function readDeliveryOrder(messageBody: string): DeliveryOrder {
  const { data, error } = orderShape.safeParse(jsonOf(messageBody));
  if (data !== undefined) return data;
  const { path, message } = error.issues[0] ?? { path: [], message: '' };
  throw new Error(`The message is no order of a delivery, at ${path.join('.') || 'its top'}: ${message}.`);
}

/** Undefined where it is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
