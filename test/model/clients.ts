import { randomUUID } from 'node:crypto';
import { certificateIdOf } from '../../lambdas/pki/serial-number.ts';
import type { Reply } from '../support/runtime.ts';
import { unknown, type AgentAction, type Answer } from './agent-model.ts';
import { answerTo, deliver } from './delivery.ts';
import type { Command, Delivery } from './program.ts';
import { learn, note, pick, type KnownAgent, type Scene } from './scene.ts';
import { actOnWebhook } from './webhook-clients.ts';
import { read } from './readers.ts';
import { intrude } from './intruder.ts';

/** What an agent's role is called where keys may be granted to one; its account is allowed (GRANTEE_ACCOUNTS). */
export const grantee = { account: '123456789012', arn: 'arn:aws:iam::123456789012:role/agents/trader' } as const;

/** Does what a command says, and notes what was seen. @throws Error where that is wrong in itself. */
export async function perform(scene: Scene, command: Command): Promise<void> {
  switch (command.kind) {
    case 'register': return void (await register(scene, command.delivery));
    case 'create webhook': case 'edit webhook': case 'delete webhook': case 'read webhook': case 'list webhooks':
      return actOnWebhook(scene, command);
    case 'verify': case 'read certificate': case 'verify message': case 'read agent': case 'read risk': case 'list certificates': case 'list events': case 'read audit log': case 'list agents':
      return read(scene, command);
    case 'intrude': return intrude(scene, command);
    case 'write risk record': case 'report event': case 'report score': return reportRisk(scene, command);
    case 'certify': case 'renew': case 'revoke': case 'sign': case 'halt': case 'retire': case 'edit': case 'set status':
      return change(scene, command);
  }
}

/** Registers an agent, which all clients then know of. */
export async function register(scene: Scene, delivery: Delivery): Promise<void> {
  const body = { name: 'agent', model_hash: 'sha256:0123' };
  const exchanges = await deliver((headers) => scene.runtime.call('POST', '/agents', { body, headers }), delivery, scene);
  for (const exchange of exchanges) {
    scene.tally('register', answerTo(exchange));
    const id = exchange.reply?.body?.data?.id as string | undefined;
    if (id === undefined) continue;
    note(scene.agentHistories, id, exchange, { kind: 'register', answer: 'done', name: body.name, description: null });
    scene.agents.push({ id, certificates: [], signatures: [] });
  }
}

type Change = Extract<Command, { kind: 'certify' | 'renew' | 'revoke' | 'sign' | 'halt' | 'retire' | 'edit' | 'set status' }>;

/** One request that is to change an agent: what is sent, and what the answer means to the model. */
interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly action: (answer: Answer, reply: Reply | undefined) => AgentAction;
}

async function change(scene: Scene, command: Change): Promise<void> {
  const agent = pick(scene.agents, command.agent);
  const request = agent && requestOf(agent, command);
  if (agent === undefined || request === undefined) return;
  const { method, path, body } = request;
  for (const exchange of await deliver((headers) => scene.runtime.call(method, path, { headers, ...(body !== undefined && { body }) }), command.delivery, scene)) {
    const answer = answerTo(exchange);
    scene.tally(command.kind, answer);
    note(scene.agentHistories, agent.id, exchange, request.action(answer, exchange.reply));
    const data = exchange.reply?.body?.data;
    if (answer === 'done' && (command.kind === 'certify' || command.kind === 'renew')) learn(agent, data.id);
    if (answer === 'ACTIVE_CERTIFICATE_EXISTS') learn(agent, data.certificate_id);
    if (answer === 'done' && command.kind === 'sign') agent.signatures.push({ payload: body?.['payload' as never] ?? {}, signature: data.signature, certificateSerial: data.certificate_serial });
  }
}

