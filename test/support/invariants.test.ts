import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { certifiedAgent, dataOf, registerAgent } from './agents.ts';
import { movedClock } from './clock.ts';
import { startFaultyRuntime, type FaultyRuntime } from './faults-runtime.ts';
import { violations, violationsAfterReconciling, violationsAtRest, type Acknowledged } from './invariants.ts';
import { keyPool } from './key-pool.ts';
import { openRegistry, type RegistryView } from './registry.ts';
import type { Reply } from './runtime.ts';
import { createWebhook } from './webhooks.ts';

// The invariants hold of a service that nothing has happened to, and each of them is seen to be broken where it is.

let runtime: FaultyRuntime;
let registry: RegistryView;
const replies: Reply[] = [];

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
});
afterAll(async () => {
  registry.close();
  await runtime.stop();
});

async function request(method: string, path: string, body?: object): Promise<Reply> {
  const reply = await runtime.call(method, path, { body });
  dataOf(reply, reply.status < 300 ? reply.status : 200);
  replies.push(reply);
  return reply;
}

test('all of them hold of a service that does all it can do', async () => {
  const [first, second, third] = await Promise.all([certifiedAgent(runtime.call), certifiedAgent(runtime.call), certifiedAgent(runtime.call)]);
  await request('POST', `/agents/${first.agent.id}/sign`, { payload: { a: 1 } });
  await request('POST', `/certificates/${first.certificate.id}/revoke`, { reason: 'test' });
  await request('POST', `/agents/${first.agent.id}/certify`);
  await request('POST', `/certificates/${second.certificate.id}/renew`);
  await request('PATCH', `/agents/${second.agent.id}`, { name: 'Renamed' });
  await request('POST', `/agents/${second.agent.id}/halt`, {});
  await request('PATCH', `/agents/${second.agent.id}`, { status: 'pending' });
  await request('POST', '/events', { agent_id: first.agent.id, action_type: 'api_call' });
  await request('POST', '/events', { agent_id: first.agent.id, action_type: 'unauthorized_access_attempt' });
  await request('POST', '/risk-scores', { agent_id: third.agent.id, score: 0.2 });
  await request('DELETE', `/agents/${third.agent.id}`);
  const { id } = await createWebhook(runtime.call);
  await request('PATCH', `/webhooks/${id}`, { active: false });
  await request('DELETE', `/webhooks/${id}`);
  await runtime.idle();
  expect(await violationsAtRest(runtime, replies)).toEqual([]);
});

