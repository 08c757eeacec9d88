import { randomUUID } from 'node:crypto';
import type { RouteName } from '../../../lambdas/routes.ts';
import { certifiedAgent, dataOf, fullAgent, minimalAgent, registerAgent } from '../agents.ts';
import { authorityPems } from '../authorities.ts';
import { ocspRequest } from '../ocsp.ts';
import type { CallOptions, Reply } from '../runtime.ts';
import { createWebhook, minimalWebhook } from '../webhooks.ts';
import { tagHeader, type Attempt, type Flow, type Stage, type Subject } from './flow.ts';

/** An account whose roles may be granted agents' keys (GRANTEE_ACCOUNTS). */
export const granteeAccount = '123456789012';
const grantee = { grantee_principal_arn: `arn:aws:iam::${granteeAccount}:role/trader` };

type Request = readonly [method: string, path: string, options?: CallOptions];

/** A request that may be repeated as it is. */
function requesting({ runtime }: Stage, [method, path, options = {}]: Request, about: readonly string[], more: Partial<Subject> = {}): Subject {
  return {
    about,
    ...more,
    async attempt(tag): Promise<Attempt> {
      const reply = await runtime.call(method, path, { ...options, headers: { ...options.headers, [tagHeader]: tag } });
      return { reply, said: reply.status < 300 ? String(reply.status) : `${reply.status} ${String(reply.body?.code ?? '')}`, succeeded: reply.status < 300 };
    },
  };
}

const flow = (functionName: RouteName | 'authorize', name: string, prepare: Flow['prepare'], besides?: Flow['besides']): Flow =>
  ({ functionName, name: name === '' ? functionName : `${functionName}, ${name}`, prepare, ...(besides && { besides }) });

const onAgent = (request: (id: string) => Request) => async (stage: Stage) => {
  const { id } = await registerAgent(stage.runtime.call, fullAgent);
  const made = request(id);
  return requesting(stage, made, [id], { ...truthOfAgent(stage, id), ...timesDone(stage, made, `/certificates?agent_id=${id}`) });
};

/** As many as the list at `path` has items, where the request has an Idempotency-Key; without one, twice is what two requests ask for. */
function timesDone({ runtime }: Stage, [, , { headers, key } = {}]: Request, path: string): Pick<Subject, 'timesDone'> {
  if (headers?.['idempotency-key'] === undefined) return {};
  return { timesDone: async () => (await runtime.call('GET', path, key === undefined ? {} : { key })).body.data.length as number };
}

const onCertified = (request: (agentId: string, certificateId: string, serial: string) => Request, options: CallOptions = {}) => async (stage: Stage) => {
  const { agent, certificate } = await certifiedAgent(stage.runtime.call, fullAgent, options);
  return requesting(stage, request(agent.id, certificate.id, certificate.serial_number), [agent.id, certificate.id], truthOfAgent(stage, agent.id, certificate.id));
};

/** Refusals that tell of what an earlier attempt has done or left behind. */
function truthOfAgent({ runtime: { aftermath } }: Stage, agentId: string, certificateId = ''): Pick<Subject, 'isTrue' | 'wait'> {
  return {
    async isTrue({ body }: Reply) {
      const { status, lease, activeCertificate } = await aftermath.agent(agentId);
      switch (body.code) {
        case 'ACTIVE_CERTIFICATE_EXISTS': return activeCertificate?.id === body.data.certificate_id;
        case 'ISSUANCE_IN_PROGRESS': return lease !== undefined && lease.expiresAt > new Date().toISOString();
        case 'CERTIFICATE_ALREADY_REVOKED': return (await aftermath.certificate(certificateId))?.['status'] === 'revoked';
        case 'AGENT_RETIRED': case 'AGENT_ALREADY_RETIRED': return status === 'retired';
        case 'REQUEST_IN_PROGRESS': return true; // While the lease lasts, whatever became of it; that it ends is seen to by repeatAfterLease.
        default: return false;
      }
    },
    async wait() {
      if ((await aftermath.agent(agentId))['lease'] !== undefined) await aftermath.expireLease(agentId);
    },
  };
}

