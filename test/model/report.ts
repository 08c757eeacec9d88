import type { Failure } from './soak.ts';
import type { Findings } from './round.ts';

/** What was done, and what came of it. */
export interface Report extends Findings {
  readonly counts: { readonly programs: number; readonly operations: number; readonly histories: number };
  programRun(): void;
  table(): string;
}

export function startReport(): Report {
  const counts = { programs: 0, operations: 0, histories: 0 };
  const outcomes = new Map<string, number>();
  const causes = new Map<string, number>();
  const countUp = (map: Map<string, number>, name: string) => void map.set(name, (map.get(name) ?? 0) + 1);
  return {
    counts,
    tally(kind, outcome) {
      counts.operations++;
      countUp(outcomes, `${kind.padEnd(18)} ${outcome}`);
    },
    checked(_operations, reasons) {
      counts.histories++;
      for (const reason of reasons) countUp(causes, causeOf(reason));
    },
    programRun: () => void counts.programs++,
    table() {
      const rows = (map: Map<string, number>) => [...map].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, count]) => `  ${name.padEnd(46)} ${String(count).padStart(8)}`);
      return ['operation          outcome', ...rows(outcomes), 'revoked because', ...rows(causes), `${counts.programs} programs, ${counts.operations} operations, ${counts.histories} histories: linearizable`, ''].join('\n');
    },
  };
}

/** The clients' own reasons have an id in them. */
const causeOf = (reason: string) => (reason.startsWith('Risk score') ? 'risk' : (reason.split(' ')[0] ?? ''));

/** What to say of a failure: what it was, and how it is repeated. */
export function failureReport({ seed, path, program, error, after }: Failure, model?: string): string {
  const message = error instanceof Error ? error.message : String(error);
  return [
    `Program number ${after} failed, with seed ${seed}:`, message, '', 'The smallest program that was seen to fail:', JSON.stringify(program), '',
    'To run the same commands under the same faults again, up to 50 times, since who comes first is not in a seed:', `  ${commandOf({ seed, path, model })}`,
    ...(path === '0' ? [] : ['and the program that it is a part of:', `  ${commandOf({ seed, model })}`]), '',
  ].join('\n');
}

/** What to say of the service as a whole, once all is done. */
export const invariantsReport = (violations: readonly string[]): string =>
  violations.length === 0 ? 'The tables, the audit trail, the keys, CRLs and OCSP say the same.\n' : `When all was done, this did not hold:\n${violations.map((violation) => `  ${violation}\n`).join('')}`;

function commandOf({ seed, path = '0', model }: { seed: number; path?: string; model: string | undefined }): string {
  return `npm run test:soak -- --seed ${seed}${path === '0' ? '' : ` --path ${path}`}${model === undefined ? '' : ` --model ${model}`} --programs 1 --repeat 50 --seconds 600`;
}
