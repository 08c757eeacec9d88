import type { Input } from '../aws-json/input.ts';
import { performEntries, readEntries, type Prepared } from './batch.ts';
import { SqsError } from './errors.ts';
import { invalidParameter, numberBetween, requiredText } from './input.ts';
import { queueOf } from './queue-reference.ts';
import { maximumVisibilitySeconds, type QueueSettings } from './queue-settings.ts';
import type { QueueStore } from './queue-store.ts';
import { parseReceiptHandle } from './receipt-handle.ts';

/** SQS API Reference, DeleteMessage: also of one that is visible again, or deleted already. */
export async function deleteMessage(store: QueueStore, input: Input): Promise<void> {
  await store.commit(prepareDelete(store, queueOf(store, input), input).changes);
}

/** SQS API Reference, DeleteMessageBatch. */
export async function deleteMessageBatch(store: QueueStore, input: Input): Promise<object> {
  const queue = queueOf(store, input);
  return performEntries(store, readEntries(input, 'DeleteMessageBatchRequestEntry'), (entry) => prepareDelete(store, queue, entry));
}

/** SQS API Reference, ChangeMessageVisibility. */
export async function changeMessageVisibility(store: QueueStore, input: Input): Promise<void> {
  await store.commit(prepareHide(store, queueOf(store, input), input).changes);
}

/** SQS API Reference, ChangeMessageVisibilityBatch. */
export async function changeMessageVisibilityBatch(store: QueueStore, input: Input): Promise<object> {
  const queue = queueOf(store, input);
  return performEntries(store, readEntries(input, 'ChangeMessageVisibilityBatchRequestEntry'), (entry) => prepareHide(store, queue, entry));
}

// With the handle of an earlier receive AWS may or may not delete; whoever relies on it is better found out here.
function prepareDelete(store: QueueStore, queue: QueueSettings, input: Input): Prepared {
  const { messageId, receiveCount } = parseReceiptHandle(queue.name, requiredText(input, 'ReceiptHandle'));
  const isLatest = store.queue(queue.name).get(messageId)?.receiveCount === receiveCount;
  return { changes: isLatest ? [{ kind: 'delete', queue: queue.name, messageId }] : [], answer: {} };
}

function prepareHide(store: QueueStore, queue: QueueSettings, input: Input): Prepared {
  const handle = requiredText(input, 'ReceiptHandle');
  const seconds = numberBetween(input, 'VisibilityTimeout', 0, maximumVisibilitySeconds);
  if (seconds === undefined) throw new SqsError('MissingRequiredParameterException', 'The request must contain the parameter VisibilityTimeout.');
  const { messageId, receiveCount } = parseReceiptHandle(queue.name, handle);
  const message = store.queue(queue.name).get(messageId);
  if (message?.receiveCount !== receiveCount || message.lastReceivedAt === undefined) {
    throw invalidParameter(`Value ${handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`);
  }
  const visibleAt = store.clock().getTime() + seconds * 1000;
  if (visibleAt > message.lastReceivedAt + maximumVisibilitySeconds * 1000) {
    throw invalidParameter(`Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${maximumVisibilitySeconds} seconds].`);
  }
  return { changes: [{ kind: 'hide', queue: queue.name, messageId, receiveCount, visibleAt }], answer: {} };
}
