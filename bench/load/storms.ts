import { setTimeout as delay } from 'node:timers/promises';
import type { Aftermath } from '../../test/support/faults-aftermath.ts';
import { compareKeysAndCertificates } from '../../test/support/keys-and-certificates.ts';
import { openConnections, type HttpClient, type Reply, type Send } from '../harness/http-client.ts';
import { openLoop, type Outcome } from '../harness/open-loop.ts';
import { isHonest, recoveryBoundSeconds, timeUntilNormal, type Probed } from './overload.ts';
import { registerAgents } from './targets.ts';

/* Ten times what KMS takes by its quotas, and whether everything that was answered is true. */

export interface StormServices extends Pick<HttpClient, 'send' | 'ask'> {
  readonly aftermath: Aftermath;
  readonly signal: AbortSignal;
  /** What a request that is as before takes at most. */
  readonly boundMilliseconds: number;
}

export interface Storm {
  readonly outcomes: readonly Outcome[];
  readonly succeeded: readonly Outcome[];
  /** From the end of the load until requests succeeded as before. */
  readonly recoverySeconds: number;
  /** Keys that only a lease names: found by the next issuance or the reconciler. */
  readonly noted: number;
  /** What must never be, in sentences. */
  readonly faults: readonly string[];
  /** What took too long, in sentences. */
  readonly delays: readonly string[];
}

export const excess = 10;

/** Nobody is to wait longer for being refused. */
const patienceMilliseconds = 5000;

const seed = 5;
const sampled = 20;

/** Certifies an agent at each arrival, ten times as many as CreateKey is allowed for. */
export async function stormCertify(services: StormServices, { quotaPerSecond, seconds }: { quotaPerSecond: number; seconds: number }): Promise<Storm> {
  const { send, aftermath, signal, boundMilliseconds } = services;
  const perSecond = excess * quotaPerSecond;
  const agents = await registerAgents(services, Math.ceil(1.3 * perSecond * seconds) + 40, signal);
  const certify = (agentId = '') => send('POST', `/agents/${agentId}/certify`);
  const { outcomes, recoverySeconds } = await offered(send, (index) => certify(agents[index]), { perSecond, seconds, signal }, {
    send: (index) => certify(agents.at(-1 - index)), success: 201, boundMilliseconds, everyMilliseconds: (3 * 1000) / quotaPerSecond,
  });
  const { active, noted, faults } = await compareKeysAndCertificates(aftermath);
  const untrue = outcomes.flatMap(({ status, body }, index) => {
    const certificateId = active.get(agents[index] ?? '');
    if (status === 201) return (JSON.parse(body) as { data: { id: string } }).data.id === certificateId ? [] : [`201 was answered for agent ${agents[index]}, whose active certificate is ${certificateId ?? 'none'}.`];
    return certificateId === undefined ? [] : [`${status} was answered for agent ${agents[index]}, and certificate ${certificateId} is active.`];
  });
  return judged(outcomes, 201, recoverySeconds, [...faults, ...untrue], noted);
}

/** Has messages signed, ten times as many as Sign is allowed for. */
export async function stormSign(services: StormServices, { quotaPerSecond, seconds, agentIds }: { quotaPerSecond: number; seconds: number; agentIds: readonly string[] }): Promise<Storm> {
  const { send, ask, aftermath, signal, boundMilliseconds } = services;
  const signedSoFar = async () => (await aftermath.registry()).filter(({ eventType }) => eventType === 'message.signed').length;
  const before = await signedSoFar();
  const payload = (index: number) => ({ order: index, side: 'buy' });
  const sign = (index: number) => send('POST', `/agents/${agentIds[index % agentIds.length]}/sign`, { payload: payload(index) });
  const { outcomes, recoverySeconds } = await offered(send, sign, { perSecond: excess * quotaPerSecond, seconds, signal }, {
    send: sign, success: 200, boundMilliseconds, everyMilliseconds: (2 * 1000) / quotaPerSecond,
  });
  // Those of the requests that followed among them.
  const recorded = (await signedSoFar()) - before;
  const signed = outcomes.flatMap(({ status, body }, index) => (status === 200 ? [{ index, ...(JSON.parse(body) as { data: { signature: string; certificate_serial: string } }).data }] : []));
  const faults = signed.length > recorded ? [`${signed.length} signatures were answered, and ${recorded} are in the audit trail.`] : [];
  for (const { index, signature, certificate_serial } of signed.slice(0, sampled)) {
    if ((await ask(200, 'POST', '/verify/message', { payload: payload(index), signature, certificate_serial }))['valid'] !== true) faults.push(`Signature ${index} does not verify.`);
  }
  return judged(outcomes, 200, recoverySeconds, faults, 0);
}

