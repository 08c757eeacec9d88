import type { Flow } from './flow.ts';
import type { Run } from './matrix.ts';
import { tableOf } from './table.ts';

/** Whether every pair of call and fault is wanted (npm run test:faults), or so many that each is in one. */
export const isComplete = process.env['FAULT_MATRIX'] === 'complete';

/** Only the flows whose names match, where that is asked for. */
export const wanted = (flow: Flow): boolean => new RegExp(process.env['FAULT_FLOWS'] ?? '').test(flow.name);

/** Prints what came of each, where all of it is there to be read. */
export function report(runs: readonly Run[]): void {
  if (!isComplete) return;
  process.stdout.write(`${tableOf(runs)}\n${runs.length} runs, ${runs.filter(({ problems }) => problems.length > 0).length} of them with problems.\n`);
}
