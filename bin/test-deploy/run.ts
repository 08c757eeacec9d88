import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { TestFailure } from './failure.ts';

export interface RunOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

const patienceMilliseconds = 10 * 60_000;

/**
 * Runs one line of a shell, as an operator types it.
 * @returns all it printed
 * @throws TestFailure with what matters of that, where it fails or takes ten minutes
 */
export async function run(command: string, { cwd, environment, signal }: RunOptions): Promise<string> {
  signal.throwIfAborted();
  const child = spawn('bash', ['-c', command], { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  // The shell and all it has started: npx, and what that runs.
  const kill = () => {
    try { process.kill(-(child.pid ?? 0), 'SIGKILL'); } catch { /* It has ended by itself. */ }
  };
  const timeout = setTimeout(kill, patienceMilliseconds);
  signal.addEventListener('abort', kill, { once: true });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timeout);
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();
  if (code !== 0) throw new TestFailure(`"${command}" ${code === null ? `did not end within ${patienceMilliseconds / 60_000} minutes` : `failed with the exit status ${code}`}:\n${whatMatters(output)}`);
  return output;
}

/** The lines that speak of failures, and the last ones: what CDK prints of a deployment has hundreds. */
export function whatMatters(output: string, lastLines = 25): string {
  const lines = output.trimEnd().split('\n');
  const last = lines.slice(-lastLines);
  return [...lines.slice(0, -lastLines).filter((line) => /_FAILED|❌|\berror\b/i.test(line)).slice(0, 20), ...last].join('\n');
}
