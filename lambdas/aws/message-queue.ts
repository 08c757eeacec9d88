import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { sendInParts } from './parts.ts';

export interface Queue<Message> {
  readonly client: SQSClient;
  readonly queueUrl: string;
  /**
   * Whom a message is for: one who has many of them, or slow ones, holds up no other's.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
   */
  readonly tenantOf: (message: Message) => string;
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const messagesPerRequest = 10;

/**
 * Sends messages, each as JSON, of a few kilobytes at most: ten of them stay far below the megabyte that SQS takes at once.
 * @param delaySeconds before anybody receives them, at most 900
 * @returns how each went, in the order of `messages`. One that failed may have been sent all the same, its answer lost.
 */
export function sendMessages<Message extends object>({ client, queueUrl, tenantOf }: Queue<Message>, messages: readonly Message[], delaySeconds = 0): Promise<PromiseSettledResult<void>[]> {
  return sendInParts(messages, messagesPerRequest, async (part) => {
    const Entries = part.map((message, index) => ({ Id: String(index), MessageBody: messageBody(message), DelaySeconds: delaySeconds, MessageGroupId: tenantOf(message) }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }), { abortSignal: AbortSignal.timeout(20_000) });
    const refusals = new Map(Failed.map(({ Id, Code, Message }) => [Id, new Error(`SQS did not take the message: ${[Code, Message].filter(Boolean).join(', ')}.`)]));
    return part.map((_, index) => refusals.get(String(index)));
  });
}

/** JSON, in which two characters are escaped that JSON allows as they are and SQS does not. */
function messageBody(message: object): string {
  return JSON.stringify(message).replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}
