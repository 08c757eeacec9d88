import { expect, test } from '@jest/globals';
import { arrivalTimes, openLoop } from '../../bench/harness/open-loop.ts';
import { mean } from '../../bench/harness/statistics.ts';
import { isHonest, timeUntilNormal } from '../../bench/load/overload.ts';
import { plot } from '../../bench/load/plot.ts';
import type { Step } from '../../bench/load/step.ts';

const { signal } = new AbortController();

test('Arrivals are those of a Poisson process, and the same for the same seed', () => {
  const times = arrivalTimes(200, 50, 7);
  expect(times).toEqual(arrivalTimes(200, 50, 7));
  expect(times).not.toEqual(arrivalTimes(200, 50, 8));
  expect(times.length).toBeGreaterThan(9500);
  expect(times.length).toBeLessThan(10_500);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? NaN));
  expect(Math.min(...gaps)).toBeGreaterThan(0);
  // The mean of an exponential distribution is its standard deviation.
  const average = mean(gaps);
  const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)));
  expect(deviation / average).toBeGreaterThan(0.9);
  expect(deviation / average).toBeLessThan(1.1);
});

test('A service that stalls is sent what is due all the same, and charged for it', async () => {
  const arrivals = { perSecond: 200, seconds: 0.25, seed: 1 };
  const due = arrivalTimes(arrivals.perSecond, arrivals.seconds, arrivals.seed);
  // It answers nothing until everything was sent, and then all at once.
  let answer: (value?: unknown) => void = () => undefined;
  const stalled = new Promise((resolve) => (answer = resolve));
  let underWay = 0;
  const outcomes = await openLoop(async () => {
    if (++underWay === due.length) answer();
    await stalled;
    return { status: 200, retryAfter: undefined, body: '' };
  }, { ...arrivals, signal });
  // Each waited from when it was due until then: the first longest.
  const latencies = outcomes.map(({ latencyMilliseconds }) => latencyMilliseconds);
  expect(latencies[0]).toBeGreaterThanOrEqual((due.at(-1) ?? NaN) - (due[0] ?? NaN));
  expect(latencies.map(Math.round)).toEqual(latencies.map(Math.round).toSorted((one, other) => other - one));
});

test('Only a 429 or 503 that says when to come back is honest', () => {
  const answers = [[503, 5], [429, 1], [503, undefined], [500, 5], [0, undefined], [409, 1]] as const;
  expect(answers.map(([status, retryAfter]) => isHonest({ status, retryAfter }))).toEqual([true, true, false, false, false, false]);
});

test('The time until things are normal ends with the first of five good answers', async () => {
  const startedAt = performance.now();
  const probe = (goodAfter: number) => ({ send: async () => ({ status: performance.now() - startedAt >= goodAfter ? 200 : 503, retryAfter: 1, body: '' }), success: 200, boundMilliseconds: 1000, everyMilliseconds: 10 });
  expect(await timeUntilNormal(probe(300), signal)).toBeGreaterThan(0.28);
  expect(await timeUntilNormal(probe(0), signal)).toBeLessThan(0.1);
});

test('The picture has a panel for each route, a curve for each percentile and the knee, within its frame', () => {
  const step = (offeredPerSecond: number, p50Milliseconds: number, isBorne: boolean): Step => ({
    offeredPerSecond, sent: 10, succeeded: 10, succeededPerSecond: offeredPerSecond, p50Milliseconds, p99Milliseconds: 3 * p50Milliseconds, p999Milliseconds: 5 * p50Milliseconds,
    failures: {}, refusals: [], senderP99Milliseconds: 1, isBorne,
  });
  const nothing = { ...step(400, NaN, false) };
  const steps = [step(100, 2, true), step(200, 40, true), step(300, 900, false), nothing];
  const target = { name: 'verify', request: 'GET /verify/{serial}', success: 200, boundMilliseconds: 250, send: () => Promise.reject(new Error()), prepare: () => Promise.resolve() };
  const svg = plot([{ target, steps, knee: steps[1] }, { target: { ...target, request: 'POST /events' }, steps, knee: undefined }]);
  expect(svg.match(/<polyline class="curve (p50|p99|p999)"/g)).toHaveLength(6);
  expect(svg.match(/>200\/s</g)).toHaveLength(1);
  expect(svg).not.toContain('NaN');
  for (const [, points = ''] of svg.matchAll(/points="([^"]*)"/g)) {
    for (const [x = NaN, y = NaN] of points.split(' ').map((point) => point.split(',').map(Number))) expect([x >= 52, x <= 324, y >= 34, y <= 166]).toEqual([true, true, true, true]);
  }
});
