import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { queueConsumers, streamConsumers, type QueueConsumerName, type StreamConsumerName } from '../../../lambdas/triggers.ts';
import { certifiedAgent, certify, dataOf, fullAgent, registerAgent } from '../agents.ts';
import { createWebhook } from '../webhooks.ts';
import type { Flow, Stage, Subject } from './flow.ts';
import { granteeAccount } from './request-flows.ts';

const waitMilliseconds = 30_000;

/** KMS that throttles is waited for as long as the function may run: 15 s less than this. */
const queueTimeoutSeconds = 17;

/** A batch with all that the function would be given about `text`, of which `trigger` makes so much. */
async function delivering({ invocations }: Stage, functionName: StreamConsumerName | QueueConsumerName, about: readonly string[], text: string, count: number, trigger: () => Promise<unknown>): Promise<Subject> {
  const taken = invocations.takeAway(functionName, text);
  await trigger();
  const deadline = performance.now() + waitMilliseconds;
  while (taken().length < count) {
    if (performance.now() > deadline) throw new Error(`${functionName} was given ${taken().length} of ${count} records about ${text}.`);
    await sleep(20);
  }
  const timeoutSeconds = functionName in queueConsumers ? queueTimeoutSeconds : streamConsumers[functionName as StreamConsumerName].timeoutSeconds;
  let deliveries = 0;
  return {
    about,
    async attempt(tag) {
      try {
        const succeeded = await invocations.deliver(functionName, taken(), timeoutSeconds, `${tag}:${deliveries++}`);
        return { succeeded, said: succeeded ? 'done' : 'to come again' };
      } catch {
        return { succeeded: false, said: 'died' };
      }
    },
  };
}

const consumer = (functionName: StreamConsumerName | QueueConsumerName, prepare: Flow['prepare']): Flow => ({ functionName, name: functionName, prepare });

export const consumerFlows: readonly Flow[] = [
  consumer('auto-revoke', async (stage) => {
    const { agent, certificate } = await certifiedAgent(stage.runtime.call);
    return delivering(stage, 'auto-revoke', [agent.id, certificate.id], agent.id, 1, () => stage.runtime.call('POST', '/events', { body: { agent_id: agent.id, action_type: 'unauthorized_access_attempt' } }));
  }),
  {
    ...consumer('publish-crls', async (stage) => {
      const { agent, certificate } = await certifiedAgent(stage.runtime.call);
      return delivering(stage, 'publish-crls', [agent.id, certificate.id], agent.id, 1, () => revoke(stage, certificate.id));
    }),
    mayGiveWay: true,
  },
  consumer('relay-changes', async (stage) => {
    const key = await stage.tables.addKey({ tenantId: randomUUID() });
    await createWebhook(stage.runtime.call, { url: receiverUrl(stage), events: ['agent.suspended'] }, { key });
    const agent = await registerAgent(stage.runtime.call, fullAgent, { key });
    // Of the certificate: its issuance; of its end: an outbox entry and two entries in the trail.
    const subject = await delivering(stage, 'relay-changes', [agent.id], agent.id, 4, async () => revoke(stage, (await certify(stage.runtime.call, agent.id, { key })).id, key));
    return heardOf(subject, () => Promise.resolve(stage.receiver.received.some(({ body }) => body.includes(agent.id))));
  }),
  consumer('retire-keys', async (stage) => {
    const agent = await registerAgent(stage.runtime.call);
    const certificate = await certify(stage.runtime.call, agent.id, { body: { grantee_principal_arn: `arn:aws:iam::${granteeAccount}:role/trader` } });
    return delivering(stage, 'retire-keys', [agent.id, certificate.id], agent.id, 1, () => revoke(stage, certificate.id));
  }),
  consumer('deliver-webhook', async (stage) => {
    const key = await stage.tables.addKey({ tenantId: randomUUID() });
    const webhook = await createWebhook(stage.runtime.call, { url: receiverUrl(stage), events: ['agent.created'] }, { key });
    const subject = await delivering(stage, 'deliver-webhook', [webhook.id], webhook.id, 1, () => registerAgent(stage.runtime.call, {}, { key }));
    return heardOf(subject, async () => {
      const [delivery] = (await stage.runtime.call('GET', `/webhooks/${webhook.id}/deliveries`, { key })).body.data;
      return delivery?.status === 'delivered' && stage.receiver.received.some(({ body }) => body.includes(delivery.event_id));
    });
  }),
  {
    ...consumer('deliver-webhook', async (stage) => {
      const key = await stage.tables.addKey({ tenantId: randomUUID() });
      const webhook = await createWebhook(stage.runtime.call, { url: receiverUrl(stage, '/refuses'), events: ['agent.created'] }, { key });
      return delivering(stage, 'deliver-webhook', [webhook.id], webhook.id, 1, () => registerAgent(stage.runtime.call, {}, { key }));
    }),
    name: 'deliver-webhook, whose receiver refuses',
  },
];

const receiverUrl = ({ receiver }: Stage, path = '/in') => `https://127.0.0.1:${receiver.port}${path}`;

const revoke = async ({ runtime }: Stage, certificateId: string, key?: string) =>
  dataOf(await runtime.call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' }, ...(key !== undefined && { key }) }), 200);

/** Done only where who is to hear of it does, within a while. */
function heardOf(subject: Subject, isHeard: () => Promise<boolean>): Subject {
  return {
    ...subject,
    async attempt(tag) {
      const attempt = await subject.attempt(tag);
      if (!attempt.succeeded) return attempt;
      for (const deadline = performance.now() + waitMilliseconds; performance.now() < deadline; await sleep(20)) if (await isHeard()) return attempt;
      return { succeeded: false, said: 'done, and nobody heard of it' };
    },
  };
}
