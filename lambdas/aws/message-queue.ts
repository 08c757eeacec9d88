import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { sendInParts } from './parts.ts';

export interface Queue {
  readonly client: SQSClient;
  readonly queueUrl: string;
}

export interface SendOptions<Message> {
  /** Before anybody receives the messages; at most 900. */
  readonly delaySeconds?: number;
  /**
   * On whose behalf each is sent: one who has many messages waiting, or slow ones, does not hold up the others.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
   */
  readonly groupOf?: (message: Message) => string;
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const messagesPerRequest = 10;

/**
 * Sends messages, each as JSON. They are small: ten of them stay far below the megabyte that SQS takes at once.
 * @returns how each went, in the order of `messages`. One that failed may have been sent all the same, its answer lost.
 */
export function sendMessages<Message extends object>({ client, queueUrl }: Queue, messages: readonly Message[], { delaySeconds = 0, groupOf }: SendOptions<Message> = {}): Promise<PromiseSettledResult<void>[]> {
  return sendInParts(messages, messagesPerRequest, async (part) => {
    const Entries = part.map((message, index) => ({ Id: String(index), MessageBody: bodyOf(message), DelaySeconds: delaySeconds, MessageGroupId: groupOf?.(message) }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    const refusals = new Map(Failed.map(({ Id, Code, Message }) => [Id, new Error(`SQS did not take the message: ${[Code, Message].filter(Boolean).join(', ')}.`)]));
    return part.map((_, index) => refusals.get(String(index)));
  });
}

/**
 * JSON, in which two characters are escaped that JSON allows as they are and SQS does not.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
function bodyOf(message: object): string {
  return JSON.stringify(message).replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}
