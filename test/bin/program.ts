import { spawn } from 'node:child_process';

export interface ProgramResult {
  /** Exit status; undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Beside the test's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Interrupts it, as Ctrl-C does, once this is in its output. */
  readonly interruptAt?: string;
  /** Kills it outright when it is aborted. */
  readonly kill?: AbortSignal;
}

/** Runs a program of bin/ or bench/ as its npm script does, from the repository's root. */
export async function runProgram(file: string, args: readonly string[] = [], { environment = {}, interruptAt, kill }: ProgramOptions = {}): Promise<ProgramResult> {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  kill?.addEventListener('abort', () => void child.kill('SIGKILL'));
  const text = { stdout: '', stderr: '' };
  let interrupted = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      if (interrupted || interruptAt === undefined || !text[name].includes(interruptAt)) return;
      interrupted = true;
      child.kill('SIGINT');
    });
  }
  const status = await new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
  return { status, ...text };
}
