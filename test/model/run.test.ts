import { expect, test } from '@jest/globals';
import { runProgram } from '../bin/program.ts';

const soak = (...args: string[]) => runProgram('test/model/run.ts', args);

test.each([
  [['--seed', '1.5'], '--seed is "1.5"'],
  [['--sed', '1'], "Unknown option '--sed'"],
])('%j: what is wrong, and how it is called', async (args, sentence) => {
  const { status, stdout, stderr } = await soak(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
  expect(stderr).toContain('npm run test:soak');
});

test('a difference between service and model is found, and the command that is printed finds it again', async () => {
  const first = await soak('--seconds', '60', '--seed', '7', '--model', 'test/model/forgetful-agent-model.ts', '--shrink-seconds', '3');
  expect(first.status).toBe(1);
  expect(first.stdout).toContain('could not have been seen of one that does one thing after the other');
  const [, printed] = /npm run test:soak -- (.+)/.exec(first.stdout) ?? [];
  expect(printed).toMatch(/^--seed \d+( --path [\d:]+)? --model test\/model\/forgetful-agent-model\.ts --programs 1 --repeat 50 --seconds 600$/);

  const again = await soak(...String(printed).split(' '), '--shrink-seconds', '0');
  expect(again.status).toBe(1);
  expect(again.stdout).toContain('could not have been seen of one that does one thing after the other');
}, 180_000);
