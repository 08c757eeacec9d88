import { unknownId } from '../support/agents.ts';
import type { Command } from './program.ts';
import { pick, type Scene } from './scene.ts';

/** Everything that names something of another tenant's. */
const doors: readonly ((ids: { agent: string; certificate: string; webhook: string }) => readonly [string, string, object?])[] = [
  ({ agent }) => ['GET', `/agents/${agent}`],
  ({ agent }) => ['PATCH', `/agents/${agent}`, { status: 'suspended', name: 'taken over' }],
  ({ agent }) => ['DELETE', `/agents/${agent}`],
  ({ agent }) => ['POST', `/agents/${agent}/halt`, {}],
  ({ agent }) => ['POST', `/agents/${agent}/certify`, {}],
  ({ agent }) => ['POST', `/agents/${agent}/sign`, { payload: {} }],
  ({ agent }) => ['GET', `/agents/${agent}/risk`],
  ({ agent }) => ['POST', '/events', { agent_id: agent, action_type: 'unauthorized_access_attempt' }],
  ({ agent }) => ['POST', '/risk-scores', { agent_id: agent, score: 1 }],
  ({ certificate }) => ['GET', `/certificates/${certificate}`],
  ({ certificate }) => ['POST', `/certificates/${certificate}/renew`],
  ({ certificate }) => ['POST', `/certificates/${certificate}/revoke`, { reason: 'taken over' }],
  ({ webhook }) => ['GET', `/webhooks/${webhook}`],
  ({ webhook }) => ['PATCH', `/webhooks/${webhook}`, { description: 'taken over', active: false }],
  ({ webhook }) => ['DELETE', `/webhooks/${webhook}`],
  ({ webhook }) => ['GET', `/webhooks/${webhook}/deliveries`],
];

/** The second tenant tries a door: to him there is nothing behind it. What he might have done is in nobody's history, and so would be noticed. */
export async function intrude(scene: Scene, command: Extract<Command, { kind: 'intrude' }>): Promise<void> {
  const { runtime, agents, webhooks, tally } = scene;
  const agent = pick(agents, command.agent);
  const door = doors[command.door % doors.length];
  if (agent === undefined || door === undefined) return;
  const [method, path, body] = door({ agent: agent.id, certificate: agent.certificates.at(-1) ?? unknownId, webhook: webhooks.at(-1) ?? unknownId });
  const { status, body: answer } = await runtime.call(method, path, { key: runtime.keys.globex, ...(body !== undefined && { body }) });
  tally('intrude', String(answer.code));
  if (status !== 404 && status !== 503) throw new Error(`Another tenant was answered ${status} to ${method} ${path}: ${JSON.stringify(answer)}`);
}
