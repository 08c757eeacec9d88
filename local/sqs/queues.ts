import { QueueAttributeName } from '@aws-sdk/client-sqs';
import { text, type Input } from '../aws-json/input.ts';
import type { Call } from '../aws-json/protocol.ts';
import { SqsError } from './errors.ts';
import { requiredText, texts } from './input.ts';
import { findQueue, queueOf, queueUrl } from './queue-reference.ts';
import type { QueueSettings } from './queue-settings.ts';
import type { QueueStore } from './queue-store.ts';

/** SQS API Reference, GetQueueUrl. The URL is at the host that was asked. */
export function getQueueUrl(store: QueueStore, input: Input, { host }: Call): object {
  const name = requiredText(input, 'QueueName');
  findQueue(store, name, text(input, 'QueueOwnerAWSAccountId', { max: Infinity }) ?? store.owner.accountId);
  return { QueueUrl: queueUrl(store.owner, `http://${host}`, name) };
}

/** SQS API Reference, GetQueueAttributes. The numbers of messages are exact. */
export function getQueueAttributes(store: QueueStore, input: Input): object {
  const queue = queueOf(store, input);
  const names = texts(input, 'AttributeNames');
  const unknown = names.find((name) => !Object.hasOwn(QueueAttributeName, name));
  if (unknown !== undefined) throw new SqsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
  const asked = Object.entries(attributesOf(store, queue)).filter(([name]) => names.includes('All') || names.includes(name));
  return { Attributes: Object.fromEntries(asked) };
}

/** SQS API Reference, PurgeQueue: of all messages, those in flight included, at once. */
export async function purgeQueue(store: QueueStore, input: Input): Promise<void> {
  const { name } = queueOf(store, input);
  const now = store.clock().getTime();
  if (now < store.queue(name).purgedAt + 60_000) throw new SqsError('PurgeQueueInProgress', `Only one PurgeQueue operation on ${name} is allowed every 60 seconds.`);
  await store.commit([{ kind: 'purge', queue: name, purgedAt: now }]);
}

function attributesOf(store: QueueStore, queue: QueueSettings): Record<string, string> {
  const { redrive } = queue;
  const { visible, inFlight, delayed } = count(store, queue);
  const startedAtSeconds = String(Math.floor(store.startedAt.getTime() / 1000));
  return {
    QueueArn: store.arn(queue.name),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: startedAtSeconds,
    LastModifiedTimestamp: startedAtSeconds,
    VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    MaximumMessageSize: String(queue.maximumMessageSizeBytes),
    MessageRetentionPeriod: String(queue.messageRetentionPeriodSeconds),
    DelaySeconds: String(queue.delaySeconds),
    ReceiveMessageWaitTimeSeconds: String(queue.receiveMessageWaitTimeSeconds),
    ...(redrive !== undefined && { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: store.arn(redrive.deadLetterQueue), maxReceiveCount: redrive.maxReceiveCount }) }),
  };
}

function count(store: QueueStore, queue: QueueSettings): { visible: number; inFlight: number; delayed: number } {
  const now = store.clock().getTime();
  const counts = { visible: 0, inFlight: 0, delayed: 0 };
  for (const { sentAt, visibleAt, receiveCount } of store.queue(queue.name).all()) {
    if (sentAt < store.oldestKept(queue)) continue;
    if (visibleAt <= now) counts.visible++;
    else if (receiveCount > 0) counts.inFlight++;
    else counts.delayed++;
  }
  return counts;
}
