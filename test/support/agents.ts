import type { Call, CallOptions, Reply } from './runtime.ts';

/** The least that registers an agent. */
export const minimalAgent = { name: 'Settlement bot', model_hash: 'sha256:9f86d081884c7d65' };

/** Every field a client may send. */
export const fullAgent = {
  ...minimalAgent,
  model: 'settler-7b',
  version: '2.4.1',
  description: 'Settles trades.\nUnder supervision.',
  operator_org: 'Ünïcode Trading 株式会社',
  permitted_actions: ['trade:execute', 'data:read'],
  financial_scope: {
    max_single_trade_usd: 10_000.5,
    daily_limit_usd: 250_000,
    permitted_instruments: ['BTC-USD', 'ETH-USD'],
    permitted_venues: ['XNAS'],
    leverage_permitted: true,
    max_leverage_ratio: 2.5,
  },
  metadata: { desk: 'emea', nested: { list: [1, 'two', null, true] } },
};

export const unknownId = '00000000-0000-4000-8000-000000000000';

/** The `data` of a reply; throws where it has another status. */
export function dataOf({ status, body }: Reply, expectedStatus: number) {
  if (status !== expectedStatus) throw new Error(`Expected ${expectedStatus}, was answered ${status}: ${JSON.stringify(body)}`);
  return body.data;
}

/** Registers an agent, pending. `fields` go over the least that is needed. */
export async function registerAgent(call: Call, fields: object = {}, options: CallOptions = {}) {
  return dataOf(await call('POST', '/agents', { ...options, body: { ...minimalAgent, ...fields } }), 201);
}

/** Certifies an agent and answers the certificate. */
export async function certify(call: Call, agentId: string, options: CallOptions = {}) {
  return dataOf(await call('POST', `/agents/${agentId}/certify`, options), 201);
}

/** Registers an agent and certifies it: the agent as it was registered, and its certificate. */
export async function certifiedAgent(call: Call, fields: object = {}, options: CallOptions = {}) {
  const agent = await registerAgent(call, fields, options);
  return { agent, certificate: await certify(call, agent.id, options) };
}

/** Reads an agent with its certificates. */
export async function readAgent(call: Call, agentId: string, options: CallOptions = {}) {
  return dataOf(await call('GET', `/agents/${agentId}`, options), 200);
}

/** Revokes a certificate; answers the revocation. */
export async function revoke(call: Call, certificateId: string, options: CallOptions = {}) {
  return dataOf(await call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'Anomalous trading' }, ...options }), 200);
}
