import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Flow } from './flow.ts';
import type { Run } from './matrix.ts';
import { tableOf } from './table.ts';

/** Whether every pair of call and fault is wanted (npm run test:faults), or so many that each is in one. */
export const isComplete = process.env['FAULT_MATRIX'] === 'complete';

/** Only the flows whose names match, where that is asked for. */
export const wanted = (flow: Flow): boolean => new RegExp(process.env['FAULT_FLOWS'] ?? '').test(flow.name);

/** Where complete tables are left, for docs/faults.md to be made of. */
export const tablesDirectory = join(import.meta.dirname, '../../../build/faults');

/** Prints the table, where all of it is there to be read, and leaves it to be read later. */
export async function report(name: string, runs: readonly Run[]): Promise<void> {
  if (!isComplete) return;
  const table = tableOf(runs);
  process.stdout.write(`${table}\n${runs.length} runs, of which ${runs.filter(({ problems }) => problems.length > 0).length} with problems.\n`);
  await mkdir(tablesDirectory, { recursive: true });
  await writeFile(join(tablesDirectory, `${name}.md`), table);
}
