import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  type Message,
  type ReceiveMessageCommandInput,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { localCredentials, region } from '../../local/account.ts';

/** A client that tries once. */
export function sqsClient(endpoint: string): SQSClient {
  return new SQSClient({ endpoint, region, credentials: localCredentials, maxAttempts: 1 });
}

export type QueueClient = ReturnType<typeof queueClient>;

/** The requests to one queue; receives take all they can get. */
export function queueClient(client: SQSClient, QueueUrl: string) {
  const receive = async (more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> =>
    (await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ?? [];
  return {
    send: (MessageBody: string, more: Partial<SendMessageCommandInput> = {}) => client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more })),
    async sendAll(bodies: readonly string[]): Promise<void> {
      for (let at = 0; at < bodies.length; at += 10) {
        await client.send(new SendMessageBatchCommand({ QueueUrl, Entries: bodies.slice(at, at + 10).map((MessageBody, index) => ({ Id: `${index}`, MessageBody })) }));
      }
    },
    receive,
    receiveBodies: async (more: Partial<ReceiveMessageCommandInput> = {}) => (await receive(more)).map(({ Body = '' }) => Body),
    /** Receives, for an hour, until there is nothing more. */
    async drain(): Promise<string[]> {
      const bodies: string[] = [];
      for (let messages = await receive({ VisibilityTimeout: 3600 }); messages.length > 0; messages = await receive({ VisibilityTimeout: 3600 })) bodies.push(...messages.map(({ Body = '' }) => Body));
      return bodies;
    },
    remove: (ReceiptHandle: string | undefined) => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
    removeAll: (messages: readonly Message[]) =>
      client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle })) })),
    hide: (ReceiptHandle: string | undefined, VisibilityTimeout: number) => client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout })),
    purge: () => client.send(new PurgeQueueCommand({ QueueUrl })),
    /** Visible, in flight, delayed. */
    async counts(): Promise<number[]> {
      const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
      return [Attributes?.ApproximateNumberOfMessages, Attributes?.ApproximateNumberOfMessagesNotVisible, Attributes?.ApproximateNumberOfMessagesDelayed].map(Number);
    },
  };
}
