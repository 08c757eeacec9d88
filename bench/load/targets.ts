import { openConnections, type HttpClient, type Reply } from '../harness/http-client.ts';
import { load } from '../harness/load.ts';

/** What load is put on. */
export interface Target {
  readonly name: string;
  readonly request: string;
  /** The status of success. */
  readonly success: number;
  /** What 99 of 100 answers are to stay below for the load to count as borne. */
  readonly boundMilliseconds: number;
  /** Sends one request. */
  readonly send: (index: number) => Promise<Reply>;
  /** To be called before so many requests are sent. */
  readonly prepare: (requests: number) => Promise<void>;
}

const agentsActing = 20;
const atOnce = 8;

/** The four routes, with certified agents for three of them, and as many uncertified ones as are asked for for the other. */
export async function loadTargets(service: Pick<HttpClient, 'send' | 'ask'>, signal: AbortSignal): Promise<readonly Target[]> {
  const { send, ask } = service;
  const agents = await registerAgents(service, agentsActing, signal);
  const serialNumbers: string[] = [];
  await load(async (index) => {
    serialNumbers.push(String((await ask(201, 'POST', `/agents/${agents[index]}/certify`))['serial_number']));
  }, { seconds: Infinity, concurrency: 4, maximum: agents.length, signal });
  const agent = (index: number) => agents[index % agents.length];
  const connect = (requests: number) => openConnections(send, requests);

  const uncertified: string[] = [];
  return [
    {
      name: 'verify', request: 'GET /verify/{serial}', success: 200, boundMilliseconds: 250, prepare: connect,
      send: (index) => send('GET', `/verify/${serialNumbers[index % serialNumbers.length]}`),
    },
    {
      name: 'certify', request: 'POST /agents/{id}/certify', success: 201, boundMilliseconds: 2000,
      async prepare(requests) {
        uncertified.push(...(await registerAgents(service, Math.max(0, requests - uncertified.length), signal)));
        await connect(requests);
      },
      async send() {
        const agentId = uncertified.pop() ?? '';
        const reply = await send('POST', `/agents/${agentId}/certify`);
        if (reply.status !== 201) uncertified.unshift(agentId);
        return reply;
      },
    },
    {
      name: 'events', request: 'POST /events', success: 201, boundMilliseconds: 250, prepare: connect,
      send: (index) => send('POST', '/events', { agent_id: agent(index), action_type: 'api_call', payload: { path: '/orders' } }),
    },
    {
      name: 'sign', request: 'POST /agents/{id}/sign', success: 200, boundMilliseconds: 250, prepare: connect,
      send: (index) => send('POST', `/agents/${agent(index)}/sign`, { payload: { order: index, side: 'buy', amount_usd: 1250 } }),
    },
  ];
}

/** Answers the ids of as many new agents. */
export async function registerAgents({ ask }: Pick<HttpClient, 'ask'>, count: number, signal: AbortSignal): Promise<string[]> {
  const agents: string[] = [];
  await load(async (index) => {
    agents.push(String((await ask(201, 'POST', '/agents', { name: `Bench agent ${index}`, model_hash: 'sha256:9f86d081', permitted_actions: ['order.place'] }))['id']));
  }, { seconds: Infinity, concurrency: atOnce, maximum: count, signal });
  return agents;
}