const onWebhook = (request: (id: string) => Request) => async (stage: Stage) => {
  const key = await stage.tables.addKey({ tenantId: randomUUID() });
  const { id } = await createWebhook(stage.runtime.call, {}, { key });
  const [method, path, options] = request(id);
  return requesting(stage, [method, path, { ...options, key }], [id], {
    isTrue: async ({ body }) => body.code === 'WEBHOOK_NOT_FOUND' && (await stage.runtime.call('GET', `/webhooks/${id}`, { key })).status === 404,
  });
};

const inOwnTenant = (request: () => Request) => async (stage: Stage) => {
  const key = await stage.tables.addKey({ tenantId: randomUUID() });
  const [method, path, options] = request();
  const made: Request = [method, path, { ...options, key }];
  return requesting(stage, made, [], { isTrue: ({ body }) => Promise.resolve(body.code === 'REQUEST_IN_PROGRESS'), ...timesDone(stage, made, path) });
};

const keyed = () => ({ headers: { 'idempotency-key': randomUUID() } });
const certify = (id: string, body: object = {}): Request => ['POST', `/agents/${id}/certify`, { body }];
const renew = (_: string, certificateId: string): Request => ['POST', `/certificates/${certificateId}/renew`];
const event = (agentId: string, action_type: string, more: object = {}): Request => ['POST', '/events', { body: { agent_id: agentId, action_type, ...more } }];
const signing = (body: object) => onCertified((id) => ['POST', `/agents/${id}/sign`, { body }]);
const publicly = (path: string) => async (stage: Stage) => Promise.resolve(requesting(stage, ['GET', path, { key: null }], []));

const ocsp = (request: (der: Uint8Array) => Request) => async (stage: Stage) => {
  const { certificate } = await certifiedAgent(stage.runtime.call);
  const der = ocspRequest([{ issuer: (await authorityPems(stage.runtime.call)).issuing, serialNumber: certificate.serial_number }]);
  return requesting(stage, request(der), [certificate.id]);
};

