import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { localCredentials, region } from './account.ts';
import { invoke, type LambdaHandler } from './invocation.ts';
import { processBatch } from './streams/batch.ts';
import { openCheckpoint } from './streams/checkpoint.ts';
import { createLanes, type Lanes } from './streams/lanes.ts';
import { createShardReader, findStream, readableShards, type ShardReader } from './streams/shards.ts';
import { lambdaRecord } from './streams/stream-event.ts';

/** Records that were given up. */
export interface DeadLetter {
  readonly functionName: string;
  readonly tableName: string;
  readonly streamArn: string;
  readonly shardId: string;
  readonly attempts: number;
  /** Of the last invocation. */
  readonly requestId: string;
  /** Whether the last invocation failed altogether, rather than reporting these records as failed. */
  readonly crashed: boolean;
  readonly error: string;
  readonly buriedAt: string;
  readonly records: readonly DynamoDBRecord[];
}

export interface EventSourceMappingOptions {
  /** Where the DynamoDB engine answers. */
  readonly endpoint: string;
  readonly tableName: string;
  readonly functionName: string;
  readonly handler: LambdaHandler;
  /** Which records are delivered; all by default. */
  readonly isWanted?: (record: DynamoDBRecord) => boolean;
  readonly batchSize?: number;
  /** How long records are gathered for a batch that is not full; 0 by default. */
  readonly batchingWindowSeconds?: number;
  /** How many batches may be under way at once; order then holds for each item only. 1 by default. */
  readonly parallelizationFactor?: number;
  readonly maximumRetryAttempts?: number;
  readonly bisectBatchOnError?: boolean;
  readonly timeoutSeconds?: number;
  /** Where to note how far the stream is read; in memory without it. */
  readonly checkpointFile?: string;
  /** Keeps records that are given up; they count as dealt with once it is done. By default only the list `deadLetters` has them. */
  readonly onDeadLetter?: (deadLetter: DeadLetter) => void | Promise<void>;
  /** Told when the stream cannot be read; by default it is written to stderr. Reading is tried again. */
  readonly onTrouble?: (message: string) => void;
}

export interface EventSourceMapping {
  readonly deadLetters: readonly DeadLetter[];
  /** Resolves once everything written before the call is dealt with, without waiting for a batch to fill. */
  idle(): Promise<void>;
  /** Resolves once the function is no longer called; what it had not finished is read again at the next start. */
  stop(): Promise<void>;
}

// An idle stream is asked ever more seldom, between these; on AWS it is four times a second.
const shortestPauseMilliseconds = 10;
const longestPauseMilliseconds = 80;
/** So many records of a shard may wait or be under way before no more are read, or two batches if that is more. */
const mostOutstandingRecords = 2000;
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
const mostRecordsAtOnce = 1000;

const shortestBackOffMilliseconds = 50;
const longestBackOffMilliseconds = 2000;

/**
 * Reads a table's stream and calls a function with its records as Lambda's event source mapping does: from the oldest record (TRIM_HORIZON),
 * in order, in batches, at least once, with `ReportBatchItemFailures`. Rejects where the table has no stream, or the checkpoint is damaged.
 */
