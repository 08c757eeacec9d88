import type { TableName } from './schema.ts';

/*
 * What calls functions other than HTTP does: the streams of the tables, queues, and the clock. lib/ deploys it and local/
 * imitates it. A name is that of the function's file in lambdas/handlers.
 */

/** A function that reads a table's stream, as Lambda's event source mapping calls it. */
export interface StreamConsumer {
  readonly table: TableName;
  /** Only records of these kinds of change; by default insertions and modifications. */
  readonly eventNames: readonly ('INSERT' | 'MODIFY' | 'REMOVE')[];
  /** Only items whose partition key begins with one of these. Filters see strings; what they say of numbers never holds. */
  readonly partitionKeyPrefixes?: readonly string[];
  readonly batchSize: number;
  /** How long records are gathered before the function is called. */
  readonly batchingWindowSeconds: number;
  /** How many batches of a shard may be under way at once; those of one item stay in order. */
  readonly parallelizationFactor: number;
  /** A record that cannot be processed is set apart, tried again so often, and put aside as a dead letter. */
  readonly retryAttempts: number;
  readonly maximumRecordAgeSeconds: number;
  readonly timeoutSeconds: number;
}

const bounded = { eventNames: ['INSERT', 'MODIFY'], retryAttempts: 10, maximumRecordAgeSeconds: 6 * 3600 } as const;

/** Items of the registry that say a certificate has ended, and those that say what was changed (lambdas/schema.ts). */
export const outboxKeyPrefix = 'OUTBOX#';
export const auditKeyPrefix = 'AUDIT#';

/** A stream may have two consumers and no more, hence the queues: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html */
export const streamConsumers = {
  'auto-revoke': { ...bounded, table: 'risk', batchSize: 100, batchingWindowSeconds: 0, parallelizationFactor: 10, timeoutSeconds: 60 },
  // Many revocations become one publication: those of a second, or of as long as the publication before them takes.
  'publish-crls': { ...bounded, table: 'registry', partitionKeyPrefixes: [outboxKeyPrefix], batchSize: 10_000, batchingWindowSeconds: 1, parallelizationFactor: 1, timeoutSeconds: 300 },
  // Apart from the CRLs, so that these wait for nothing else.
  'relay-changes': { ...bounded, table: 'registry', partitionKeyPrefixes: [outboxKeyPrefix, auditKeyPrefix], batchSize: 100, batchingWindowSeconds: 0, parallelizationFactor: 1, timeoutSeconds: 60 },
} as const satisfies Record<string, StreamConsumer>;

export type StreamConsumerName = keyof typeof streamConsumers;

/** A function that is called with the messages of a queue of its own, which has its name. */
export interface QueueConsumer {
  readonly batchSize: number;
  /** How many batches may be under way at once: at least 2, says Lambda. */
  readonly maximumConcurrency: number;
  readonly timeoutSeconds: number;
  /** After which a message that was not dealt with comes again. */
  readonly visibilityTimeoutSeconds: number;
  /** A message that came so often in vain is put aside, in the queue's dead-letter queue. */
  readonly maximumReceives: number;
  /** Where the oldest message has waited for longer, more come than are dealt with, or none is. */
  readonly longestWaitSeconds: number;
}

export const queueConsumers = {
  // KMS takes 15 keys a second, some 50,000 within the hour, and what waits for it holds up nothing else.
  'retire-keys': { batchSize: 10, maximumConcurrency: 2, timeoutSeconds: 30, visibilityTimeoutSeconds: 60, maximumReceives: 30, longestWaitSeconds: 3600 },
  // Receivers have 30 s each, all of a batch at once. What fails there is sent on with a delay; what comes again by itself is our own failure.
  'deliver-webhook': { batchSize: 10, maximumConcurrency: 10, timeoutSeconds: 60, visibilityTimeoutSeconds: 120, maximumReceives: 5, longestWaitSeconds: 900 },
} as const satisfies Record<string, QueueConsumer>;

export type QueueConsumerName = keyof typeof queueConsumers;

/** Where the messages of `name` go that could not be dealt with. */
export const deadLetterQueueOf = (name: QueueConsumerName) => `${name}-dead-letters`;

/**
 * Where a delivery goes whose receiver has failed too often: apart from the dead letters of `deliver-webhook`, which are failures of
 * our own and call somebody, so that a tenant whose receiver is gone calls nobody, and hides nothing.
 */
export const exhaustedDeliveryQueue = 'exhausted-deliveries';

/** The queues in which messages wait until somebody has them replayed, and the function that each is for. */
export const letterQueues: Readonly<Record<string, QueueConsumerName>> = {
  ...Object.fromEntries((Object.keys(queueConsumers) as QueueConsumerName[]).map((name) => [deadLetterQueueOf(name), name])),
  [exhaustedDeliveryQueue]: 'deliver-webhook',
};

/** A function that the clock calls. */
export interface Schedule {
  readonly everyMinutes: number;
  readonly timeoutSeconds: number;
}

export const schedules = {
  // A CRL that is out holds for a day; one that lacks a revocation whose publication was given up, for an hour at most.
  'refresh-crls': { everyMinutes: 60, timeoutSeconds: 900 },
  'expire-certificates': { everyMinutes: 60, timeoutSeconds: 300 },
  'export-audit-trail': { everyMinutes: 60, timeoutSeconds: 900 },
  // Takes up what faults have left undone; a pass that is not over by then goes on in the next hour.
  'reconcile': { everyMinutes: 60, timeoutSeconds: 900 },
  // Renews what the authority has signed for itself: the OCSP responder's certificate and the root's CRL.
  'mint-authority': { everyMinutes: 24 * 60, timeoutSeconds: 300 },
} as const satisfies Record<string, Schedule>;

export type ScheduledName = keyof typeof schedules;
