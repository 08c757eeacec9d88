/*
 * kakunin/client: the API, typed, for Node and browsers, on the platform's fetch alone.
 *
 *   const kakunin = new KakuninClient({ baseUrl: 'https://….amazonaws.com/v1', apiKey: 'kak_live_…' });
 *   const agent = await kakunin.agents.create({ name: 'Rebalancer', model_hash: 'sha256:9f86d081884c7d65' });
 *   const certificate = await kakunin.agents.certify(agent.id);
 */

import { Operations } from './operations.ts';

/**
 * A client of the service. Its methods answer what stands under `data`, lists a page; they throw KakuninError. A call that
 * was throttled (429), met a service that is not available (503) or a broken connection is tried again; a change carries
 * an Idempotency-Key, with which it is made once.
 */
export class KakuninClient extends Operations {}

export { KakuninError, type Issue } from './error.ts';
export type { CallOptions, ClientOptions, Page } from './transport.ts';
export type * from './operations.ts';
