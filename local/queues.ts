import { DeleteMessageBatchCommand, GetQueueAttributesCommand, SQSClient, type Message } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { localCredentials, region } from './account.ts';
import { invoke, type LambdaHandler } from './invocation.ts';
import { reportedFailures } from './queues/batch-failures.ts';
import { createPoller } from './queues/poller.ts';
import { lambdaRecord } from './queues/sqs-event.ts';
import type { EmbeddedSqs } from './sqs.ts';

export interface QueueConsumerOptions {
  readonly sqs: Pick<EmbeddedSqs, 'endpoint' | 'queueUrl' | 'endPolls'>;
  readonly queueName: string;
  readonly functionName: string;
  readonly handler: LambdaHandler;
  /** 10 by default; more only where there is time to gather them. */
  readonly batchSize?: number;
  /** How long messages are gathered for a batch that is not full; 0 by default. */
  readonly maximumBatchingWindowSeconds?: number;
  /** How many batches may be under way at once; 5 by default, with which Lambda begins. */
  readonly maximumConcurrency?: number;
  /** 30 by default; no longer than messages are invisible. */
  readonly timeoutSeconds?: number;
  /** Told when the function throws or the queue cannot be reached; by default it is written to stderr. Either is tried again. */
  readonly onTrouble?: (message: string) => void;
}

export interface QueueConsumer {
  /**
   * Resolves once no message is visible and none is with the function. Those that failed, or are delayed, are not waited for: they come
   * when they are visible.
   */
  idle(): Promise<void>;
  /** Resolves once the function is no longer called; what it was called with is finished. */
  stop(): Promise<void>;
}

const troublePauseMilliseconds = 1000;

/**
 * Receives a queue's messages and calls a function with them as Lambda's event source mapping does: in batches, several at once, at least
 * once, with `ReportBatchItemFailures`. What succeeded is deleted; what failed is visible again when its visibility timeout is over, until
 * the queue makes it a dead letter. Rejects where the queue cannot be consumed so.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export async function startQueueConsumer(options: QueueConsumerOptions): Promise<QueueConsumer> {
  const { sqs, queueName, functionName, handler, batchSize = 10, maximumBatchingWindowSeconds = 0, maximumConcurrency = 5, timeoutSeconds = 30 } = options;
  const { onTrouble = (message: string) => process.stderr.write(`${message}\n`) } = options;
  if (batchSize > 10 && maximumBatchingWindowSeconds < 1) throw new Error(`Batches of ${batchSize} messages for ${functionName} take time to gather: set a batching window of at least 1 s, or at most 10 messages.`);
  const client = new SQSClient({ endpoint: sqs.endpoint, region, credentials: localCredentials });
  const QueueUrl = sqs.queueUrl(queueName);
  const poller = createPoller(client, sqs, queueName);
  const queueArn = await readQueue();

  const stopping = new AbortController();
  const waiting = new Set<{ resolve: () => void; reject: (error: Error) => void }>();
  const underWay = new Set<Promise<void>>();

  async function readQueue(): Promise<string> {
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn', 'VisibilityTimeout'] }));
    const invisibleSeconds = Number(Attributes?.VisibilityTimeout);
    if (invisibleSeconds >= timeoutSeconds) return Attributes?.QueueArn ?? '';
    client.destroy();
    throw new Error(`A message of ${queueName} is invisible for ${invisibleSeconds} s, and ${functionName} may take ${timeoutSeconds} s: make the visibility timeout longer, or others get what it is still working on.`);
  }

  async function run(): Promise<void> {
    let trouble: string | undefined;
    while (!stopping.signal.aborted) {
      try {
        await consume();
        trouble = undefined;
      } catch (error) {
        if (trouble !== String(error)) onTrouble(`The queue ${queueName} cannot be read for ${functionName}, trying again: ${String(error)}`);
        trouble = String(error);
        await sleep(troublePauseMilliseconds, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    await Promise.all(underWay);
    client.destroy();
    for (const { reject } of waiting) reject(new Error(`${functionName} was stopped before it had read all of ${queueName}.`));
  }

  /** Begins the next batch, if there is one. */
  async function consume(): Promise<void> {
    if (underWay.size >= maximumConcurrency) return Promise.race(underWay);
    const asked = [...waiting];
    const wasAlone = underWay.size === 0;
    const messages = await gather();
    if (messages.length > 0) {
      const work = deliver(messages).finally(() => underWay.delete(work));
      underWay.add(work);
    } else if (wasAlone) {
      // This look began after they had asked, with nothing under way, and there was nothing left.
      for (const waiter of asked) {
        waiting.delete(waiter);
        waiter.resolve();
      }
    } else if (isHurried() && underWay.size > 0) {
      await Promise.race(underWay);
    }
  }

  /** What there is, or comes within the window after the first; nothing where nothing comes for a while. */
  async function gather(): Promise<Message[]> {
    const messages = await poller.receive(batchSize, isHurried() ? 0 : Infinity);
    const deadline = performance.now() + maximumBatchingWindowSeconds * 1000;
    while (messages.length > 0 && messages.length < batchSize && !isHurried()) {
      const remainingSeconds = Math.ceil((deadline - performance.now()) / 1000);
      if (remainingSeconds <= 0) break;
      messages.push(...(await poller.receive(batchSize - messages.length, remainingSeconds)));
    }
    return messages;
  }

  // Who waits for the queue to be idle, or for the end, does not wait for what may still come.
  const isHurried = () => waiting.size > 0 || stopping.signal.aborted;

  async function deliver(messages: readonly Message[]): Promise<void> {
    const Records = messages.map((message) => lambdaRecord(message, queueArn));
    try {
      const failed = reportedFailures(Records.map(({ messageId }) => messageId), await invoke(handler, { Records }, { functionName, timeoutSeconds }));
      await remove(Records.filter(({ messageId }) => !failed.has(messageId)).map(({ receiptHandle }) => receiptHandle));
    } catch (error) {
      onTrouble(`${functionName} failed with ${messages.length} messages of ${queueName}, which come again or are dead letters: ${String(error)}`);
    }
  }

  async function remove(receiptHandles: readonly string[]): Promise<void> {
    for (let start = 0; start < receiptHandles.length; start += 10) {
      const Entries = receiptHandles.slice(start, start + 10).map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  const ran = run();
  return {
    idle: () =>
      new Promise((resolve, reject) => {
        waiting.add({ resolve, reject });
        void poller.endWait();
      }),
    async stop() {
      stopping.abort();
      await poller.endWait();
      await ran;
    },
  };
}
