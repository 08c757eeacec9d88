import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ToolResult {
  /** Exit status; -1 if the tool did not run at all. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program in a directory of its own that holds `files` and is gone afterwards, whatever happens.
 * @param files contents by file name, to be named in `args`
 */
export function runWithFiles(program: string, args: readonly string[], files: Readonly<Record<string, Uint8Array | string>> = {}): ToolResult {
  const directory = mkdtempSync(join(tmpdir(), 'kakunin-test-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: directory, encoding: 'utf8', timeout: 110_000 });
    return { status: status ?? -1, stdout: stdout ?? '', stderr: error ? String(error) : stderr };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same for a client of a server in this process, which has to go on serving meanwhile. */
export async function runClientWithFiles(program: string, args: readonly string[], files: Readonly<Record<string, Uint8Array | string>> = {}): Promise<ToolResult> {
  const directory = mkdtempSync(join(tmpdir(), 'kakunin-test-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    return await new Promise((resolve) => {
      execFile(program, args, { cwd: directory, timeout: 25_000 }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ status, stdout, stderr: status === -1 ? String(error) : stderr });
      });
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs openssl on `files`; see {@link runWithFiles}. */
export function openssl(args: readonly string[], files: Readonly<Record<string, Uint8Array | string>> = {}): ToolResult {
  return runWithFiles('openssl', args, files);
}

/** Whether a program is installed, for verifiers that a test may use but not demand. */
export function isInstalled(program: string, versionArgument = '--version'): boolean {
  return spawnSync(program, [versionArgument], { stdio: 'ignore' }).status === 0;
}
