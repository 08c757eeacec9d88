import type { BenchContext, Report } from './bench.ts';
import { median, rounded } from './statistics.ts';

const warmUpIterations = 400;
const batchIterations = 20;

/**
 * The processor time of each of the steps, warm. They share the time there is.
 * @param target of which step less than so many milliseconds are wanted
 */
export function processorTimeReport(
  title: string, steps: Readonly<Record<string, () => unknown>>, target: { readonly step: string; readonly milliseconds: number }, { seconds, signal }: Pick<BenchContext, 'seconds' | 'signal'>,
): Report {
  const rows = Object.entries(steps).map(([step, act]) => {
    signal.throwIfAborted();
    const batches = cpuMillisecondsOf(act, seconds / Object.keys(steps).length);
    const cpuMilliseconds = median(batches);
    const targetMilliseconds = step === target.step ? `< ${target.milliseconds}: ${cpuMilliseconds < target.milliseconds ? 'met' : 'missed'}` : '';
    return { step, measured: batches.length * batchIterations, cpu_ms: rounded(cpuMilliseconds), least_ms: rounded(Math.min(...batches)), target_ms: targetMilliseconds };
  });
  return { title, rows, remarks: [`User and system time of the whole process, garbage collection included: the median and the least of batches of ${batchIterations}.`] };
}

/** User and system time of one call, batch by batch for as many as fit in the time. */
function cpuMillisecondsOf(act: () => unknown, seconds: number): number[] {
  for (let iteration = 0; iteration < warmUpIterations; iteration++) act();
  const batches: number[] = [];
  const startedAt = performance.now();
  while (batches.length === 0 || performance.now() - startedAt < seconds * 1000) {
    const before = process.cpuUsage();
    for (let iteration = 0; iteration < batchIterations; iteration++) act();
    const { user, system } = process.cpuUsage(before);
    batches.push((user + system) / 1000 / batchIterations);
  }
  return batches;
}
