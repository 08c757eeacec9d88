import { describe, expect, test } from '@jest/globals';
import { mean, median, percentile, rounded, stages } from '../../bench/harness/statistics.ts';

test('A percentile is a value that was measured, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(hundred, 0.99)).toBe(99);
  expect(percentile(hundred, 0.5)).toBe(50);
  expect(percentile(hundred, 0)).toBe(1);
  expect(percentile(hundred, 1)).toBe(100);
  expect(percentile([7], 0.99)).toBe(7);
  expect(median([10, 9, 2])).toBe(9);
  expect(percentile([], 0.5)).toBeNaN();
});

test('The values are left in their order', () => {
  const values = [3, 1, 2];
  median(values);
  expect(values).toEqual([3, 1, 2]);
});

test('The mean', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(mean([])).toBeNaN();
});

test('Figures have three digits', () => {
  expect([1234.5, 99.96, 12.345, 0.12345, 0].map(rounded)).toEqual([1235, 100, 12.3, 0.123, 0]);
});

describe('Stages', () => {
  const span = (startedAt: number, endedAt: number) => ({ startedAt, endedAt });

  test('are one for spans side by side, and one each for spans in a row', () => {
    expect(stages([span(0, 2), span(1, 3)])).toHaveLength(1);
    expect(stages([span(0, 1), span(1, 2), span(2, 3)])).toHaveLength(3);
    expect(stages([])).toEqual([]);
  });

  test('are as many as had to follow one another, whichever order they are noted in', () => {
    // Reserve; create the key; read it and note it; sign, begun when both were done; commit.
    const [reserve, create, read, note, sign, commit] = [span(0, 3), span(3, 90), span(90, 92), span(90, 94), span(94, 97), span(97, 99)] as const;
    expect(stages([commit, note, create, sign, read, reserve])).toEqual([[reserve], [create], [note, read], [sign], [commit]]);
  });

  test('count the longest chain where a long span lies beside short ones', () => {
    expect(stages([span(0, 10), span(0, 2), span(3, 5), span(6, 8)])).toHaveLength(3);
  });
});
