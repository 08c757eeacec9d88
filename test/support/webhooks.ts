import { dataOf } from './agents.ts';
import type { Call, CallOptions } from './runtime.ts';

/** The least that makes a webhook. */
export const minimalWebhook = { url: 'https://example.com/hook', events: ['agent.created'] };

/** Makes a webhook: as it is answered, with its secret. */
export async function createWebhook(call: Call, fields: object = {}, options: CallOptions = {}) {
  return dataOf(await call('POST', '/webhooks', { ...options, body: { ...minimalWebhook, ...fields } }), 201);
}
