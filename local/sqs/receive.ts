import { MessageSystemAttributeName } from '@aws-sdk/client-sqs';
import type { Input } from '../aws-json/input.ts';
import type { Call } from '../aws-json/protocol.ts';
import { SqsError } from './errors.ts';
import { numberBetween, refuse, texts } from './input.ts';
import { attributesMd5, selectAttributes } from './message-attributes.ts';
import { bodyMd5, type Message } from './message.ts';
import { queueOf } from './queue-reference.ts';
import { maximumVisibilitySeconds, type QueueSettings } from './queue-settings.ts';
import type { QueueStore } from './queue-store.ts';
import { receiptHandle } from './receipt-handle.ts';

/** SQS API Reference, ReceiveMessage: up to 10 messages, at once or after up to 20 seconds. */
export async function receiveMessage(store: QueueStore, input: Input, { signal }: Call): Promise<object> {
  const queue = queueOf(store, input);
  refuse(input, ['ReceiveRequestAttemptId']);
  const most = numberBetween(input, 'MaxNumberOfMessages', 1, 10) ?? 1;
  const visibilityTimeoutSeconds = numberBetween(input, 'VisibilityTimeout', 0, maximumVisibilitySeconds) ?? queue.visibilityTimeoutSeconds;
  const waitSeconds = numberBetween(input, 'WaitTimeSeconds', 0, 20) ?? queue.receiveMessageWaitTimeSeconds;
  const systemNames = [...texts(input, 'AttributeNames'), ...texts(input, 'MessageSystemAttributeNames')];
  const unknown = systemNames.find((name) => !Object.hasOwn(MessageSystemAttributeName, name));
  if (unknown !== undefined) throw new SqsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
  const names = texts(input, 'MessageAttributeNames');

  const messages = await store.receive(queue, { most, visibilityTimeoutSeconds, waitSeconds, signal });
  return messages.length === 0 ? {} : { Messages: messages.map((message) => describe(store, queue, message, systemNames, names)) };
}

function describe(store: QueueStore, queue: QueueSettings, message: Message, systemNames: readonly string[], names: readonly string[]): object {
  const system = Object.entries(systemAttributes(store, message)).filter(([name, value]) => value !== undefined && (systemNames.includes('All') || systemNames.includes(name)));
  const attributes = selectAttributes(message.attributes, names);
  return {
    MessageId: message.messageId,
    ReceiptHandle: receiptHandle(queue.name, message.messageId, message.receiveCount),
    MD5OfBody: bodyMd5(message),
    Body: message.body,
    ...(system.length > 0 && { Attributes: Object.fromEntries(system) }),
    ...(attributes.length > 0 && { MD5OfMessageAttributes: attributesMd5(attributes), MessageAttributes: Object.fromEntries(attributes) }),
  };
}

// Who sends is not looked at: every message is the account's.
function systemAttributes({ owner }: QueueStore, message: Message): Readonly<Record<string, string | undefined>> {
  return {
    SenderId: owner.accountId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    MessageGroupId: message.groupId,
    DeadLetterQueueSourceArn: message.deadLetterSourceArn,
  };
}
