import type { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { announcedEvents } from '../authority/announcement.ts';
import type { DeliveryQueue } from '../authority/ports.ts';
import type { DeliveryOrder } from '../authority/webhook.ts';
import { sendMessages } from './message-queue.ts';

/** A queue of orders, or that of those whose receivers have failed too often. */
export function deliveryQueue(client: SQSClient, queueUrl: string): DeliveryQueue {
  const queue = { client, queueUrl, tenantOf: ({ announcement }: DeliveryOrder) => announcement.tenant_id };
  return { sendOrders: (orders, delaySeconds) => sendMessages(queue, orders, delaySeconds) };
}

const orderShape = z.object({
  webhookId: z.uuid(),
  announcement: z.object({
    id: z.uuid(),
    event: z.enum(announcedEvents),
    tenant_id: z.string().min(1),
    created_at: z.iso.datetime(),
    data: z.record(z.string(), z.union([z.string(), z.number()])),
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
