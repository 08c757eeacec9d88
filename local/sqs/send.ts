import { randomUUID } from 'node:crypto';
import type { Input } from '../aws-json/input.ts';
import { performEntries, readEntries, type Prepared } from './batch.ts';
import { SqsError } from './errors.ts';
import { invalidParameter, numberBetween } from './input.ts';
import { attributesMd5 } from './message-attributes.ts';
import { bodyMd5, messageBytes, readContent } from './message.ts';
import { queueOf } from './queue-reference.ts';
import { maximumMessageBytes, type QueueSettings } from './queue-settings.ts';
import type { QueueStore } from './queue-store.ts';

/** SQS API Reference, SendMessage. */
export async function sendMessage(store: QueueStore, input: Input): Promise<object> {
  const { changes, answer } = prepareSend(store, queueOf(store, input), input);
  await store.commit(changes);
  return answer;
}

/** SQS API Reference, SendMessageBatch: up to 10 messages, together no larger than one may be. */
export async function sendMessageBatch(store: QueueStore, input: Input): Promise<object> {
  const queue = queueOf(store, input);
  const entries = readEntries(input, 'SendMessageBatchRequestEntry');
  const bytes = [...entries.values()].reduce((sum, entry) => sum + bytesOf(entry), 0);
  if (bytes > maximumMessageBytes) throw new SqsError('BatchRequestTooLong', `Batch requests cannot be longer than ${maximumMessageBytes} bytes. You have sent ${bytes} bytes.`);
  return performEntries(store, entries, (entry) => prepareSend(store, queue, entry));
}

function prepareSend(store: QueueStore, queue: QueueSettings, input: Input): Prepared {
  const delaySeconds = numberBetween(input, 'DelaySeconds', 0, 900) ?? queue.delaySeconds;
  const content = readContent(input);
  if (messageBytes(content) > queue.maximumMessageSizeBytes) {
    throw invalidParameter(`One or more parameters are invalid. Reason: Message must be shorter than ${queue.maximumMessageSizeBytes} bytes.`);
  }
  const messageId = randomUUID();
  const sentAt = store.clock().getTime();
  const message = { ...content, messageId, sentAt, visibleAt: sentAt + delaySeconds * 1000, receiveCount: 0 };
  return {
    changes: [{ kind: 'send', queue: queue.name, message }],
    answer: { MessageId: messageId, MD5OfMessageBody: bodyMd5(content), MD5OfMessageAttributes: attributesMd5(content.attributes) },
  };
}

// An entry that is no message fails by itself.
function bytesOf(entry: Input): number {
  try {
    return messageBytes(readContent(entry));
  } catch {
    return 0;
  }
}
