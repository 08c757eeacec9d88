import type { Input } from '../aws-json/input.ts';
import type { Call } from '../aws-json/protocol.ts';
import { getQueueAttributes, getQueueUrl, purgeQueue } from './queues.ts';
import type { QueueStore } from './queue-store.ts';
import { receiveMessage } from './receive.ts';
import { sendMessage, sendMessageBatch } from './send.ts';
import { changeMessageVisibility, changeMessageVisibilityBatch, deleteMessage, deleteMessageBatch } from './settle.ts';

type QueueOperation = (store: QueueStore, input: Input, call: Call) => object | Promise<object> | Promise<void>;

/** The operations of SQS that there are here, by name. */
export const operations: ReadonlyMap<string, QueueOperation> = new Map<string, QueueOperation>([
  ['ChangeMessageVisibility', changeMessageVisibility],
  ['ChangeMessageVisibilityBatch', changeMessageVisibilityBatch],
  ['DeleteMessage', deleteMessage],
  ['DeleteMessageBatch', deleteMessageBatch],
  ['GetQueueAttributes', getQueueAttributes],
  ['GetQueueUrl', getQueueUrl],
  ['PurgeQueue', purgeQueue],
  ['ReceiveMessage', receiveMessage],
  ['SendMessage', sendMessage],
  ['SendMessageBatch', sendMessageBatch],
]);
