import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './program.ts';

/* What npm run test:deploy says where it cannot have the emulator; npm run schemathesis says the same of its program. */

let temporary: string;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
});
afterAll(() => rm(temporary, { recursive: true, force: true }));

/** A python3 that is all there is. */
async function python(script: string): Promise<string> {
  const directory = await mkdtemp(join(temporary, 'bin-'));
  await writeFile(join(directory, 'python3'), `#!/bin/sh\n${script}\n`);
  await chmod(join(directory, 'python3'), 0o755);
  return directory;
}

test('Where there is no Python, nothing is tested, that is said, and it is no failure', async () => {
  const { status, stdout } = await runProgram('bin/test-deploy.ts', [], { environment: { PATH: '/nonexistent', TMPDIR: temporary } });
  expect(stdout).toMatch(/^SKIPPED, nothing was tested: ministack [\d.]+ could not be installed into .* \(there is no python3\)\.\n$/);
  expect(status).toBe(0);
});

test('Where Python can make no environment, it says what Python says', async () => {
  const PATH = await python('echo "a warning" >&2; echo "ensurepip is not available" >&2; exit 1');
  const { status, stdout } = await runProgram('bin/test-deploy.ts', [], { environment: { PATH, TMPDIR: temporary } });
  expect(stdout).toMatch(/\(ensurepip is not available\)\.\n$/);
  expect(status).toBe(0);
  // Nothing that a later run would take for an installation.
  for (const directory of await readdir(temporary)) expect(directory.includes('ministack') && (await readdir(join(temporary, directory))).includes('complete')).toBe(false);
});
