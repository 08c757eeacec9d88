import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { formatApiKey } from '../../lambdas/authority/api-key.ts';
import { tableNames, type Runtime } from '../../local/runtime.ts';
import { openHttpClient, type HttpClient } from './http-client.ts';

/** The service in a process of its own, as `npm start` starts it: what sends it load does not take part of its thread. */
export interface ChildService extends Pick<Runtime, 'dynamodbEndpoint' | 'kmsEndpoint' | 'tableNames'>, Pick<HttpClient, 'send' | 'ask'> {
  stop(): Promise<void>;
}

/**
 * @param environment beside that of this process: what `npm start` reads
 * @param signal ends it
 */
export async function startChildService(environment: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ChildService> {
  const key = formatApiKey('test', randomBytes(32));
  const child = spawn(process.execPath, ['--import', 'tsx', 'bin/local.ts'], {
    cwd: new URL('../..', import.meta.url),
    // A throttled KMS fills the log, as it should.
    env: { ...process.env, PORT: '0', KAKUNIN_LOCAL_KEYS: `bench=${key}`, KAKUNIN_DATA_DIR: '', POWERTOOLS_LOG_LEVEL: 'SILENT', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const end = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaints = (complaints + chunk).slice(-4000)));

  const places = new Map<string, string>();
  for await (const line of createInterface(child.stdout)) {
    if (line === 'ready') break;
    const [name = '', place = ''] = line.split(' ');
    places.set(name, place);
  }
  const url = places.get('api');
  if (url === undefined) {
    await exited;
    throw new Error(`The service did not start: ${complaints}`);
  }
  child.stdout.resume();
  const client = openHttpClient(url, key);

  return {
    dynamodbEndpoint: places.get('dynamodb') ?? '',
    kmsEndpoint: places.get('kms') ?? '',
    tableNames,
    send: client.send,
    ask: client.ask,
    async stop() {
      signal.removeEventListener('abort', end);
      client.close();
      end();
      const [code] = (await exited) as [number | null];
      if (code !== 0) throw new Error(`The service ended with status ${code}: ${complaints}`);
    },
  };
}
