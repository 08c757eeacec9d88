import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { endingWithin, fuzzing } from './fuzzing.ts';

const names = ['FUZZ_SEED', 'FUZZ_PATH', 'FUZZ_SECONDS'] as const;
const before = names.map((name) => [name, process.env[name]] as const);
afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
});

const bounds = { runs: 200, atMostSeconds: 5 };

/** What a property that numbers above 1,000 break has to say of it. */
function failure(): string {
  try {
    fc.assert(fc.property(fc.nat(1_000_000), (number) => {
      if (number > 1000) throw new Error(`${number} is too much`);
    }), fuzzing(bounds));
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('Nothing was found.');
}

test('a failure says how to repeat it, and is repeated by that alone', () => {
  const message = failure();
  const [, seed, path] = /Repeat this with FUZZ_SEED=(-?\d+) FUZZ_PATH=([\d:]+) /.exec(message) ?? [];
  const [, found] = /Counterexample: \[(\d+)\]/.exec(message) ?? [];
  expect(message).toContain(`Error: ${found} is too much`);
  process.env['FUZZ_SEED'] = seed;
  process.env['FUZZ_PATH'] = path;
  expect(failure()).toContain(`Counterexample: [${found}]\nShrunk 0 time(s)`);
});

test('as long as is said, and not longer', () => {
  process.env['FUZZ_SECONDS'] = '0.3';
  let runs = 0;
  const begin = performance.now();
  fc.assert(fc.property(fc.nat(), () => void runs++), fuzzing({ runs: 1, atMostSeconds: 60 }));
  expect(runs).toBeGreaterThan(100);
  expect(performance.now() - begin).toBeLessThan(5000);
  process.env['FUZZ_SECONDS'] = 'long';
  expect(() => fuzzing(bounds)).toThrow('FUZZ_SECONDS is "long"');
});

describe('endingWithin', () => {
  test('answers and throws what the function does', () => {
    const value = { of: 'this realm' };
    expect(endingWithin(1000, () => value)).toBe(value);
    const error = new RangeError('x');
    expect(() => endingWithin(1000, () => { throw error; })).toThrow(error);
  });

  test('ends what does not end', () => {
    expect(() => endingWithin(100, () => {
      for (;;);
    })).toThrow('timed out after 100ms');
  });
});
