import { ChangeMessageVisibilityBatchCommand, DeleteMessageCommand, GetQueueUrlCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { letterQueues, type QueueConsumerName } from '../triggers.ts';
import { sendMessages } from './message-queue.ts';
import { partsOf } from './parts.ts';

/** A message that a queue's function could not deal with, or has given up. */
export interface QueuedLetter {
  /** Where it waits (lambdas/triggers.ts). */
  readonly queue: string;
  /** The function whose queue it is for. */
  readonly functionName: QueueConsumerName;
  /** Of the message. */
  readonly id: string;
  readonly body: string;
  /** ISO 8601: when it was sent; to the function's own queue, where SQS has put it aside. */
  readonly sentAt: string;
  readonly receiptHandle: string;
}

/** SQS cannot be reached, does not let us in, or has no such queue: `cause` says which. */
export class QueuesUnavailable extends Error {
  override readonly name = 'QueuesUnavailable';
}

/** How long letters are kept from others, while they are looked at or worked on. */
const heldSeconds = 300;

/**
 * The queues that messages go to in the end with which the functions of queues could do nothing; `prefix` is the deployment's, with
 * which the names of its queues begin. The methods throw QueuesUnavailable.
 */
export function deadLetterQueues(client: SQSClient, prefix: string) {
  const urlOf = (name: string) => calling(async () => {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-${name}` }), withinLimit());
    if (QueueUrl === undefined) throw new Error(`SQS gave no URL for the queue ${prefix}-${name}.`);
    return QueueUrl;
  });

  return {
    /** All there are in one of `letterQueues`, which nobody else is given until they are released or five minutes have passed: SQS has no other way to look. */
    async hold(queue: string): Promise<QueuedLetter[]> {
      const functionName = letterQueues[queue];
      if (functionName === undefined) throw new Error(`Nothing waits to be replayed in ${queue}.`);
      const QueueUrl = await urlOf(queue);
      const letters = new Map<string, QueuedLetter>();
      // A wait, however short, asks every server of the queue; without one, some that have messages may not be asked.
      const request = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: heldSeconds, WaitTimeSeconds: 1, MessageSystemAttributeNames: ['SentTimestamp' as const] };
      for (;;) {
        const { Messages = [] } = await calling(() => client.send(new ReceiveMessageCommand(request), withinLimit()));
        const known = letters.size;
        for (const { MessageId = '', ReceiptHandle = '', Body = '', Attributes } of Messages) {
          letters.set(MessageId, { queue, functionName, id: MessageId, body: Body, receiptHandle: ReceiptHandle, sentAt: new Date(Number(Attributes?.SentTimestamp)).toISOString() });
        }
        // Of very many the first are there again before the last was read: then it is enough.
        if (letters.size === known) return [...letters.values()];
      }
    },

    async release(queue: string, letters: readonly QueuedLetter[]): Promise<void> {
      const QueueUrl = await urlOf(queue);
      for (const part of partsOf(letters, 10)) {
        const Entries = part.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }));
        await calling(() => client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }), withinLimit()));
      }
    },

    /** Sends the function a message, which is on behalf of that tenant. */
    async send(functionName: QueueConsumerName, message: object, tenantId: string): Promise<void> {
      const queueUrl = await urlOf(functionName);
      await calling(async () => {
        const [outcome] = await sendMessages({ client, queueUrl, tenantOf: () => tenantId }, [message]);
        if (outcome?.status === 'rejected') throw outcome.reason;
      });
    },

    /** Again does nothing. */
    async remove({ queue, receiptHandle }: QueuedLetter): Promise<void> {
      const QueueUrl = await urlOf(queue);
      await calling(() => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle }), withinLimit()));
    },
  };
}

async function calling<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (cause) {
    throw new QueuesUnavailable('The queues cannot be used.', { cause });
  }
}

const withinLimit = () => ({ abortSignal: AbortSignal.timeout(20_000) });