function requestOf({ id, certificates }: KnownAgent, command: Change): Request | undefined {
  const path = `/agents/${id}`;
  switch (command.kind) {
    case 'certify': return {
      method: 'POST', path: `${path}/certify`, body: command.grantee ? { grantee_principal_arn: grantee.arn } : {},
      action: (answer, reply) => ({ kind: 'certify', answer, issued: issuedBy(answer, reply), standing: reply?.body?.data?.certificate_id, leaseConceivable: false }),
    };
    case 'renew': case 'revoke': {
      const certificateId = pick(certificates, command.certificate);
      if (certificateId === undefined) return undefined;
      const target = { method: 'POST', path: `/certificates/${certificateId}/${command.kind}` };
      if (command.kind === 'renew') {
        return { ...target, action: (answer, reply) => ({ kind: 'renew', answer, certificateId, issued: issuedBy(answer, reply), standing: reply?.body?.data?.certificate_id, leaseConceivable: false }) };
      }
      const reason = `revoked ${randomUUID()}`;
      return { ...target, body: { reason, reason_code: 'keyCompromise' }, action: (answer) => ({ kind: 'revoke', answer, certificateId, reason }) };
    }
    case 'sign': {
      const payload = { nonce: randomUUID() };
      return { method: 'POST', path: `${path}/sign`, body: { payload }, action: (answer, reply) => ({ kind: 'sign', answer, certificateId: idOfSerial(reply?.body?.data?.certificate_serial) }) };
    }
    case 'halt': {
      const reason = `halted ${randomUUID()}`;
      return {
        method: 'POST', path: `${path}/halt`, body: { reason },
        action: (answer, reply) => ({ kind: 'halt', answer, reason, leaseConceivable: false, ...(answer === 'done' && { receipt: receiptIn(reply) }) }),
      };
    }
    case 'retire': return { method: 'DELETE', path, action: (answer) => ({ kind: 'retire', answer }) };
    case 'edit': return updateOf(path, { [command.field]: command.text });
    case 'set status': return updateOf(path, { status: command.status });
  }
}

function updateOf(path: string, set: Extract<AgentAction, { kind: 'update' }>['set']): Request {
  return {
    method: 'PATCH', path, body: set,
    // Of the fields that it did not set, the answer may be older than the change.
    action: (answer, reply) => ({ kind: 'update', answer, set, ...(answer === 'done' && { answered: { status: reply?.body?.data?.status } }) }),
  };
}

const issuedBy = (answer: Answer, reply: Reply | undefined) => (answer === 'done' ? [{ id: reply?.body?.data?.id as string, issuedAt: '' }] : []);
const receiptIn = (reply: Reply | undefined) => ({ eventId: reply?.body?.data?.halt_event_id as string, certificateId: idOfSerial(reply?.body?.data?.certificate_serial) ?? null });

const idOfSerial = (serialNumber: string | null | undefined) => (serialNumber ? certificateIdOf(serialNumber) : undefined);

async function reportRisk(scene: Scene, command: Extract<Command, { kind: 'report event' | 'report score' | 'write risk record' }>): Promise<void> {
  const agent = pick(scene.agents, command.agent);
  if (agent === undefined) return;
  const { id: agentId } = agent;
  const { call } = scene.runtime;
  if (command.kind === 'write risk record') {
    const [invokedAt, from] = [performance.now(), Date.now()];
    const [, recordId = ''] = (await scene.riskTable.put(agentId, { score: { N: String(command.score) } }, timeAgo(command.secondsAgo))).split('#');
    scene.tally(command.kind, 'done');
    scene.reports.push({ agentId, score: command.score, invokedAt, recordId, ...(command.secondsAgo < 0 && { written: { from, to: Date.now() } }) });
    return;
  }
  const isEvent = command.kind === 'report event';
  const score = isEvent ? (command.severe ? 0.95 : 0.05) : command.score;
  const body = isEvent
    ? { agent_id: agentId, action_type: command.severe ? 'unauthorized_access_attempt' : 'api_call' }
    : { agent_id: agentId, score, ...(command.secondsAgo !== 0 && { observed_at: timeAgo(command.secondsAgo) }) };
  for (const exchange of await deliver((headers) => call('POST', isEvent ? '/events' : '/risk-scores', { body, headers }), command.delivery, scene)) {
    const answer = answerTo(exchange);
    scene.tally(command.kind, answer);
    if (isEvent && answer !== unknown) note(scene.agentHistories, agentId, exchange, { kind: 'report event', answer });
    if (answer === unknown || answer === 'done') scene.reports.push({ agentId, score, invokedAt: exchange.invokedAt, ...(answer === 'done' && { recordId: exchange.reply?.body?.data?.id }) });
  }
}

const timeAgo = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
