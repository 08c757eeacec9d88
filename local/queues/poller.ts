import { ReceiveMessageCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedSqs } from '../sqs.ts';

export interface Poller {
  /** Up to so many messages, and up to 10, as soon as there is one; none where none comes within the time. One call at a time. */
  receive(most: number, waitSeconds: number): Promise<Message[]>;
  /** Has a wait that is under way end. No message is lost by it, as it would be if the request were given up. */
  endWait(): Promise<void>;
}

const longestPollSeconds = 20;

export function createPoller(client: SQSClient, sqs: Pick<EmbeddedSqs, 'queueUrl' | 'endPolls'>, queueName: string): Poller {
  const QueueUrl = sqs.queueUrl(queueName);
  let wait: object | undefined;
  return {
    async receive(most, waitSeconds) {
      const WaitTimeSeconds = Math.min(waitSeconds, longestPollSeconds);
      if (WaitTimeSeconds > 0) wait = {};
      try {
        const request = { QueueUrl, MaxNumberOfMessages: Math.min(most, 10), WaitTimeSeconds, MessageSystemAttributeNames: ['All' as const], MessageAttributeNames: ['All'] };
        return (await client.send(new ReceiveMessageCommand(request))).Messages ?? [];
      } finally {
        wait = undefined;
      }
    },
    async endWait() {
      // Again and again, because the request may not have arrived yet.
      for (const asked = wait; asked !== undefined && wait === asked; await sleep(5)) sqs.endPolls(queueName);
    },
  };
}