export const requestFlows: readonly Flow[] = [
  flow('authorize', '', onAgent((id) => ['GET', `/agents/${id}`])),
  flow('create-agent', '', inOwnTenant(() => ['POST', '/agents', { body: minimalAgent }])),
  flow('create-agent', 'with an Idempotency-Key', inOwnTenant(() => ['POST', '/agents', { body: minimalAgent, ...keyed() }])),
  flow('list-agents', '', onAgent(() => ['GET', '/agents'])),
  flow('get-agent', '', onCertified((id) => ['GET', `/agents/${id}`])),
  flow('update-agent', '', onCertified((id) => ['PATCH', `/agents/${id}`, { body: { name: 'Renamed' } }])),
  flow('update-agent', 'which suspends', onCertified((id) => ['PATCH', `/agents/${id}`, { body: { status: 'suspended' } }])),
  flow('retire-agent', '', onCertified((id) => ['DELETE', `/agents/${id}`])),
  flow('halt-agent', '', onCertified((id) => ['POST', `/agents/${id}/halt`, { body: {} }])),
  flow('certify-agent', '', onAgent((id) => certify(id))),
  flow('certify-agent', 'for a grantee', onAgent((id) => certify(id, grantee))),
  flow('certify-agent', 'with an Idempotency-Key', onAgent((id) => ['POST', `/agents/${id}/certify`, keyed()])),
  flow('certify-agent', 'while KMS does not sign', onAgent((id) => certify(id)), { callName: 'KMS Sign', fault: 'throttled, lasting' }),
  flow('certify-agent', 'while the commit is not answered', onAgent((id) => certify(id)), { callName: 'DynamoDB TransactWriteItems AGENT, SET #status + CERT + EXPIRY + AUDIT', fault: 'answer lost, lasting' }),
  flow('renew-certificate', '', onCertified(renew)),
  flow('renew-certificate', 'while KMS does not sign', onCertified(renew), { callName: 'KMS Sign', fault: 'throttled, lasting' }),
  flow('revoke-certificate', '', onCertified((_, id) => ['POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } }])),
  flow('sign-message', 'a payload', signing({ payload: { a: 1 } })),
  flow('sign-message', 'a digest', signing({ digest: Buffer.alloc(32, 1).toString('base64') })),
  flow('sign-message', 'a token', signing({ jwt: {} })),
  flow('list-certificates', '', onCertified((id) => ['GET', `/certificates?agent_id=${id}`])),
  flow('get-certificate', '', onCertified((_, id) => ['GET', `/certificates/${id}`])),
  flow('verify-certificate', '', onCertified((_, __, serial) => ['GET', `/verify/${serial}`, { key: null }])),
  flow('verify-message', '', async (stage) => {
    const { agent, certificate } = await certifiedAgent(stage.runtime.call);
    const { signature, certificate_serial } = dataOf(await stage.runtime.call('POST', `/agents/${agent.id}/sign`, { body: { payload: {} } }), 200);
    return requesting(stage, ['POST', '/verify/message', { key: null, body: { payload: {}, signature, certificate_serial } }], [certificate.id]);
  }),
  flow('get-authority', '', publicly('/ca')),
  flow('get-crl', '', publicly('/crl')),
  flow('get-health', '', publicly('/health')),
  flow('post-ocsp', '', ocsp((der) => ['POST', '/ocsp', { key: null, body: der, headers: { 'content-type': 'application/ocsp-request' } }])),
  flow('get-ocsp', '', ocsp((der) => ['GET', `/ocsp/${encodeURIComponent(Buffer.from(der).toString('base64'))}`, { key: null }])),
  flow('get-agent-risk', '', onCertified((id) => ['GET', `/agents/${id}/risk`])),
  flow('list-events', '', onCertified((id) => ['GET', `/events?agent_id=${id}`])),
  flow('ingest-event', '', onCertified((id) => event(id, 'api_call'))),
  flow('ingest-event', 'which counts towards a limit', onCertified((id) => event(id, 'transaction_initiated', { payload: { amount_usd: 1, instrument: 'BTC-USD', venue: 'XNAS' } }))),
  flow('record-risk-score', '', onCertified((id) => ['POST', '/risk-scores', { body: { agent_id: id, score: 0.2 } }])),
  flow('create-webhook', '', inOwnTenant(() => ['POST', '/webhooks', { body: minimalWebhook }])),
  flow('create-webhook', 'with an Idempotency-Key', inOwnTenant(() => ['POST', '/webhooks', { body: minimalWebhook, ...keyed() }])),
  flow('list-webhooks', '', onWebhook(() => ['GET', '/webhooks'])),
  flow('get-webhook', '', onWebhook((id) => ['GET', `/webhooks/${id}`])),
  flow('update-webhook', '', onWebhook((id) => ['PATCH', `/webhooks/${id}`, { body: { active: false } }])),
  flow('update-webhook', 'which rotates its secret', onWebhook((id) => ['PATCH', `/webhooks/${id}`, { body: { rotate_secret: true } }])),
  flow('delete-webhook', '', onWebhook((id) => ['DELETE', `/webhooks/${id}`])),
  flow('list-webhook-deliveries', '', onWebhook((id) => ['GET', `/webhooks/${id}/deliveries`])),
  flow('list-audit-entries', '', onAgent((id) => ['GET', `/audit-log?affected_id=${id}`])),
];

/** Routes that have nothing to ask AWS, which is tested as well. */
export const withoutCalls = { 'get-openapi': 'answers a document that is part of the function' } as const;
