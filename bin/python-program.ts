import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A program that others wrote in Python, in a virtual environment of its own. */
export interface PythonProgram {
  /** As its package is called, and the program itself. */
  readonly name: string;
  readonly version: string;
  /** What it needs besides and does not ask for, each with its version. */
  readonly with?: readonly string[];
}

/** Where it is, or why it cannot be had. */
export type Installation = { readonly program: string } | { readonly missing: string };

/** Installs it below the temporary directory, once, from the package index that pip is set to. Never throws. */
export async function installPythonProgram({ name, version, with: more = [] }: PythonProgram): Promise<Installation> {
  const environment = join(tmpdir(), `kakunin-${[`${name}-${version}`, ...more.map((requirement) => requirement.replace('==', '-'))].join('-')}`);
  const program = join(environment, 'bin', name);
  // Written last: an installation that was broken off is begun anew.
  const complete = join(environment, 'complete');
  if (existsSync(complete)) return { program };
  const run = promisify(execFile);
  try {
    await run('python3', ['-m', 'venv', '--clear', environment]);
    await run(join(environment, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', `${name}==${version}`, ...more], { timeout: 300_000 });
    await writeFile(complete, '');
    return { program };
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    const why = code === 'ENOENT' ? 'there is no python3' : (stderr?.trim().split('\n').at(-1) ?? String(error));
    return { missing: `${name} ${version} could not be installed into ${environment} (${why})` };
  }
}
