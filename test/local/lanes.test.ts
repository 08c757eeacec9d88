import { describe, expect, test } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLanes, type LanesOptions } from '../../local/streams/lanes.ts';
import { eventually } from './processes.ts';

const record = (number: number, item = `item-${number}`): DynamoDBRecord => ({ dynamodb: { SequenceNumber: String(number), Keys: { pk: { S: item } } } });
const numberOf = ({ dynamodb }: DynamoDBRecord) => Number(dynamodb?.SequenceNumber);

/** Lanes that note what they do; `hold` keeps every batch under way until it is let go. */
function open(options: Partial<LanesOptions> = {}) {
  const batches: number[][] = [];
  const checkpoints: [after: number, processed: boolean][] = [];
  const startedAt: number[] = [];
  const lanes = createLanes({
    parallelizationFactor: 1,
    batchSize: 3,
    batchingWindowSeconds: 0,
    isWanted: () => true,
    signal: new AbortController().signal,
    async process(records, doneUpTo) {
      startedAt.push(performance.now());
      batches.push(records.map(numberOf));
      for (const done of records) await doneUpTo(done);
    },
    checkpoint: async (after, processed) => void checkpoints.push([Number(after), processed]),
    ...options,
  });
  return { lanes, batches, checkpoints, startedAt };
}

const hour = 3600;

describe('the batching window', () => {
  test('of 0 begins a batch at once', async () => {
    const { lanes, batches } = open();
    await lanes.accept([record(1)]);
    expect(batches).toEqual([[1]]);
  });

  test('gathers until it is over, counted from the first record', async () => {
    const { lanes, batches, startedAt } = open({ batchSize: 10, batchingWindowSeconds: 0.3 });
    const firstAt = performance.now();
    await lanes.accept([record(1)]);
    await sleep(100);
    await lanes.accept([record(2)]);
    expect(batches).toEqual([]);
    await eventually(() => batches.length > 0);
    expect(startedAt[0]).toBeGreaterThanOrEqual(firstAt + 300);
    expect(batches).toEqual([[1, 2]]);
    expect(lanes.outstanding).toBe(0);
  });

  test('does not hold up a batch that is full; what is left over waits', async () => {
    const { lanes, batches } = open({ batchingWindowSeconds: hour });
    await lanes.accept([record(1), record(2)]);
    expect(batches).toEqual([]);
    await lanes.accept([record(3), record(4), record(5), record(6), record(7)]);
    await eventually(() => batches.length === 2);
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6]]);
    expect(lanes.outstanding).toBe(1);
  });

  test('is not waited for where somebody flushes or settles', async () => {
    const { lanes, batches } = open({ batchingWindowSeconds: hour });
    await lanes.accept([record(1)]);
    lanes.flush();
    await eventually(() => lanes.outstanding === 0);
    await lanes.accept([record(2)]);
    await lanes.settle();
    expect(batches).toEqual([[1], [2]]);
  });

  test('is over for what has waited behind a batch for longer', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const batches: number[][] = [];
    const { lanes } = open({
      batchingWindowSeconds: 0.05,
      async process(records, doneUpTo) {
        batches.push(records.map(numberOf));
        await held;
        for (const done of records) await doneUpTo(done);
      },
    });
    await lanes.accept([record(1)]);
    await eventually(() => batches.length === 1);
    await lanes.accept([record(2)]);
    await lanes.accept([record(3)]);
    await sleep(100);
    expect(batches).toEqual([[1]]);
    letGo();
    await eventually(() => batches.length === 2);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  test('ends with the lanes: what was gathered is neither processed nor counted as done', async () => {
    const stopping = new AbortController();
    const { lanes, batches, checkpoints } = open({ batchingWindowSeconds: 0.05, signal: stopping.signal });
    await lanes.accept([record(1)]);
    stopping.abort();
    await lanes.settle();
    await sleep(100);
    expect([batches, checkpoints]).toEqual([[], []]);
  });
});

describe('records that nobody wants', () => {
  const isOdd = (candidate: DynamoDBRecord) => numberOf(candidate) % 2 === 1;

  test('count as done without being processed, and need no durable checkpoint', async () => {
    const { lanes, batches, checkpoints } = open({ isWanted: isOdd });
    await lanes.accept([record(2), record(4)]);
    expect(lanes.outstanding).toBe(0);
    expect(checkpoints).toEqual([[4, false]]);
    await lanes.accept([record(5), record(6)]);
    await lanes.settle();
    expect(batches).toEqual([[5]]);
    expect(checkpoints.at(-1)).toEqual([6, true]);
  });

  test('do not carry the checkpoint past a wanted one that is not done', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const { lanes, checkpoints } = open({
      isWanted: isOdd,
      async process(records, doneUpTo) {
        await held;
        for (const done of records) await doneUpTo(done);
      },
    });
    await lanes.accept([record(2), record(3), record(4)]);
    await lanes.accept([record(6)]);
    expect(checkpoints).toEqual([[2, false]]);
    letGo();
    await lanes.settle();
    expect(checkpoints.at(-1)).toEqual([6, true]);
  });
});

test('a lane that fails says so to whoever goes on', async () => {
  const { lanes } = open({ process: () => Promise.reject(new Error('disk full')) });
  await lanes.accept([record(1)]);
  await expect(lanes.settle()).rejects.toThrow('disk full');
  await expect(lanes.accept([record(2)])).rejects.toThrow('disk full');
});
