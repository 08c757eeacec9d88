import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEphemeralDatabase, ensureDatabase } from './database.ts';

export interface Engine {
  readonly endpoint: string;
  readonly pid: number;
  /** Resolves, with what to say about it, if the engine ends without having been asked to. */
  readonly died: Promise<Error>;
  close(): Promise<void>;
}

export interface EngineOptions {
  /** Path of the `dynoxide` executable. */
  readonly binary: string;
  /** Where the data is kept; in memory without it. */
  readonly databaseFile?: string;
  /** Where the process id is noted while the engine runs, so that the next start can end one that was left behind. */
  readonly pidFile?: string;
}

const attempts = 5;
const readyWithinMilliseconds = 10_000;
const endWithinMilliseconds = 3000;

/**
 * Starts the engine on a free port of 127.0.0.1, with an index on its stream records if it begins with no data. Rejects with one sentence
 * where it cannot be started or its database is damaged.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { databaseFile, pidFile } = options;
  if (databaseFile === undefined) {
    const ephemeral = await createEphemeralDatabase();
    return launch({ ...options, ...(ephemeral && { databaseFile: ephemeral.file }) }).finally(() => ephemeral?.unlink());
  }
  if (pidFile !== undefined) await endLeftover(pidFile, databaseFile);
  await ensureDatabase(databaseFile);
  return launch(options);
}

/** Starts the engine as it is, on the database file if there is one. */
async function launch({ binary, databaseFile, pidFile }: EngineOptions): Promise<Engine> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    // A process group of its own: Ctrl-C in a terminal must reach this process first, which ends the engine last.
    const child = spawn(binary, ['serve', '--host', '127.0.0.1', '--port', String(port), ...(databaseFile === undefined ? [] : ['--db-path', databaseFile])], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    endWithThisProcess(child);
    const lastWords = await untilReady(child);
    if (lastWords === undefined) return supervise(child, `http://127.0.0.1:${port}`, pidFile);
    // The engine has no port 0, so another process may have taken the free port in between.
    if (lastWords.includes('already in use') && attempt < attempts) continue;
    if (databaseFile !== undefined && /database/i.test(lastWords)) {
      throw new Error(`The database ${databaseFile} is damaged: restore it from a copy, or start with an empty data directory. (${lastWords})`);
    }
    throw new Error(`The DynamoDB engine ${binary} did not start: ${lastWords}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves with undefined once the engine listens, or with what it said before it ended. */
async function untilReady(child: ChildProcess): Promise<string | undefined> {
  let said = '';
  const deadline = setTimeout(() => child.kill('SIGKILL'), readyWithinMilliseconds);
  try {
    return await new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', () => resolve(said.trim().replace(/^error: /, '') || `it was not ready within ${readyWithinMilliseconds / 1000} s`));
      child.stderr?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-1000);
        if (said.includes('listening on')) resolve(undefined);
      });
    });
  } finally {
    clearTimeout(deadline);
  }
}

async function supervise(child: ChildProcess, endpoint: string, pidFile: string | undefined): Promise<Engine> {
  const pid = child.pid as number;
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let closing = false;
  const died = ended.then(([code, signal]) => {
    if (closing) return new Promise<never>(() => undefined);
    return new Error(`The DynamoDB engine ended unexpectedly (${signal ?? `exit code ${code}`}): start again.`);
  });
  if (pidFile !== undefined) await writeFile(pidFile, `${pid}\n`, { mode: 0o600 });
  return {
    endpoint,
    pid,
    died,
    async close() {
      closing = true;
      child.kill('SIGTERM');
      const deadline = setTimeout(() => child.kill('SIGKILL'), endWithinMilliseconds);
      await ended;
      clearTimeout(deadline);
      if (pidFile !== undefined) await rm(pidFile, { force: true });
    },
  };
}

/**
 * Node offers no PR_SET_PDEATHSIG, so a shell waits on a pipe only this process holds the other end of: however this process ends, `kill -9`
 * included, the pipe closes and the shell ends the engine. Where there is no /bin/sh, `endLeftover` makes up for it at the next start.
 */
function endWithThisProcess(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const endChild = () => child.kill('SIGKILL');
  const watchdog = spawn('/bin/sh', ['-c', 'read _; kill -9 "$0"', String(child.pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watchdog.once('error', () => undefined);
  process.once('exit', endChild);
  child.once('exit', () => {
    watchdog.kill('SIGKILL');
    process.off('exit', endChild);
  });
}

/** Ends an engine that an earlier run left behind on the same database: two of them would not know of each other. */
async function endLeftover(pidFile: string, databaseFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return;
  while (await isEngine(pid, databaseFile)) {
    process.kill(pid, 'SIGKILL');
    await sleep(10);
  }
  await rm(pidFile, { force: true });
}

/** Whether the process is an engine on this very database; its id may long be another program's. */
async function isEngine(pid: number, databaseFile: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const [program = '', ...parameters] = commandLine.split('\0');
  return basename(program) === 'dynoxide' && parameters.includes(databaseFile);
}