export async function startEventSourceMapping(options: EventSourceMappingOptions): Promise<EventSourceMapping> {
  const { endpoint, tableName, functionName, handler, checkpointFile, isWanted = () => true, timeoutSeconds = 60 } = options;
  const { batchSize = 100, batchingWindowSeconds = 0, parallelizationFactor = 1, maximumRetryAttempts = 10, bisectBatchOnError = true } = options;
  const mostOutstanding = Math.max(mostOutstandingRecords, 2 * batchSize);
  const { onDeadLetter, onTrouble = (message: string) => process.stderr.write(`${message}\n`) } = options;
  const client = new DynamoDBStreamsClient({ endpoint, region, credentials: localCredentials });
  const streamArn = await findStream(client, tableName);
  const checkpoint = await openCheckpoint(streamArn, checkpointFile);

  const stopping = new AbortController();
  const deadLetters: DeadLetter[] = [];
  const waiting = new Set<{ resolve: () => void; reject: (error: Error) => void }>();
  let wake = () => {};

  async function run(): Promise<void> {
    let trouble: string | undefined;
    while (!stopping.signal.aborted) {
      try {
        await read();
      } catch (error) {
        if (stopping.signal.aborted) break;
        if (trouble !== String(error)) onTrouble(`The stream of ${tableName} cannot be read for ${functionName}, trying again: ${String(error)}`);
        trouble = String(error);
        await pause(1000);
      }
    }
    client.destroy();
    await checkpoint.close().catch((error: unknown) => onTrouble(`How far ${functionName} has read ${tableName} could not be noted: ${String(error)}`));
    for (const { reject } of waiting) reject(new Error(`${functionName} was stopped before it had read all of ${tableName}.`));
  }

  /** Reads on from the checkpoint, until stopped or in trouble. */
  async function read(): Promise<void> {
    let shards: { reader: ShardReader; lanes: Lanes }[] = [];
    let pauseMilliseconds = shortestPauseMilliseconds;
    try {
      while (!stopping.signal.aborted) {
        if (shards.length === 0) shards = (await readableShards(client, streamArn, checkpoint)).map(openShard);
        const asked = [...waiting];
        const endedShards: typeof shards = [];
        let found = 0;
        let outstanding = 0;
        for (const { reader, lanes } of shards) {
          const { records, ended } = lanes.outstanding < mostOutstanding ? await reader.read(Math.min(batchSize, mostRecordsAtOnce)) : { records: [], ended: false };
          await lanes.accept(records.map((record) => lambdaRecord(record, streamArn)));
          if (asked.length > 0 && records.length === 0) lanes.flush();
          found += records.length;
          outstanding += lanes.outstanding;
          if (ended) endedShards.push({ reader, lanes });
        }
        if (endedShards.length > 0) {
          await Promise.all(shards.map(({ lanes }) => lanes.settle()));
          if (stopping.signal.aborted) return; // There may be records that no lane has begun.
          for (const { reader } of endedShards) await checkpoint.advance(reader.shardId, { finished: true });
          shards = []; // Their children may be read now.
          continue;
        }
        if (found === 0 && outstanding === 0) {
          // This pass began after they had asked, and there was nothing left.
          for (const waiter of asked) {
            waiting.delete(waiter);
            waiter.resolve();
          }
        }
        pauseMilliseconds = found > 0 ? shortestPauseMilliseconds : Math.min(pauseMilliseconds * 1.5, longestPauseMilliseconds);
        if (found === 0) await pause(waiting.size > 0 ? shortestPauseMilliseconds : pauseMilliseconds);
      }
    } finally {
      // Whoever reads on must not meet what is still under way.
      await Promise.allSettled(shards.map(({ lanes }) => lanes.settle()));
    }
  }

  function openShard(shardId: string): { reader: ShardReader; lanes: Lanes } {
    const lanes = createLanes({
      parallelizationFactor,
      batchSize,
      batchingWindowSeconds,
      isWanted,
      signal: stopping.signal,
      process: (records, doneUpTo) => deliver(records, shardId, doneUpTo),
      async checkpoint(after, processed) {
        // Reading on after records that nobody wanted loses nothing, so it need not wait for the disk.
        if (processed) await checkpoint.advance(shardId, { after });
        else checkpoint.pass(shardId, { after });
      },
    });
    return { reader: createShardReader(client, streamArn, shardId, checkpoint), lanes };
  }

  function deliver(records: readonly DynamoDBRecord[], shardId: string, doneUpTo: (record: DynamoDBRecord) => Promise<void>): Promise<void> {
    let requestId = '';
    let crashed = false;
    return processBatch(records, { maximumRetryAttempts, bisectBatchOnError }, {
      async invoke(part) {
        requestId = randomUUID();
        crashed = true;
        const result = await invoke(handler, { Records: part }, { functionName, timeoutSeconds, requestId });
        crashed = false;
        return result;
      },
      checkpoint: doneUpTo,
      backOff: (retry) => sleep(Math.min(shortestBackOffMilliseconds * 2 ** (retry - 1), longestBackOffMilliseconds), undefined, { signal: stopping.signal }),
      async bury(part, attempts, cause) {
        const buriedAt = new Date().toISOString();
        const deadLetter = { functionName, tableName, streamArn, shardId, attempts, requestId, crashed, error: String(cause), buriedAt, records: part };
        await onDeadLetter?.(deadLetter);
        deadLetters.push(deadLetter);
      },
    });
  }

  /** Ends early when woken. */
  async function pause(milliseconds: number): Promise<void> {
    if (stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  const ran = run();
  return {
    deadLetters,
    idle: () =>
      new Promise((resolve, reject) => {
        waiting.add({ resolve, reject });
        wake();
      }),
    stop() {
      stopping.abort();
      wake();
      return ran;
    },
  };
}
