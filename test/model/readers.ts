import { certificateIdOf, serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import type { Reply } from '../support/runtime.ts';
import type { AgentAction } from './agent-model.ts';
import type { Command } from './program.ts';
import { learn, note, pick, type KnownAgent, type Scene } from './scene.ts';

type Reading = Extract<Command, { kind: 'verify' | 'read certificate' | 'verify message' | 'read agent' | 'read risk' | 'list certificates' | 'list events' | 'read audit log' | 'list agents' }>;

/* eslint-disable @typescript-eslint/no-explicit-any -- rows of answers, which the API's description has been held against */

/** What an answer says of agents: each row is a read of its own, made at some time while the request was under way. */
interface Sight {
  readonly agentId: string;
  readonly action: AgentAction;
}

/** Asks, and notes what was seen. A read that is not answered has seen nothing. @throws Error where something was seen that is not the tenant's, or not asked for. */
export async function read(scene: Scene, command: Reading): Promise<void> {
  const agent = command.kind === 'list agents' ? undefined : pick(scene.agents, command.agent);
  const request = requestOf(scene, command, agent);
  if (request === undefined) return;
  const { path, options = {}, method = 'GET', sights } = request;
  const invokedAt = performance.now();
  const reply = await scene.runtime.call(method, path, options);
  const returnedAt = performance.now();
  scene.tally(command.kind, reply.status === 200 ? 'done' : String(reply.body?.code));
  if (reply.status === 503) return;
  if (reply.status !== 200) throw new Error(`${method} ${path} was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  for (const { agentId, action } of sights(reply)) note(scene.agentHistories, agentId, { invokedAt, returnedAt }, action);
}

interface Request {
  readonly method?: string;
  readonly path: string;
  readonly options?: { readonly key?: null; readonly body?: object };
  readonly sights: (reply: Reply) => readonly Sight[];
}

function requestOf(scene: Scene, command: Reading, agent: KnownAgent | undefined): Request | undefined {
  if (command.kind === 'list agents') {
    return { path: `/agents?limit=100${command.status === null ? '' : `&status=${command.status}`}`, sights: ({ body }) => body.data.map((row: any) => agentSight(row)) };
  }
  if (agent === undefined) return undefined;
  const { id } = agent;
  const certificates = (rows: any[]) => rows.map((row) => {
    if (row.agent_id !== id) throw new Error(`A certificate of agent ${row.agent_id} was listed as one of agent ${id}.`);
    learn(agent, row.id);
    return certificateSight(row);
  });
  switch (command.kind) {
    case 'verify': case 'read certificate': {
      const certificateId = pick(agent.certificates, command.certificate);
      if (certificateId === undefined) return undefined;
      if (command.kind === 'read certificate') return { path: `/certificates/${certificateId}`, sights: ({ body }) => certificates([body.data]) };
      return { path: `/verify/${serialNumberOf(certificateId)}`, options: { key: null }, sights: ({ body: { data } }) => [certificateSight({ ...data, id: certificateId })] };
    }
    case 'verify message': {
      const message = agent.signatures.at(-1);
      if (message === undefined) return undefined;
      const { payload, signature, certificateSerial } = message;
      return {
        method: 'POST', path: '/verify/message', options: { key: null, body: { payload, signature, certificate_serial: certificateSerial } },
        sights: ({ body: { data } }) => [messageSight(id, certificateSerial, data)],
      };
    }
    case 'read agent': return { path: `/agents/${id}`, sights: ({ body: { data } }) => [agentSight(data), ...certificates(data.certificates)] };
    case 'list certificates': return { path: `/certificates?limit=100&agent_id=${id}`, sights: ({ body }) => certificates(body.data) };
    case 'read risk': return { path: `/agents/${id}/risk`, sights: ({ body: { data } }) => [{ agentId: id, action: { kind: 'read', seen: { status: data.agent_status, name: data.agent_name } } }] };
    case 'list events': return { path: `/events?agent_id=${id}`, sights: ({ body }) => onlyOf(body.data, 'agent_id', id) };
    case 'read audit log': return { path: `/audit-log?affected_id=${id}`, sights: ({ body }) => onlyOf(body.data, 'affected_id', id) };
  }
}

const agentSight = ({ id, status, name, description }: any): Sight => ({ agentId: id, action: { kind: 'read', seen: { status, name, description } } });

export const certificateSight = ({ id, agent_id, status, revocation_reason }: any): Sight =>
  ({ agentId: agent_id, action: { kind: 'verify', certificateId: id, seen: { status, reason: revocation_reason } } });

/** A signature that was answered is valid for as long as its certificate is. */
function messageSight(agentId: string, certificateSerial: string, { valid, reason, certificate_status: status, certificate_serial }: any): Sight {
  if (certificate_serial !== certificateSerial || valid !== (status === 'active') || reason !== (valid ? null : `certificate_${status}`)) {
    throw new Error(`A message that was signed under ${certificateSerial} was said to be: ${JSON.stringify({ valid, reason, status, certificate_serial })}`);
  }
  return { agentId, action: { kind: 'verify', certificateId: certificateIdOf(certificateSerial), seen: { status } } };
}

function onlyOf(rows: readonly any[], name: string, id: string): [] {
  const stranger = rows.find((row) => row[name] !== id);
  if (stranger !== undefined) throw new Error(`A list for ${name} ${id} has ${JSON.stringify(stranger)}.`);
  return [];
}
