import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TestFailure } from './failure.ts';

/** MiniStack (https://ministack.org), started for one test on this machine alone. */
export interface Emulator {
  /** The endpoint of every service. */
  readonly url: string;
  /** All it and the functions have logged. */
  log(): Promise<string>;
  /** The most memory that it and the functions had at once, as looked at each second. */
  peakMegabytes(): number;
  /** Ends it, the functions and what they have left behind. Done as well when the process that started it is killed. */
  stop(): Promise<void>;
}

// It ends when its standard input does, however this process does.
const supervisor = '"$0" > "$1/log" 2>&1 & emulator=$!; cat > /dev/null; kill "$emulator"; wait "$emulator"; rm -rf "$1"';

const startMilliseconds = 60_000;

/** @throws TestFailure where it does not answer within a minute */
export async function startEmulator(program: string, region: string, signal: AbortSignal): Promise<Emulator> {
  const directory = await mkdtemp(join(tmpdir(), 'kakunin-test-deploy-'));
  await writeFile(join(directory, 'log'), '');
  const port = await freePort();
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn('sh', ['-c', supervisor, program, directory], {
    // Nothing of this shell's AWS: neither an account nor credentials.
    env: { PATH, HOME, TMPDIR: directory, STATE_DIR: join(directory, 'state'), BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), IOT_MTLS_ENABLED: '0', MINISTACK_REGION: region },
    stdio: ['pipe', 'ignore', 'ignore'],
    // A process group of its own, which Ctrl-C does not reach: what is under way ends before that which it works with.
    detached: true,
  });
  const exited = once(child, 'exit');
  const group = child.pid ?? 0;
  let peak = 0;
  const sampling = setInterval(() => void megabytesOf(group).then((now) => (peak = Math.max(peak, now))), 1_000).unref();

  const emulator: Emulator = {
    url: `http://127.0.0.1:${port}`,
    log: () => readFile(join(directory, 'log'), 'utf8'),
    peakMegabytes: () => Math.round(peak),
    async stop() {
      clearInterval(sampling);
      child.stdin.end();
      await Promise.race([exited, delay(15_000, undefined, { ref: false })]);
      // Functions that did not end with it.
      try { process.kill(-group, 'SIGKILL'); } catch { /* There are none. */ }
    },
  };
  const deadline = Date.now() + startMilliseconds;
  while (!(await answers(`${emulator.url}/_ministack/health`))) {
    if (signal.aborted || Date.now() > deadline) {
      const log = await emulator.log();
      await emulator.stop();
      signal.throwIfAborted();
      throw new TestFailure(`MiniStack did not answer within ${startMilliseconds / 1000} s. It says:\n${log}`);
    }
    await delay(200);
  }
  return emulator;
}

const answers = (url: string) => fetch(url, { signal: AbortSignal.timeout(2_000) }).then(({ ok }) => ok, () => false);

/** One that nobody listens on by now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function megabytesOf(group: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pgid=,rss=']).catch(() => ({ stdout: '' }));
  const rows = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.reduce((sum, [pgid, kibibytes = 0]) => (pgid === group ? sum + kibibytes : sum), 0) / 1024;
}