export interface Retirement extends Storm {
  /** From the first revocation until the last key could not be used any more. */
  readonly drainedSeconds: number;
}

/** Revokes certificates, ten times as many as ScheduleKeyDeletion is allowed for, and waits for the last of their keys. */
export async function stormRevoke(services: StormServices, { quotaPerSecond, certificateIds }: { quotaPerSecond: number; certificateIds: readonly string[] }): Promise<Retirement> {
  const { send, ask, aftermath, signal, boundMilliseconds } = services;
  const startedAt = performance.now();
  const perSecond = excess * quotaPerSecond;
  const revoke = (index: number) => send('POST', `/certificates/${certificateIds[index % certificateIds.length]}/revoke`, { reason: 'storm', reason_code: 'keyCompromise' });
  const verifyPath = (certificateId = '') => `/verify/${certificateId.replaceAll('-', '')}`;
  const isRevoked = async (certificateId: string) => (await ask(200, 'GET', verifyPath(certificateId)))['status'] === 'revoked';
  const { outcomes: answers, recoverySeconds } = await offered(send, revoke, { perSecond, seconds: certificateIds.length / perSecond, signal }, {
    send: (index) => send('GET', verifyPath(certificateIds[index % certificateIds.length])), success: 200, boundMilliseconds, everyMilliseconds: 100,
  });

  const faults: string[] = [];
  // Arrivals are as chance has it: what was offered twice was told so, and is not counted.
  const outcomes = answers.slice(0, certificateIds.length);
  const revoked = certificateIds.slice(0, outcomes.length).filter((_, index) => outcomes[index]?.status === 200);
  for (const certificateId of revoked) if (!(await isRevoked(certificateId))) faults.push(`200 was answered for certificate ${certificateId}, which is not revoked.`);
  // A message whose function ran out of time comes again after a minute (lambdas/triggers.ts).
  const deadline = performance.now() + 1000 * (75 + (2 * revoked.length) / quotaPerSecond);
  const usable = async () => {
    const ids = new Set(revoked);
    return (await aftermath.agentKeys()).filter(({ certificateId, state }) => ids.has(certificateId) && state !== 'PendingDeletion');
  };
  let left = await usable();
  for (; left.length > 0 && performance.now() < deadline; left = await usable()) await delay(500, undefined, { signal });
  for (const { arn } of left) faults.push(`Key ${arn} is still not scheduled for deletion.`);
  return { ...judged(outcomes, 200, recoverySeconds, [...faults, ...(await compareKeysAndCertificates(aftermath)).faults], 0), drainedSeconds: (performance.now() - startedAt) / 1000 };
}

/** Puts load on, and asks from its end on how things are. */
async function offered(send: Send, request: (index: number) => Promise<Reply>, load: { readonly perSecond: number; readonly seconds: number; readonly signal: AbortSignal }, probed: Probed) {
  await openConnections(send, 2 * load.perSecond);
  const answers = openLoop(request, { ...load, seed });
  // Awaited below; a failure must not go unheard meanwhile.
  answers.catch(() => undefined);
  await delay(load.seconds * 1000, undefined, { signal: load.signal });
  const recoverySeconds = await timeUntilNormal(probed, load.signal);
  return { outcomes: await answers, recoverySeconds };
}

function judged(outcomes: readonly Outcome[], success: number, recoverySeconds: number, faults: readonly string[], noted: number): Storm {
  const succeeded = outcomes.filter(({ status }) => status === success);
  const refused = outcomes.filter(({ status }) => status !== success);
  const dishonest = refused.filter((outcome) => !isHonest(outcome)).map(({ status, body }) => `${status} was answered: ${body}`);
  const late = refused.filter(({ latencyMilliseconds }) => latencyMilliseconds > patienceMilliseconds).map(({ status, latencyMilliseconds }) => `${status} was answered after ${Math.round(latencyMilliseconds)} ms.`);
  const slow = recoverySeconds > recoveryBoundSeconds ? [`It took ${recoverySeconds} s until requests succeeded as before.`] : [];
  return { outcomes, succeeded, recoverySeconds, noted, faults: [...faults, ...dishonest], delays: [...late, ...slow] };
}
