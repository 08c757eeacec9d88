import { describe, expect, test } from '@jest/globals';
import { paceOf } from '../../lambdas/authority/pace.ts';

const never = new AbortController().signal;

/** When each of `count` turns came, in milliseconds from now. */
async function turns(pace: ReturnType<typeof paceOf>, count: number, signal = never): Promise<number[]> {
  const start = performance.now();
  return Promise.all(Array.from({ length: count }, async () => {
    await pace.turn(signal);
    return performance.now() - start;
  }));
}

// Timers may come late, by much on a busy machine, and a millisecond early.
const atLeast = (milliseconds: number) => milliseconds - 2;

describe('a pace', () => {
  test('gives the first turn at once and the others at even distances, in the order of asking', async () => {
    const times = await turns(paceOf(20), 5);
    expect(times[0]).toBeLessThan(45);
    times.slice(1).forEach((time, index) => expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(atLeast(50)));
  });

  test('does not give what was not taken later on', async () => {
    const pace = paceOf(20);
    await pace.turn(never);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const [first = 0, second = 0] = await turns(pace, 2);
    expect(second - first).toBeGreaterThanOrEqual(atLeast(50));
  });

  test('is held back for everybody', async () => {
    const pace = paceOf(1000);
    pace.holdBack(100);
    pace.holdBack(10); // Less than what it is held back for already.
    const times = await turns(pace, 3);
    for (const time of times) expect(time).toBeGreaterThanOrEqual(atLeast(100));
  });

  test('lets go of who waits no longer, and goes on for the others', async () => {
    const pace = paceOf(5);
    await pace.turn(never);
    const impatient = pace.turn(AbortSignal.timeout(20));
    const patient = turns(pace, 1);
    await expect(impatient).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    const [time] = await patient;
    expect(time).toBeGreaterThanOrEqual(atLeast(190));
    expect(time).toBeLessThan(390);
  });
});
