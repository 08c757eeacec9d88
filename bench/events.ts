import type { Bench } from './harness/bench.ts';
import { load, requestReport } from './harness/load.ts';

const agentsReporting = 20;
const warmUpRequests = 100;

/** Ingestion of harmless events, with the stream's consumer at work on them meanwhile. */
export const events: Bench = {
  summary: 'events accepted per second',
  async run({ service, seconds, concurrency, signal }) {
    const { createAgents, request, runtime } = await service();
    const agents = await createAgents(agentsReporting);
    const report = (index: number) => request(201, 'POST', '/events', { agent_id: agents[index % agents.length], action_type: 'api_call', payload: { path: '/orders' } });
    await load(report, { seconds, concurrency, signal, maximum: warmUpRequests });
    const measurement = await load(report, { seconds, concurrency, signal });
    await runtime.idle();
    return [requestReport({ request: 'event', concurrency, measurement })];
  },
};
