import { createHash } from 'node:crypto';
import type { DynamoDBRecord } from 'aws-lambda';

export interface LanesOptions {
  /** How many batches of a shard may be under way at once. */
  readonly parallelizationFactor: number;
  readonly batchSize: number;
  /** Deals with a batch; says on the way up to which of its records it is done. */
  readonly process: (records: readonly DynamoDBRecord[], doneUpTo: (record: DynamoDBRecord) => Promise<void>) => Promise<void>;
  /** Everything up to and including this record is done. */
  readonly checkpoint: (record: DynamoDBRecord) => Promise<void>;
  /** No further batch is begun once it is aborted. */
  readonly signal: AbortSignal;
}

export interface Lanes {
  /** How many records are not done. */
  readonly outstanding: number;
  /** Queues records for processing. Throws what made a lane fail, if one did. */
  accept(records: readonly DynamoDBRecord[]): void;
  /** Resolves once nothing is under way; rejects with what made a lane fail. */
  settle(): Promise<void>;
}

/**
 * One shard's records, spread over lanes that run side by side: an item's changes share a lane, so they stay in order, and a record that
 * keeps failing holds up its own lane only. The checkpoint stays before the oldest record that is not done.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html, ParallelizationFactor
 */
export function createLanes({ parallelizationFactor, batchSize, process, checkpoint, signal }: LanesOptions): Lanes {
  const lanes = Array.from({ length: parallelizationFactor }, () => ({ queue: [] as DynamoDBRecord[], running: undefined as Promise<void> | undefined }));
  /** Not done yet, or behind one that is not, in the order of the stream. */
  const open: DynamoDBRecord[] = [];
  const done = new Set<DynamoDBRecord>();
  let failure: { cause: unknown } | undefined;

  async function finish(records: readonly DynamoDBRecord[]): Promise<void> {
    for (const record of records) done.add(record);
    let last: DynamoDBRecord | undefined;
    while (open[0] !== undefined && done.delete(open[0])) last = open.shift();
    if (last !== undefined) await checkpoint(last);
  }

  async function run(lane: (typeof lanes)[number]): Promise<void> {
    while (lane.queue.length > 0 && failure === undefined && !signal.aborted) {
      const batch = lane.queue.splice(0, batchSize);
      let finished = 0;
      try {
        await process(batch, async (record) => {
          const end = batch.indexOf(record) + 1;
          await finish(batch.slice(finished, end));
          finished = end;
        });
      } catch (cause) {
        failure ??= { cause };
      }
    }
    lane.running = undefined;
  }

  return {
    get outstanding() {
      return open.length;
    },
    accept(records) {
      if (failure !== undefined) throw failure.cause;
      for (const record of records) {
        open.push(record);
        lanes[laneOf(record, lanes.length)]?.queue.push(record);
      }
      for (const lane of lanes) if (lane.queue.length > 0) lane.running ??= run(lane);
    },
    async settle() {
      await Promise.all(lanes.flatMap(({ running }) => running ?? []));
      if (failure !== undefined) throw failure.cause;
    },
  };
}

function laneOf({ dynamodb }: DynamoDBRecord, count: number): number {
  const keys = Object.entries(dynamodb?.Keys ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(keys)).digest().readUInt32BE() % count;
}
