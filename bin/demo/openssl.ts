import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoFailure } from './failure.ts';

export interface OpensslResult {
  /** The command as one would type it. */
  readonly command: string;
  readonly succeeded: boolean;
  /** All it printed. */
  readonly output: string;
}

/** The openssl program, which knows nothing of this service, in a directory of its own. */
export interface Openssl {
  /** Name and number. */
  readonly version: string;
  /** Puts a file where commands find it by its name. */
  write(name: string, content: string): Promise<void>;
  run(...args: readonly string[]): Promise<OpensslResult>;
  close(): Promise<void>;
}

/** @throws DemoFailure where there is no such program. */
export async function openOpenssl(signal: AbortSignal): Promise<Openssl> {
  const directory = await mkdtemp(join(tmpdir(), 'kakunin-demo-'));
  const run = (...args: readonly string[]) =>
    new Promise<OpensslResult>((resolve, reject) => {
      execFile('openssl', args, { cwd: directory, signal }, (error, stdout, stderr) => {
        if (error !== null && (signal.aborted || error.code === 'ENOENT')) reject(error);
        else resolve({ command: `openssl ${args.join(' ')}`, succeeded: error === null, output: (stdout + stderr).trim() });
      });
    });
  const close = () => rm(directory, { recursive: true, force: true });
  try {
    const { output } = await run('version');
    return { version: output.split(' ').slice(0, 2).join(' '), write: (name, content) => writeFile(join(directory, name), content), run, close };
  } catch (error) {
    await close();
    if (signal.aborted) throw error;
    throw new DemoFailure('The program "openssl" is missing, and nothing else is to vouch for the chain: install it (apt-get install openssl) and run the demo again.', { cause: error });
  }
}
