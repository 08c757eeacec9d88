import { join } from 'node:path';
import { jsonResponder, type Operation } from './aws-json/protocol.ts';
import { startHttpService } from './http-service.ts';
import { errorHeaders, SqsError } from './sqs/errors.ts';
import { operations } from './sqs/operations.ts';
import { queueUrl } from './sqs/queue-reference.ts';
import { completeQueues, type QueueDefinition } from './sqs/queue-settings.ts';
import { QueueStore } from './sqs/queue-store.ts';

export interface EmbeddedSqs {
  /** What `AWS_ENDPOINT_URL_SQS` is to be, e.g. `http://127.0.0.1:4576`. */
  readonly endpoint: string;
  /**
   * The URL of a queue, at another endpoint where there is something in between: the SDK goes to the host of the URL, whatever its endpoint.
   * Throws an Error if the queue is not there.
   */
  queueUrl(name: string, endpoint?: string): string;
  /** Answers at once, with no message, all who wait for one of this queue; for whoever will not wait any longer, and must not lose one either. */
  endPolls(name: string): void;
  /** Drops open connections and resolves once no request is being worked on. */
  close(): Promise<void>;
}

export interface EmbeddedSqsOptions {
  /** TCP port on 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Of the queues' ARNs; `eu-west-1` by default. */
  region?: string;
  /** Of the queues' ARNs and URLs, 12 digits; `000000000000` by default. */
  accountId?: string;
  /** Where messages are kept; without it they live in memory. One SQS at a time. */
  dataDirectory?: string;
  /** The queues there are; none can be made later. */
  queues: readonly QueueDefinition[];
  /** The time by which messages are visible; the machine's by default. */
  clock?: () => Date;
}

// Ample for a megabyte of messages with every character escaped.
const maximumBodyBytes = 8 * 1024 * 1024;

/**
 * Starts an SQS on 127.0.0.1 that speaks AWS's JSON 1.0 protocol, with standard queues: delays, visibility, long polls, redrive to dead-letter
 * queues, the limits and errors of AWS. It loses no message and delivers in about the order sent; a consumer is still to expect a message
 * twice. With a data directory an answered request survives a crash. It checks that requests are signed, not by whom. Throws an Error that
 * says what to do if the port is taken, a queue cannot be as defined, or the data directory is damaged.
 */
export async function startSqs(options: EmbeddedSqsOptions): Promise<EmbeddedSqs> {
  const { port, region = 'eu-west-1', accountId = '000000000000', dataDirectory, queues, clock = () => new Date() } = options;
  const store = new QueueStore({ region, accountId }, completeQueues(queues), clock);
  if (dataDirectory !== undefined) await store.openJournal(join(dataDirectory, 'messages.jsonl'));
  const respond = jsonResponder({
    name: 'SQS',
    version: '1.0',
    targetPrefix: 'AmazonSQS',
    maximumBodyBytes,
    operations: new Map([...operations].map(([name, operation]): [string, Operation] => [name, (input, call) => operation(store, input, call)])),
    internalErrorType: 'InternalFailure',
    unsupported: (message) => new SqsError('UnsupportedOperation', message),
    errorHeaders,
  });
  const service = await startHttpService(respond, { port }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  return {
    endpoint: service.endpoint,
    queueUrl(name, endpoint = service.endpoint) {
      if (!store.settings.has(name)) throw new Error(`There is no queue ${name}; there are ${[...store.settings.keys()].join(', ')}.`);
      return queueUrl(store.owner, endpoint, name);
    },
    endPolls: (name) => store.queue(name).endPolls(),
    async close() {
      await service.close();
      await store.close();
    },
  };
}
