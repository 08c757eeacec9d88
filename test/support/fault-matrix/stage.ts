import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { notPerformed, type FaultProxy } from '../faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../faults-runtime.ts';
import { traceInvocations } from '../invocations.ts';
import { keyPool } from '../key-pool.ts';
import { receiverAuthority, startReceiver } from '../receiver.ts';
import { openTables } from '../tables.ts';
import type { Stage } from './flow.ts';
import { granteeAccount } from './request-flows.ts';

export const proxiesOf = ({ dynamodb, kms, s3, sqs, eventBridge }: FaultyRuntime): FaultProxy[] => [dynamodb, kms, s3, sqs, eventBridge];

/** A runtime whose invocations can be told apart and killed, and a receiver of webhooks that it trusts. One per process. */
export async function startStage(settings: Readonly<Record<string, string>> = {}): Promise<Stage & { stop(): Promise<void> }> {
  const authority = receiverAuthority();
  const receiver = await startReceiver(authority.issue('IP:127.0.0.1'));
  receiver.answering = (response, { path }) => response.writeHead(path === '/refuses' ? 500 : 204).end();
  const trustAnchorFile = join(await temporaryDirectory(), 'receivers.pem');
  await writeFile(trustAnchorFile, authority.certificate);
  Object.assign(process.env, {
    KEY_RETIREMENTS_PER_SECOND: '1000', CRL_SHARDS: '2', GRANTEE_ACCOUNTS: granteeAccount, WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32', WEBHOOK_CA_FILE: trustAnchorFile, ...settings,
  });
  const invocations = traceInvocations();
  const runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() }, interpose: { handlers: invocations.handlers } });
  invocations.nameRequests();
  // Nothing of a process that was killed arrives anywhere.
  for (const proxy of proxiesOf(runtime)) proxy.inject({ from: ({ invocation }) => invocations.find(invocation)?.isDead === true }, notPerformed);
  const tables = openTables(runtime);
  return {
    runtime, invocations, receiver, tables,
    async stop() {
      tables.close();
      await runtime.stop();
      await receiver.close();
    },
  };
}
