import { randomUUID } from 'node:crypto';
import type { ScheduledName } from '../../../lambdas/triggers.ts';
import { serialNumberOf } from '../../../lambdas/pki/serial-number.ts';
import { certifiedAgent, dataOf } from '../agents.ts';
import type { MovedClock } from '../clock.ts';
import { answerLost, notPerformed, rewritten } from '../faults.ts';
import { requests } from '../faults-requests.ts';
import { openRiskTable } from '../faults-risk.ts';
import { publishedCrl } from '../published-crl.ts';
import { openRegistry, type RegistryView } from '../registry.ts';
import type { Flow, Stage, Subject } from './flow.ts';

/* What the clock calls: one function at a time, since there is nothing to tell its calls from those of another run. */

const hourMilliseconds = 3_600_000;

/** What the flows need beside the stage: a clock that only goes forward, and a look into the registry. */
export interface ScheduledStage extends Stage {
  readonly clock: MovedClock;
  readonly registry: RegistryView;
}

export const withRegistry = (stage: Stage, clock: MovedClock): ScheduledStage => ({ ...stage, clock, registry: openRegistry(stage.runtime) });

const forward = ({ clock }: ScheduledStage, hours: number): void => clock.moveTo(new Date(Date.now() + hours * hourMilliseconds).toISOString());

/** @param isDone whether what the function is for was done */
function scheduled({ runtime }: ScheduledStage, name: ScheduledName, about: readonly string[], isDone: () => Promise<boolean>): Subject {
  return {
    about,
    async attempt() {
      try {
        await runtime.runSchedule(name);
      } catch {
        await runtime.idle();
        return { succeeded: false, said: 'failed' };
      }
      await runtime.idle();
      return (await isDone()) ? { succeeded: true, said: 'done' } : { succeeded: false, said: 'not done' };
    },
  };
}

const flow = (functionName: ScheduledName, name: string, prepare: (stage: ScheduledStage) => Promise<Subject>): Flow =>
  ({ functionName, name: name === '' ? functionName : `${functionName}, ${name}`, prepare: (stage) => prepare(stage as ScheduledStage) });

/** A certificate that has ended by the clock so long ago, and nobody has noted it. */
async function expired({ runtime, registry }: ScheduledStage, hours: number) {
  const { agent, certificate } = await certifiedAgent(runtime.call);
  const { id } = certificate;
  const { crlShard } = (await registry.get(`CERT#${id}`, 'CERT')) ?? {};
  const expiry = (await registry.partition(`EXPIRY#${crlShard}`)).find(({ certificateId }) => certificateId === id) ?? {};
  const end = new Date(Math.floor(Date.now() / 1000) * 1000 - hours * hourMilliseconds).toISOString();
  await registry.remove(expiry['pk'], expiry['sk']);
  await registry.put({ ...expiry, sk: `${end}#${id}` });
  await runtime.aftermath.expireCertificate(agent.id, id, end);
  const isNoted = async () => (await registry.outboxEntry(id))?.['cause'] === 'expired' && (await registry.key(certificate.kms_key_arn))?.KeyState === 'PendingDeletion';
  return { about: [agent.id as string, id as string], isNoted };
}

async function revokedWithout(effect: 'CRL' | 'KEY-DELETION', { runtime, registry }: ScheduledStage) {
  const { agent, certificate } = await certifiedAgent(runtime.call);
  dataOf(await runtime.call('POST', `/certificates/${certificate.id}/revoke`, { body: { reason: 'test' } }), 200);
  await runtime.idle();
  await registry.remove(`EFFECT#${certificate.id}`, effect);
  return { about: [agent.id as string, certificate.id as string], isNoted: async () => (await registry.get(`EFFECT#${certificate.id}`, effect)) !== undefined };
}

/** A key whose creation was answered to nobody. */
async function abandonedKey({ runtime, registry }: ScheduledStage) {
  const agentId = await runtime.newAgent();
  const lost = runtime.kms.inject({ operation: 'CreateKey', concerning: agentId }, answerLost, { times: 1 });
  const { kms_key_arn: used } = dataOf(await runtime.certify(agentId), 201);
  lost.remove();
  const arn = (await runtime.aftermath.agentKeys(agentId)).find((key) => key.arn !== used)?.arn ?? '';
  return { about: [agentId], isNoted: async () => (await registry.key(arn))?.KeyState === 'PendingDeletion' };
}

