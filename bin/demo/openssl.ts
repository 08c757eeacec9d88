import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DemoFailure } from './failure.ts';

export interface Chain {
  readonly root: string;
  readonly issuing: string;
  /** The agent's certificate. */
  readonly agent: string;
}

const run = promisify(execFile);

const verification = ['verify', '-x509_strict', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'agent.pem'];

/**
 * Has the chain of PEM certificates verified by the openssl program, which knows nothing of this service.
 * @returns the command as one would type it, what it printed, and the program's version
 * @throws DemoFailure where openssl is missing or says no
 */
export async function verifyWithOpenssl(chain: Chain, signal: AbortSignal): Promise<{ command: string; output: string; version: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'kakunin-demo-'));
  try {
    for (const [name, pem] of Object.entries(chain)) await writeFile(join(directory, `${name}.pem`), pem);
    const { stdout: version } = await run('openssl', ['version'], { signal });
    const { stdout } = await run('openssl', verification, { cwd: directory, signal });
    return { command: `openssl ${verification.join(' ')}`, output: stdout.trim(), version: version.trim().split(' ').slice(0, 2).join(' ') };
  } catch (error) {
    if (signal.aborted) throw error;
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new DemoFailure('The program "openssl" is missing, and nothing else is to vouch for the chain: install it (apt-get install openssl) and run the demo again.', { cause: error });
    throw new DemoFailure(`openssl refuses the chain: ${(stderr ?? String(error)).trim().replaceAll('\n', '; ')}`, { cause: error });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
