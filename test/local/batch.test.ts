import { describe, expect, test } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { processBatch, type FailurePolicy } from '../../local/streams/batch.ts';

type Answer = unknown;

const record = (sequenceNumber: number): DynamoDBRecord => ({ dynamodb: { SequenceNumber: String(sequenceNumber) } });
const numbersOf = (records: readonly DynamoDBRecord[]) => records.map(({ dynamodb }) => Number(dynamodb?.SequenceNumber));
const failing = (...numbers: number[]) => ({ batchItemFailures: numbers.map((number) => ({ itemIdentifier: String(number) })) });

/** Runs a batch of the records 1 to `size` against a function, and tells what happened in which order. */
async function run(size: number, answer: (numbers: number[], attempt: number) => Answer, policy: Partial<FailurePolicy> = {}) {
  const invocations: number[][] = [];
  const checkpoints: number[] = [];
  const buried: number[][] = [];
  const backOffs: number[] = [];
  await processBatch(
    Array.from({ length: size }, (_, index) => record(index + 1)),
    { maximumRetryAttempts: 2, bisectBatchOnError: false, ...policy },
    {
      async invoke(records) {
        invocations.push(numbersOf(records));
        return answer(numbersOf(records), invocations.length);
      },
      async checkpoint(last) {
        checkpoints.push(...numbersOf([last]));
      },
      async bury(records) {
        buried.push(numbersOf(records));
      },
      async backOff(retry) {
        backOffs.push(retry);
      },
    },
  );
  return { invocations, checkpoints, buried, backOffs };
}

const thrower = () => {
  throw new Error('no');
};

describe('what counts as success', () => {
  test.each([[undefined], [null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])('%j', async (answer) => {
    const { invocations, checkpoints, buried } = await run(3, () => answer);
    expect({ invocations, checkpoints, buried }).toEqual({ invocations: [[1, 2, 3]], checkpoints: [3], buried: [] });
  });
});

describe('what fails the whole batch', () => {
  test.each([
    ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }],
    ['a null identifier', { batchItemFailures: [{ itemIdentifier: null }] }],
    ['a wrong key', { batchItemFailures: [{ id: '2' }] }],
    ['an identifier of no record here', failing(77)],
    ['one good and one bad identifier', { batchItemFailures: [{ itemIdentifier: '2' }, { itemIdentifier: '' }] }],
    ['a list that is none', { batchItemFailures: 'all' }],
  ])('%s', async (_, answer) => {
    const { invocations } = await run(3, (_numbers, attempt) => (attempt === 1 ? answer : undefined));
    expect(invocations).toEqual([[1, 2, 3], [1, 2, 3]]);
  });

  test('a thrown error', async () => {
    const { invocations, checkpoints } = await run(3, (_, attempt) => (attempt === 1 ? thrower() : undefined));
    expect(invocations).toEqual([[1, 2, 3], [1, 2, 3]]);
    expect(checkpoints).toEqual([3]);
  });
});

test('the lowest failed sequence number is the checkpoint', async () => {
  const { invocations, checkpoints } = await run(5, (_, attempt) => (attempt === 1 ? failing(4, 3) : undefined));
  expect(invocations).toEqual([[1, 2, 3, 4, 5], [3, 4, 5]]);
  expect(checkpoints).toEqual([2, 5]);
});

test('without bisection a batch that fails for good is buried whole, after its retries', async () => {
  const { invocations, buried, backOffs, checkpoints } = await run(3, thrower);
  expect(invocations).toHaveLength(3);
  expect(backOffs).toEqual([1, 2]);
  expect(buried).toEqual([[1, 2, 3]]);
  expect(checkpoints).toEqual([3]);
});

test('with bisection only the poison is buried, everything else is processed, in order, and splits are no retries', async () => {
  const processed: number[] = [];
  const { buried, backOffs, checkpoints } = await run(
    100,
    (numbers) => {
      if (numbers.includes(42)) thrower();
      processed.push(...numbers);
      return undefined;
    },
    { bisectBatchOnError: true },
  );
  expect(buried).toEqual([[42]]);
  expect(processed).toEqual(Array.from({ length: 100 }, (_, index) => index + 1).filter((number) => number !== 42));
  expect(backOffs).toEqual([1, 2]);
  expect(checkpoints).toEqual([...checkpoints].sort((a, b) => a - b));
  expect(checkpoints.at(-1)).toBe(100);
});

test('with partial failures and bisection the innocent behind the poison are processed', async () => {
  const processed = new Set<number>();
  const { buried } = await run(
    10,
    (numbers) => {
      for (const number of numbers) if (number !== 5) processed.add(number);
      return numbers.includes(5) ? failing(5) : undefined;
    },
    { bisectBatchOnError: true },
  );
  expect(buried).toEqual([[5]]);
  expect([...processed].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10]);
});

test('without retries the first failure is the last', async () => {
  const { invocations, buried } = await run(1, thrower, { maximumRetryAttempts: 0 });
  expect(invocations).toHaveLength(1);
  expect(buried).toEqual([[1]]);
});

test('-1 retries for ever', async () => {
  const { invocations, buried } = await run(1, (_, attempt) => (attempt < 500 ? thrower() : undefined), { maximumRetryAttempts: -1 });
  expect(invocations).toHaveLength(500);
  expect(buried).toEqual([]);
});
