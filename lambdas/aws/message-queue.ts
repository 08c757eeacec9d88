import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { sendInParts } from './parts.ts';

export interface Queue {
  readonly client: SQSClient;
  readonly queueUrl: string;
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const messagesPerRequest = 10;

/**
 * Sends messages, each as JSON. They are small: ten of them stay far below the megabyte that SQS takes at once.
 * @param delaySeconds before anybody receives them, at most 900
 * @returns how each went, in the order of `messages`. One that failed may have been sent all the same, its answer lost.
 */
export function sendMessages({ client, queueUrl }: Queue, messages: readonly object[], delaySeconds = 0): Promise<PromiseSettledResult<void>[]> {
  return sendInParts(messages, messagesPerRequest, async (part) => {
    const Entries = part.map((message, index) => ({ Id: String(index), MessageBody: JSON.stringify(message), DelaySeconds: delaySeconds }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    const refusals = new Map(Failed.map(({ Id, Code, Message }) => [Id, new Error(`SQS did not take the message: ${[Code, Message].filter(Boolean).join(', ')}.`)]));
    return part.map((_, index) => refusals.get(String(index)));
  });
}
