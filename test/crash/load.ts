import { issuedCertificates, deedsByAgent, type IssuedCertificate } from './expectations.ts';
import { dataOf, isDone, type Deed, type History, type Request } from './history.ts';
import { drawKind, oneOf, requestOf, type Draw } from './operations.ts';
import type { Service } from './service.ts';

export interface LoadOptions {
  readonly clients: number;
  readonly draw: Draw;
  readonly receiverUrl: string;
  /** Told of each answer. */
  readonly onAnswer: () => void;
  /** Ends it; what is under way is then answered, or not. */
  readonly signal: AbortSignal;
}

/** How many agents the clients of a round work on, so that they meet each other. */
const agentsAtOnce = 16;
const mostWebhooks = 6;

/** Clients that each ask for one thing after the other, until the signal or the service ends them. */
export async function load(service: Service, history: History, { clients, draw, receiverUrl, onAnswer, signal }: LoadOptions): Promise<void> {
  const latest = new Map<string, IssuedCertificate>();
  for (const certificate of issuedCertificates(history.deeds)) latest.set(certificate.agentId, certificate);
  const agents = [...deedsByAgent(history.deeds)].filter(([, deeds]) => !deeds.some(({ kind }) => kind === 'retire')).map(([agentId]) => agentId).slice(-agentsAtOnce);

  const note = (deed: Deed) => {
    if (deed.kind === 'register' && isDone(deed)) agents.push(dataOf(deed).id);
    if (agents.length > agentsAtOnce) agents.shift();
    for (const certificate of issuedCertificates([deed])) latest.set(certificate.agentId, certificate);
  };
  const client = async () => {
    while (!signal.aborted) {
      const kind = drawKind(draw);
      if (kind === 'create webhook' && history.deeds.filter((deed) => deed.kind === kind).length >= mostWebhooks) continue;
      const agentId = oneOf(draw, agents);
      const request = requestOf(agentId === undefined ? 'register' : kind, { agentId: agentId ?? '', certificate: latest.get(agentId ?? ''), receiverUrl });
      if (request === undefined) continue;
      const deed = await perform(service, history, request);
      if (deed.reply === undefined) return;
      note(deed);
      onAnswer();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** Sends one request to the service, or writes the record. */
export const perform = (service: Service, history: History, request: Request): Promise<Deed> => history.note(request, () => send(service, request));

export async function send({ call, putRisk }: Service, { kind, method, path, body, agentId, key }: Request) {
  if (kind !== 'severe record') return call(method, path, { body, ...(key !== undefined && { headers: { 'idempotency-key': key } }) });
  await putRisk({ agent_id: agentId, record_id: path, ...body });
  return { status: 200, body: {} };
}
