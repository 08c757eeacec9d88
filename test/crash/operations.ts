import { randomUUID } from 'node:crypto';
import type { DeedKind, Request } from './history.ts';
import type { IssuedCertificate } from './expectations.ts';

/** Draws a number of [0, 1). */
export type Draw = () => number;

export const oneOf = <Value>(draw: Draw, values: readonly Value[]): Value | undefined => values[Math.floor(draw() * values.length)];

/** Whom and what a request may be about. */
export interface Subjects {
  readonly agentId: string;
  /** The one it was given last. */
  readonly certificate?: IssuedCertificate | undefined;
  /** Where webhooks may lead. */
  readonly receiverUrl: string;
}

/** How often each is asked for, compared with the others. */
const weights: Readonly<Record<DeedKind, number>> = {
  'register': 3, 'update': 3, 'certify': 8, 'renew': 2, 'revoke': 2, 'halt': 1, 'suspend': 1, 'retire': 0.3, 'sign': 6,
  'event': 3, 'severe event': 1.5, 'score': 1, 'severe score': 1, 'severe record': 1, 'create webhook': 0.2,
};

export function drawKind(draw: Draw): DeedKind {
  const kinds = Object.entries(weights) as [DeedKind, number][];
  let left = draw() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  return kinds.find(([, weight]) => (left -= weight) < 0)?.[0] ?? 'register';
}

/** What makes an agent: its version is the only one of that name there ever is. */
export const registration = () => ({ name: 'Trader', model_hash: 'sha256:0123', version: randomUUID() });

/** The request of that kind; undefined where there is no certificate for it. */
export function requestOf(kind: DeedKind, { agentId, certificate, receiverUrl }: Subjects): Request | undefined {
  const ofAgent = (method: string, path: string, body: object = {}): Request => ({ kind, method, path: `/agents/${agentId}${path}`, body, agentId, key: randomUUID() });
  const ofCertificate = (action: string, body: object): Request | undefined =>
    certificate && { kind, method: 'POST', path: `/certificates/${certificate.id}/${action}`, body, agentId, certificateId: certificate.id, key: randomUUID() };
  const posted = (path: string, body: object): Request => ({ kind, method: 'POST', path, body, agentId, key: randomUUID() });
  switch (kind) {
    case 'register':
      return { kind, method: 'POST', path: '/agents', body: registration(), key: randomUUID() };
    case 'update':
      return ofAgent('PATCH', '', { version: randomUUID() });
    case 'certify':
      return ofAgent('POST', '/certify');
    case 'renew':
      return ofCertificate('renew', {});
    case 'revoke':
      return ofCertificate('revoke', { reason: 'test', reason_code: 'keyCompromise' });
    case 'halt':
      return ofAgent('POST', '/halt', { reason: 'test' });
    case 'suspend':
      return ofAgent('PATCH', '', { status: 'suspended' });
    case 'retire':
      return ofAgent('DELETE', '');
    case 'sign':
      return ofAgent('POST', '/sign', { payload: { order: randomUUID() } });
    case 'event':
      return posted('/events', { agent_id: agentId, action_type: 'data_access' });
    case 'severe event':
      return posted('/events', { agent_id: agentId, action_type: 'transaction_anomaly' });
    case 'score':
      return posted('/risk-scores', { agent_id: agentId, score: 0.84 });
    case 'severe score':
      return posted('/risk-scores', { agent_id: agentId, score: 0.85 });
    case 'severe record':
      // Written by the risk pipeline itself, with neither the API nor a key in between.
      return { kind, method: 'PUT', path: `${new Date().toISOString()}#${randomUUID()}`, body: { score: 0.85 }, agentId };
    case 'create webhook':
      return { kind, method: 'POST', path: '/webhooks', body: { url: `${receiverUrl}/${randomUUID()}`, events: ['certificate.issued', 'certificate.revoked', 'agent.halted'] }, key: randomUUID() };
  }
}
