import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { publishedCrl } from '../support/published-crl.ts';
import type { TestRuntime } from '../support/runtime.ts';
import { runProgram } from '../bin/program.ts';

export interface Gateway {
  readonly url: string;
  stop(): Promise<void>;
}

/** The gateway of examples/, in a process of its own. */
export async function startGateway({ url }: TestRuntime, environment: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/gateway.ts'], {
    env: { ...process.env, KAKUNIN_URL: url, PORT: '0', ...environment }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    const [, gatewayUrl] = /^gateway (http:\S+)$/.exec(line) ?? [];
    if (gatewayUrl === undefined) continue;
    const stop = async () => {
      const ended = once(child, 'close');
      child.kill();
      child.stdout.resume();
      await ended;
    };
    return { url: gatewayUrl, stop };
  }
  throw new Error('The gateway has ended without a line saying where it listens.');
}

/** Has operator.ts register and certify an agent; answers its id. */
export async function certifiedByOperator(runtime: TestRuntime): Promise<string> {
  return (await runOperator(runtime, 'certify')).trim();
}

/** Has operator.ts revoke the agent's certificate, and waits until the CRL says so. */
export async function revokedByOperator(runtime: TestRuntime, agentId: string): Promise<void> {
  const output = await runOperator(runtime, 'revoke', agentId);
  const [serialNumber = ''] = /[0-9A-F]{32}/.exec(output) ?? [];
  for (let attempt = 0; attempt < 300; attempt++) {
    if ((await publishedCrl(`${runtime.distributionUrl}/crl/complete.crl`)).entries.has(serialNumber)) return;
    await setTimeout(100);
  }
  throw new Error(`The complete CRL does not list ${serialNumber} after 30 seconds.`);
}

/** The environment of an agent and of its operator. */
export const credentials = ({ url, keys }: TestRuntime) => ({ KAKUNIN_URL: url, KAKUNIN_KEY: keys.acme });

async function runOperator(runtime: TestRuntime, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runProgram('examples/operator.ts', args, { environment: credentials(runtime) });
  if (status !== 0) throw new Error(`operator.ts ended with ${status}: ${stderr}`);
  return stdout;
}
