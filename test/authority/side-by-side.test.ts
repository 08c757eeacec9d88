import { describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { sideBySide, valuesOf } from '../../lambdas/authority/side-by-side.ts';

describe('sideBySide', () => {
  test('works on so many at once and answers in their order', async () => {
    let underWay = 0;
    let most = 0;
    const outcomes = await sideBySide([5, 1, 4, 2, 3, 0], 3, async (item) => {
      most = Math.max(most, ++underWay);
      await delay(item * 3);
      underWay--;
      return item * 10;
    });
    expect(valuesOf(outcomes)).toEqual([50, 10, 40, 20, 30, 0]);
    expect(most).toBe(3);
  });

  test('does the rest where some fail, whether they reject or throw', async () => {
    const done: number[] = [];
    const outcomes = await sideBySide([0, 1, 2, 3], 2, (item) => {
      if (item === 0) throw new Error('zero');
      done.push(item);
      return item === 1 ? Promise.reject(new Error('one')) : Promise.resolve(item);
    });
    expect(done).toEqual([1, 2, 3]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  test('has nothing to do with nothing', async () => {
    expect(await sideBySide([], 0, () => Promise.resolve())).toEqual([]);
  });
});

describe('valuesOf', () => {
  const failed = (reason: unknown): PromiseRejectedResult => ({ status: 'rejected', reason });

  test('throws what the only failure was', () => {
    const reason = new Error('S3 is down.');
    expect(() => valuesOf([failed(reason)])).toThrow(reason);
  });

  test('says what several failures were, each once', () => {
    const thrown = () => valuesOf([failed(new Error('S3 is down.')), { status: 'fulfilled', value: 1 }, failed(new Error('S3 is down.')), failed('odd')]);
    expect(thrown).toThrow(AggregateError);
    expect(thrown).toThrow(/^S3 is down\. odd$/);
  });
});
