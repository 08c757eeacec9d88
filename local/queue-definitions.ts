import { deadLetterQueueOf, exhaustedDeliveryQueue, queueConsumers, type QueueConsumer, type QueueConsumerName } from '../lambdas/triggers.ts';
import type { QueueDefinition } from './sqs/queue-settings.ts';

/** The queue of that function or of its dead letters, or another of that name. */
export const queueNameOf = (name: string) => `kakunin-${name}`;

// SQS keeps a message no longer.
const longestRetentionSeconds = 14 * 86_400;

/** The queues of lambdas/triggers.ts, each with one for its dead letters, as lib/queues.ts deploys them. */
export const queueDefinitions: readonly QueueDefinition[] = [
  ...(Object.entries(queueConsumers) as [QueueConsumerName, QueueConsumer][]).flatMap(([name, { visibilityTimeoutSeconds, maximumReceives }]) => [
    { name: queueNameOf(name), visibilityTimeoutSeconds, redrive: { deadLetterQueue: queueNameOf(deadLetterQueueOf(name)), maxReceiveCount: maximumReceives } },
    { name: queueNameOf(deadLetterQueueOf(name)), messageRetentionPeriodSeconds: longestRetentionSeconds },
  ]),
  { name: queueNameOf(exhaustedDeliveryQueue), messageRetentionPeriodSeconds: longestRetentionSeconds },
];
