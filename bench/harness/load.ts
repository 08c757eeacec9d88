import type { BenchContext, Report } from './bench.ts';
import { median, percentile, rounded } from './statistics.ts';

export interface Load extends Pick<BenchContext, 'seconds' | 'concurrency' | 'signal'> {
  /** Tasks there are at most; without it, as many as time allows. */
  readonly maximum?: number;
}

export interface Measurement {
  readonly latenciesMilliseconds: readonly number[];
  readonly elapsedSeconds: number;
}

/**
 * Runs tasks, so many at once and a new one whenever one ends, until time or tasks are used up. Rejects with the first
 * failure: a figure with errors in it is none.
 */
export async function load(task: (index: number) => Promise<unknown>, { seconds, concurrency, signal, maximum = Infinity }: Load): Promise<Measurement> {
  const latenciesMilliseconds: number[] = [];
  const startedAt = performance.now();
  let next = 0;
  const work = async () => {
    while (next < maximum && performance.now() - startedAt < seconds * 1000) {
      signal.throwIfAborted();
      const began = performance.now();
      await task(next++);
      latenciesMilliseconds.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { latenciesMilliseconds, elapsedSeconds: (performance.now() - startedAt) / 1000 };
}

export interface RequestMeasurement {
  readonly request: string;
  readonly concurrency: number;
  readonly measurement: Measurement;
}

/** Measurements of requests as rows of the one table of them. */
export function requestReport(...measured: readonly RequestMeasurement[]): Report {
  return {
    title: 'Requests through the local HTTP door',
    rows: measured.map(({ request, concurrency, measurement: { latenciesMilliseconds, elapsedSeconds } }) => ({
      request,
      concurrency,
      measured: latenciesMilliseconds.length,
      per_second: rounded(latenciesMilliseconds.length / elapsedSeconds),
      p50_ms: rounded(median(latenciesMilliseconds)),
      p99_ms: rounded(percentile(latenciesMilliseconds, 0.99)),
    })),
    remarks: ['Service, KMS and the sender of the requests share one process and its thread. The p99 of fewer than a hundred is the slowest.'],
  };
}
