import { afterAll, expect, test } from '@jest/globals';
import { removeTemporaryDirectories, temporaryDirectory } from '../local/temporary-directory.ts';
import { runProgram } from './program.ts';

afterAll(removeTemporaryDirectories);

test.each([
  [['--seconds', '0'], '--seconds is "0"'],
  [['--seconds', 'x'], '--seconds is "x"'],
  [['certificates'], 'There is nothing called "certificates" to fuzz: it is one of api, pki.'],
  [['--sed', '1'], "Unknown option '--sed'"],
])('fuzz %j: what is wrong, and how it is called', async (args, sentence) => {
  const { status, stdout, stderr } = await runProgram('bin/fuzz.ts', args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
  expect(stderr).toContain('npm run fuzz');
});

test('schemathesis says that it was skipped where it cannot be installed, and starts nothing', async () => {
  const { status, stdout } = await runProgram('bin/schemathesis.ts', [], { environment: { TMPDIR: await temporaryDirectory(), PATH: '' } });
  expect(stdout).toMatch(/^SKIPPED, nothing was tested: schemathesis \S+ could not be installed into \S+ \(there is no python3\)\.\n$/);
  expect(status).toBe(0);
});
