import { expect, test } from '@jest/globals';
import { runProgram } from '../bin/program.ts';
import { run, tableOf } from './run.ts';

/* A few rounds of npm run test:crash, which goes on for longer. CRASH_SEED repeats what was asked for. */

const seed = Number(process.env['CRASH_SEED'] ?? 1 + Math.floor(Math.random() * 1e8));

test(`killed three times under load (seed ${seed}), it has lost nothing that it had answered`, async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
  const outcome = await run({ times: 3, seed, mostAnswers: 25, clients: 6, say: () => undefined });
  process.stdout.write(`${tableOf(outcome).join('\n')}\n`);
  expect(outcome.problems).toEqual([]);
  expect(outcome.rounds).toHaveLength(3);
  expect(outcome.rounds.every(({ unanswered }) => unanswered > 0)).toBe(true);
}, 900_000);

test.each([
  [['--times', '0'], '--times is "0"'],
  [['--seed', 'x'], '--seed is "x"'],
  [['--round', '1'], "Unknown option '--round'"],
])('%j: what is wrong, and how it is called', async (args, sentence) => {
  const { status, stdout, stderr } = await runProgram('test/crash/main.ts', args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
  expect(stderr).toContain('npm run test:crash');
});