/** A key that a lease still names which is over, as its function died before it could issue. */
async function deadLease({ runtime, registry }: ScheduledStage) {
  const agentId = await runtime.newAgent();
  const dead = [runtime.dynamodb.inject({ ...requests.transaction, concerning: agentId }, notPerformed), runtime.dynamodb.inject({ ...requests.releaseLease, concerning: agentId }, notPerformed)];
  await runtime.certify(agentId);
  for (const injection of dead) injection.remove();
  const { lease } = await runtime.aftermath.agent(agentId);
  const isNoted = async () => (await runtime.aftermath.agent(agentId))['lease'] === undefined && (await registry.key(lease.keyArn))?.KeyState === 'PendingDeletion';
  return { about: [agentId, lease.keyArn as string], isNoted };
}

/** A risk that the function on the stream saw nothing to revoke for. */
async function unansweredRisk({ runtime }: ScheduledStage) {
  const { agent, certificate } = await certifiedAgent(runtime.call);
  const blind = runtime.dynamodb.inject({ ...requests.readAgent, concerning: agent.id }, rewritten(({ Item: { activeCertificate: _, ...Item }, ...answer }) => ({ ...answer, Item })));
  const risk = openRiskTable(runtime);
  await risk.put(agent.id, { score: { N: '0.9' } });
  risk.close();
  await runtime.idle();
  blind.remove();
  return { about: [agent.id as string, certificate.id as string], isNoted: async () => (await runtime.aftermath.certificate(certificate.id))?.['status'] === 'revoked' };
}

export const scheduledFlows: readonly Flow[] = [
  flow('expire-certificates', '', async (stage) => {
    const { about, isNoted } = await expired(stage, 1);
    return scheduled(stage, 'expire-certificates', about, isNoted);
  }),
  flow('export-audit-trail', '', async (stage) => {
    const { runtime, registry } = stage;
    const agentId = await runtime.newAgent();
    await runtime.idle();
    const tenantId = runtime.tenants[0]?.id ?? '';
    return scheduled(stage, 'export-audit-trail', [agentId], async () => {
      const [head, progress] = [await registry.get(`CHAIN#${tenantId}`, 'HEAD'), await registry.get(`EXPORT#${tenantId}`, 'PROGRESS')];
      return head?.['sequence'] === progress?.['done'].sequence;
    });
  }),
  flow('refresh-crls', '', async (stage) => {
    const url = `${stage.runtime.distributionUrl}/crl/complete.crl`;
    const { crlNumber: before } = await publishedCrl(url);
    return scheduled(stage, 'refresh-crls', [randomUUID()], async () => (await publishedCrl(url)).crlNumber > before);
  }),
  // Of its own, and before the other: two transactions, which meet every fault there is, and few keys to go through each time.
  flow('reconcile', 'when a risk has been unanswered for a day', async (stage) => {
    const { about, isNoted } = await unansweredRisk(stage);
    forward(stage, 26); // Further than a pass looks back before the one before it.
    return scheduled(stage, 'reconcile', about, isNoted);
  }),
  flow('reconcile', '', async (stage) => {
    const damages = [await abandonedKey(stage), await deadLease(stage), await revokedWithout('CRL', stage), await revokedWithout('KEY-DELETION', stage), await expired(stage, 3)];
    forward(stage, 2);
    return scheduled(stage, 'reconcile', damages.flatMap(({ about }) => about), async () => (await Promise.all(damages.map(({ isNoted }) => isNoted()))).every(Boolean));
  }),
  flow('mint-authority', '', (stage) => Promise.resolve(scheduled(stage, 'mint-authority', [randomUUID()], () => Promise.resolve(true)))),
  flow('mint-authority', 'when the responder’s certificate is due', async (stage) => {
    forward(stage, 16 * 24);
    const issued = async () => (await stage.registry.get('CA#ocsp', 'CA'))?.['certificatePem'] as string;
    const before = await issued();
    return scheduled(stage, 'mint-authority', [serialNumberOf(randomUUID())], async () => (await issued()) !== before);
  }),
];
