import { tables, type TableName } from '../lambdas/schema.ts';
import { queueConsumers, streamConsumers, type QueueConsumer as QueueTrigger, type StreamConsumer } from '../lambdas/triggers.ts';
import type { LoadHandler } from './invocation.ts';
import { queueNameOf } from './queue-definitions.ts';
import { startQueueConsumer, type QueueConsumer } from './queues.ts';
import type { EmbeddedSqs } from './sqs.ts';
import { startEventSourceMapping, type DeadLetter, type EventSourceMapping } from './streams.ts';
import { recordFilter } from './streams/filter.ts';

export interface ConsumersOptions {
  readonly load: LoadHandler;
  /** Where the DynamoDB engine answers. */
  readonly endpoint: string;
  readonly sqs: EmbeddedSqs;
  readonly tableNames: Readonly<Record<TableName, string>>;
  /** Where to note how far a consumer has read; in memory without it. */
  readonly checkpointFile?: ((functionName: string) => string) | undefined;
  /** Keeps what a consumer has given up. */
  readonly onDeadLetter: (deadLetter: DeadLetter) => Promise<void>;
}

export interface Consumers {
  readonly deadLetters: readonly DeadLetter[];
  /**
   * Resolves once everything written before the call is dealt with, and what the consumers themselves wrote and sent about it as well; but
   * for messages that are delayed or come again.
   */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Where nothing is called. */
export const noConsumers: Consumers = { deadLetters: [], idle: () => Promise.resolve(), stop: () => Promise.resolve() };

/**
 * Starts the consumers of the tables' streams and of the queues (lambdas/triggers.ts). A record's age is no reason to give it up here, where the service may
 * have been away for the night.
 */
export async function startConsumers({ load, endpoint, sqs, tableNames, checkpointFile, onDeadLetter }: ConsumersOptions): Promise<Consumers> {
  const mappings: EventSourceMapping[] = [];
  const queues: QueueConsumer[] = [];
  const deadLetters: DeadLetter[] = [];
  const bury = async (deadLetter: DeadLetter) => {
    await onDeadLetter(deadLetter);
    deadLetters.push(deadLetter);
  };
  const stop = async () => {
    for (const consumers of [mappings, queues]) await Promise.all(consumers.map((consumer) => consumer.stop()));
  };
  try {
    for (const [functionName, consumer] of Object.entries<StreamConsumer>(streamConsumers)) {
      const { table, retryAttempts, batchSize, batchingWindowSeconds, parallelizationFactor, timeoutSeconds } = consumer;
      mappings.push(await startEventSourceMapping({
        endpoint, functionName, batchSize, batchingWindowSeconds, parallelizationFactor, timeoutSeconds,
        tableName: tableNames[table],
        handler: await load(functionName),
        isWanted: recordFilter(consumer, tables[table].partitionKey),
        maximumRetryAttempts: retryAttempts,
        onDeadLetter: bury,
        ...(checkpointFile && { checkpointFile: checkpointFile(functionName) }),
      }));
    }
    for (const [functionName, consumer] of Object.entries<QueueTrigger>(queueConsumers)) {
      const { batchSize, maximumConcurrency, timeoutSeconds } = consumer;
      queues.push(await startQueueConsumer({ sqs, queueName: queueNameOf(functionName), functionName, handler: await load(functionName), batchSize, maximumConcurrency, timeoutSeconds }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    deadLetters,
    async idle() {
      // Twice, for a risk record's consumer writes what the registry's consumers then find, who write nothing for others.
      for (let round = 0; round < 2; round++) await Promise.all(mappings.map((mapping) => mapping.idle()));
      await Promise.all(queues.map((queue) => queue.idle()));
    },
    stop,
  };
}
