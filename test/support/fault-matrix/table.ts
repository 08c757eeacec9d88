import { titleOf } from './calls.ts';
import { faultKinds } from './faults.ts';
import type { Run } from './matrix.ts';

/** What came of the run: of the attempt that met the fault, and then of the same again. */
export const outcomeOf = ({ attempts, problems }: Run): string =>
  [attempts.map(({ said }, index) => (attempts[index - 1]?.said === said && index > 1 ? undefined : said)).filter((said) => said !== undefined).join(' → '), ...problems.map((problem) => `✗ ${problem}`)].join(' ');

/** Flow by flow, a line for each of its calls: the faults, and what came of them. Markdown. */
export function tableOf(runs: readonly Run[]): string {
  const sections = [...new Set(runs.map(({ flow }) => flow.name))].map((name) => {
    const ofFlow = runs.filter(({ flow }) => flow.name === name);
    const calls = [...new Set(ofFlow.map(({ call }) => titleOf(call)))];
    const lines = calls.map((title) => {
      const byOutcome = new Map<string, string[]>();
      for (const run of ofFlow.filter(({ call }) => titleOf(call) === title)) byOutcome.set(outcomeOf(run), [...(byOutcome.get(outcomeOf(run)) ?? []), run.kind.title]);
      const outcomes = [...byOutcome].map(([outcome, kinds]) => `${kinds.length === faultKinds.length ? 'whatever happens' : kinds.join('; ')}: ${outcome}`);
      return `| ${title} | ${outcomes.join('<br>')} |`;
    });
    return [`## ${name}`, '', '| call | fault: outcome → the same again |', '|---|---|', ...lines].join('\n');
  });
  return `${sections.join('\n\n')}\n`;
}
