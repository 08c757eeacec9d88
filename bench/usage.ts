import { operations, type Operation, type Usage } from '../bin/cost/usage.ts';
import { recordAwsUsage } from './harness/aws-usage.ts';
import type { Bench, BenchContext } from './harness/bench.ts';
import { ocspRequests } from './harness/ocsp.ts';

/** What AWS bills for an operation and what follows from it, as bin/cost/usage.ts has it. */
export const usage: Bench = {
  summary: 'what AWS bills for each operation, with all that follows from it',
  alone: { service: { automaticSchedules: false } },
  async run(context) {
    const measured = await measureUsage(context);
    const rows = Object.entries(measured).map(([operation, used]) => ({ operation, ...used }));
    return [{ title: 'What an operation uses of AWS', rows, remarks: ['The authorizer is left out where API Gateway remembers it. Each operation by itself: what comes together shares batches, and costs less.'] }];
  },
};

/** Does each operation once, alone, on agents of usual size. */
export async function measureUsage({ service }: Pick<BenchContext, 'service'>): Promise<Record<Operation, Usage>> {
  const { runtime, createAgents, certify, request, issuingCertificate, askOcsp } = await service();
  const recorder = await recordAwsUsage(Object.values(runtime.tableNames));
  const askAbout = ocspRequests(await issuingCertificate());
  const act = async (agentId: string): Promise<Record<Exclude<Operation, 'register'>, () => Promise<unknown>>> => {
    const certificate = { id: '', serialNumber: '' };
    const payload = { instrument: 'ISIN IE00B4L5Y983', side: 'buy', quantity: 100, limit_price: '82.17', currency: 'EUR' };
    let signature: unknown;
    return {
      certify: async () => Object.assign(certificate, await certify(agentId)),
      sign: async () => ({ signature } = await request(200, 'POST', `/agents/${agentId}/sign`, { payload })),
      verify: () => request(200, 'GET', `/verify/${certificate.serialNumber}`),
      verifyMessage: () => request(200, 'POST', '/verify/message', { payload, signature, certificate_serial: certificate.serialNumber }),
      ocsp: () => askOcsp('POST', askAbout(certificate.serialNumber)),
      event: () => request(201, 'POST', '/events', { agent_id: agentId, action_type: 'api_call', details: { path: '/v2/quotes' } }),
      renew: async () => {
        const { id } = await request(201, 'POST', `/certificates/${certificate.id}/renew`);
        certificate.id = id as string;
      },
      revoke: () => request(200, 'POST', `/certificates/${certificate.id}/revoke`, { reason: 'key compromise suspected', reason_code: 'keyCompromise' }),
    };
  };
  const measured: Partial<Record<Operation, Usage>> = {};
  const measure = async <Answer>(operation: Operation, perform: () => Promise<Answer>): Promise<Answer> => {
    await runtime.idle();
    await recorder.take();
    const answer = await perform();
    await runtime.idle();
    const used = await recorder.take();
    // The authorizer's look-up of the API key, which API Gateway remembers for a minute.
    measured[operation] = { ...used, readUnits: used.readUnits - (isPublic.has(operation) ? 0 : 1) };
    return answer;
  };

  // The first of a process read the authority as well.
  const [first = ''] = await createAgents(1);
  for (const perform of Object.values(await act(first))) await perform();
  const [agentId = ''] = await measure('register', () => createAgents(1));
  for (const [operation, perform] of Object.entries(await act(agentId))) await measure(operation as Operation, perform);
  return Object.fromEntries(Object.keys(operations).map((operation) => [operation, measured[operation as Operation]])) as Record<Operation, Usage>;
}

const isPublic: ReadonlySet<Operation> = new Set<Operation>(['verify', 'verifyMessage', 'ocsp']);