describe('what is broken is said', () => {
  interface Breakage {
    readonly said: RegExp;
    /** Answers how to mend it. */
    readonly breaking: () => Promise<() => unknown>;
    readonly acknowledged?: Acknowledged;
  }

  async function changed(pk: string, sk: string, fields: object): Promise<() => unknown> {
    const item = await registry.get(pk, sk);
    await registry.put({ pk, sk, ...item, ...fields });
    return () => (item === undefined ? registry.remove(pk, sk) : registry.put(item));
  }
  async function gone(pk: string, sk: string): Promise<() => unknown> {
    const item = await registry.get(pk, sk);
    await registry.remove(pk, sk);
    return () => registry.put(item ?? {});
  }
  const agentIn = (status: string) => async () => {
    const agent = status === 'pending' ? await registerAgent(runtime.call) : (await certifiedAgent(runtime.call)).agent;
    return agent.id as string;
  };

  const breakages: Record<string, Breakage> = {
    'a second active certificate': {
      said: /has 2 active certificates/,
      async breaking() {
        const { agent, certificate } = await certifiedAgent(runtime.call);
        const other = (await certifiedAgent(runtime.call)).certificate;
        const item = await registry.get(`CERT#${certificate.id}`, 'CERT');
        return changed(`CERT#${other.id}`, 'CERT', { agentId: agent.id, keyArn: item?.['keyArn'] });
      },
    },
    'an active certificate whose key is to be deleted': {
      said: /is active, and its key cannot be used: KMSInvalidStateException/,
      async breaking() {
        const { certificate } = await certifiedAgent(runtime.call);
        const { certificate: ended } = await certifiedAgent(runtime.call);
        dataOf(await runtime.call('POST', `/certificates/${ended.id}/revoke`, { body: { reason: 'test' } }), 200);
        await runtime.idle();
        return changed(`CERT#${certificate.id}`, 'CERT', { keyArn: ended.kms_key_arn });
      },
    },
    'an active certificate with another key than its own': {
      said: /its key signs what it does not verify/,
      async breaking() {
        const [{ certificate }, { certificate: other }] = [await certifiedAgent(runtime.call), await certifiedAgent(runtime.call)];
        return changed(`CERT#${certificate.id}`, 'CERT', { keyArn: other.kms_key_arn });
      },
    },
    'a status without a certificate': { said: /, active, points to no certificate/, breaking: async () => changed(`AGENT#${await agentIn('pending')()}`, 'AGENT', { status: 'active' }) },
    'a change without an audit entry': { said: /There is no audit entry for 1 of: agent changed of/, breaking: async () => changed(`AGENT#${await agentIn('pending')()}`, 'AGENT', { name: 'Renamed by hand' }) },
    'an audit entry without a change': {
      said: /There are 1 audit entries too many for: agent\.created of/,
      async breaking() {
        const [, entry = {}] = await runtime.aftermath.audit(await agentIn('pending')()).then((entries) => [undefined, ...entries]);
        const id = crypto.randomUUID();
        await changed(entry['pk'], `${entry['createdAt']}#${id}`, { ...entry, sk: `${entry['createdAt']}#${id}`, id });
        return () => undefined; // It goes into a chain, and no entry is ever removed.
      },
    },
    'a revocation that is not in the outbox': {
      said: /is revoked, and the outbox says nothing/,
      async breaking() {
        const { certificate } = await certifiedAgent(runtime.call);
        dataOf(await runtime.call('POST', `/certificates/${certificate.id}/revoke`, { body: { reason: 'test' } }), 200);
        await runtime.idle();
        return gone(`OUTBOX#${certificate.id}`, 'OUTBOX');
      },
    },
    'an answer that was not so': { said: /^Was answered 201 .* there is no such certificate/, breaking: () => Promise.resolve(() => undefined), acknowledged: [{ status: 201, body: { data: { id: crypto.randomUUID(), certificate_pem: 'x', kms_key_arn: 'y' } } }] },
  };

  test.each(Object.entries(breakages))('%s', async (_, { said, breaking, acknowledged = [] }) => {
    const mend = await breaking();
    expect(await violations(runtime, acknowledged)).toContainEqual(expect.stringMatching(said));
    await mend();
  });

  test('a revocation that relying parties do not hear of', async () => {
    const { certificate } = await certifiedAgent(runtime.call);
    await runtime.idle();
    const item = await registry.get(`CERT#${certificate.id}`, 'CERT');
    const mend = await changed(`CERT#${certificate.id}`, 'CERT', { status: 'revoked', revokedAt: new Date().toISOString(), reasonCode: 'unspecified', revocationReason: 'by hand' });
    await runtime.idle();
    const said = await violationsAtRest(runtime);
    await mend();
    for (const sentence of ['not on the complete CRL', `not on the CRL that it names, number ${item?.['crlShard']}`, 'not noted on which CRL', 'its key is Enabled']) {
      expect(said).toContainEqual(expect.stringMatching(sentence));
    }
  });

  test('a key that the reconciler does not find', async () => {
    const agentId = await runtime.newAgent();
    runtime.kms.inject({ operation: 'CreateKey', concerning: agentId }, { kind: 'answer lost' }, { times: 1 });
    const { serial_number, kms_key_arn } = dataOf(await runtime.certify(agentId), 201);
    runtime.calm();
    expect(serial_number).toBe(serialNumberOf((await runtime.aftermath.agent(agentId))['activeCertificate'].id));
    const lost = (await runtime.aftermath.agentKeys(agentId)).find(({ arn }) => arn !== kms_key_arn)?.arn;
    expect(await violationsAfterReconciling(runtime)).toContain(`The key ${lost} of agent ${agentId} is for the reconciler to find.`);
    const clock = movedClock();
    clock.moveTo(new Date(Date.now() + 2 * 3_600_000).toISOString());
    await runtime.runSchedule('reconcile');
    await runtime.idle();
    const left = await violationsAfterReconciling(runtime);
    clock.restore();
    expect(left.filter((sentence) => sentence.startsWith('The key'))).toEqual([]);
  });
});
