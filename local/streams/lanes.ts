import { createHash } from 'node:crypto';
import type { DynamoDBRecord } from 'aws-lambda';

export interface LanesOptions {
  /** How many batches of a shard may be under way at once. */
  readonly parallelizationFactor: number;
  readonly batchSize: number;
  /** How long a lane gathers records, counted from the first, before it begins a batch that is not full. */
  readonly batchingWindowSeconds: number;
  /** Which records are to be processed; the others count as done. */
  readonly isWanted: (record: DynamoDBRecord) => boolean;
  /** Deals with a batch; says on the way up to which of its records it is done. */
  readonly process: (records: readonly DynamoDBRecord[], doneUpTo: (record: DynamoDBRecord) => Promise<void>) => Promise<void>;
  /** Everything up to and including this record is done; `processed` says whether anything but unwanted records is new about that. */
  readonly checkpoint: (sequenceNumber: string, processed: boolean) => Promise<void>;
  /** No further batch is begun once it is aborted. */
  readonly signal: AbortSignal;
}

export interface Lanes {
  /** How many records wait to be processed, or are being processed. */
  readonly outstanding: number;
  /** Queues records for processing. Throws what made a lane fail, if one did. */
  accept(records: readonly DynamoDBRecord[]): Promise<void>;
  /** Begins what is queued without waiting for more. */
  flush(): void;
  /** Processes what is queued, unless aborted, and resolves once nothing is under way; rejects with what made a lane fail. */
  settle(): Promise<void>;
}

/** A record's place in the stream. */
interface Place {
  readonly sequenceNumber: string;
  done: boolean;
}

interface Lane {
  readonly queue: { readonly record: DynamoDBRecord; readonly place: Place }[];
  /** When its window is over, in milliseconds of `performance.now()`. */
  dueAt: number;
  timer?: NodeJS.Timeout | undefined;
  running?: Promise<void> | undefined;
}

/**
 * One shard's records, spread over lanes that run side by side: an item's changes share a lane, so they stay in order, and a record that
 * keeps failing holds up its own lane only. The checkpoint stays before the oldest record that is not done.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html, ParallelizationFactor, MaximumBatchingWindowInSeconds
 */
export function createLanes({ parallelizationFactor, batchSize, batchingWindowSeconds, isWanted, process, checkpoint, signal }: LanesOptions): Lanes {
  const lanes = Array.from({ length: parallelizationFactor }, (): Lane => ({ queue: [], dueAt: 0 }));
  /** Of the records that are not done yet, or behind one that is not, in the order of the stream. */
  const open: Place[] = [];
  let outstanding = 0;
  let failure: { cause: unknown } | undefined;

  async function advance(processed: boolean): Promise<void> {
    let end = 0;
    while (open[end]?.done === true) end++;
    const last = open.splice(0, end).at(-1);
    if (last !== undefined) await checkpoint(last.sequenceNumber, processed);
  }

  async function run(lane: Lane): Promise<void> {
    while (isDue(lane) && failure === undefined && !signal.aborted) {
      const batch = lane.queue.splice(0, batchSize);
      const records = batch.map(({ record }) => record);
      let finished = 0;
      try {
        await process(records, async (record) => {
          const end = records.indexOf(record) + 1;
          for (const { place } of batch.slice(finished, end)) place.done = true;
          outstanding -= end - finished;
          finished = end;
          await advance(true);
        });
      } catch (cause) {
        failure ??= { cause };
      }
    }
    lane.running = undefined;
    begin(lane);
  }

  function isDue({ queue, dueAt }: Lane): boolean {
    return queue.length >= batchSize || (queue.length > 0 && performance.now() >= dueAt);
  }

  /** Begins a batch, now or when the window is over. */
  function begin(lane: Lane): void {
    if (lane.running !== undefined || lane.queue.length === 0 || failure !== undefined || signal.aborted) return;
    clearTimeout(lane.timer);
    if (isDue(lane)) lane.running = run(lane);
    else lane.timer = setTimeout(begin, Math.ceil(lane.dueAt - performance.now()), lane).unref();
  }

  function flush(): void {
    for (const lane of lanes) {
      lane.dueAt = 0;
      begin(lane);
    }
  }

  return {
    get outstanding() {
      return outstanding;
    },
    async accept(records) {
      if (failure !== undefined) throw failure.cause;
      for (const record of records) {
        const place = { sequenceNumber: record.dynamodb?.SequenceNumber ?? '', done: !isWanted(record) };
        open.push(place);
        const lane = lanes[laneOf(record, lanes.length)];
        if (place.done || lane === undefined) continue;
        if (lane.queue.length === 0) lane.dueAt = performance.now() + batchingWindowSeconds * 1000;
        lane.queue.push({ record, place });
        outstanding++;
      }
      lanes.forEach(begin);
      await advance(false);
    },
    flush,
    async settle() {
      flush();
      await Promise.all(lanes.flatMap(({ running }) => running ?? []));
      if (failure !== undefined) throw failure.cause;
    },
  };
}

function laneOf({ dynamodb }: DynamoDBRecord, count: number): number {
  const keys = Object.entries(dynamodb?.Keys ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(keys)).digest().readUInt32BE() % count;
}
