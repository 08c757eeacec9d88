import type { Bench, Row } from './harness/bench.ts';
import type { AwsCall } from './harness/aws-calls.ts';
import type { Service } from './harness/service.ts';
import { stages } from './harness/statistics.ts';

/** What each request costs in AWS calls, and how many of them wait for one another. */
export const awsCalls: Bench = {
  summary: 'AWS calls of each request, counted on the SDK clients of the handlers',
  async run({ service }) {
    const running = await service();
    const { createAgents, certify, request } = running;
    // The first certify of a process reads the authority as well; Lambda does so once per cold start.
    for (const agentId of await createAgents(1)) await certify(agentId);
    const [agentId = ''] = await createAgents(1);
    const rows: Row[] = [];
    const count = async <Answer>(name: string, act: () => Promise<Answer>): Promise<Answer> => {
      const { answer, calls } = await recorded(running, act);
      const inARow = stages(calls);
      rows.push({
        request: name,
        calls: calls.length,
        in_a_row: inARow.length,
        operations: inARow.map((stage) => stage.map(({ operation }) => operation).toSorted().join(' + ')).join(', '),
      });
      return answer;
    };
    await count('register agent', () => createAgents(1));
    const certificate = await count('certify', () => certify(agentId));
    await count('certify again (409)', () => request(409, 'POST', `/agents/${agentId}/certify`));
    await count('sign', () => request(200, 'POST', `/agents/${agentId}/sign`, { payload: { amount_usd: 1 } }));
    await count('verify', () => request(200, 'GET', `/verify/${certificate.serialNumber}`));
    await count('event', () => request(201, 'POST', '/events', { agent_id: agentId, action_type: 'api_call' }));
    await count('revoke', () => request(200, 'POST', `/certificates/${certificate.id}/revoke`, { reason: 'bench' }));
    return [{
      title: 'AWS calls of a request',
      rows,
      remarks: ['All attempts are counted. "+" joins what runs side by side. Where a key is needed, the first GetItem is the authorizer\'s, which API Gateway remembers for up to 60 s.'],
    }];
  },
};

/** Acts while nothing else goes on: the stream's consumer shares the client. */
async function recorded<Answer>({ runtime, awsCalls: recorder }: Service, act: () => Promise<Answer>): Promise<{ answer: Answer; calls: AwsCall[] }> {
  await runtime.idle();
  const stop = recorder.start();
  const answer = await act();
  return { answer, calls: stop() };
}
