import { setTimeout as delay } from 'node:timers/promises';
import type { Aftermath } from '../../test/support/faults-aftermath.ts';
import { compareKeysAndCertificates } from '../../test/support/keys-and-certificates.ts';
import type { HttpClient } from '../harness/http-client.ts';
import { openLoop, type Outcome } from '../harness/open-loop.ts';
import { isHonest, recoveryBoundSeconds, timeUntilNormal } from './overload.ts';
import { registerAgents } from './targets.ts';

/* Ten times what KMS takes by its quotas, and whether everything that was answered is true. */

export interface StormServices extends Pick<HttpClient, 'send' | 'ask'> {
  readonly aftermath: Aftermath;
  readonly signal: AbortSignal;
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
}

export const excess = 10;

/** Nobody is to wait longer for being refused. */
const patienceMilliseconds = 5000;

const seed = 5;
const sampled = 20;

/** Certifies an agent at each arrival, ten times as many as CreateKey is allowed for. */
export async function stormCertify(services: StormServices, { quotaPerSecond, seconds }: { quotaPerSecond: number; seconds: number }): Promise<Storm> {
  const { send, aftermath, signal } = services;
  const perSecond = excess * quotaPerSecond;
  const agents = await registerAgents(services, Math.ceil(1.3 * perSecond * seconds) + 20, signal);
  const outcomes = await openLoop((index) => send('POST', `/agents/${agents[index]}/certify`), { perSecond, seconds, seed, signal });
  // The last of them have been refused by now; those who come next are to be served again, each in its turn of the quota.
  let next = outcomes.length;
  const recoverySeconds = await timeUntilNormal({ send: () => send('POST', `/agents/${agents[next++]}/certify`), success: 201, boundMilliseconds: 2000 }, signal, (2 * 1000) / quotaPerSecond);
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
  const { send, ask, aftermath, signal } = services;
  const signedSoFar = async () => (await aftermath.registry()).filter(({ eventType }) => eventType === 'message.signed').length;
  const before = await signedSoFar();
  const payload = (index: number) => ({ order: index, side: 'buy' });
  const sign = (index: number) => send('POST', `/agents/${agentIds[index % agentIds.length]}/sign`, { payload: payload(index) });
  const outcomes = await openLoop(sign, { perSecond: excess * quotaPerSecond, seconds, seed, signal });
  const recorded = (await signedSoFar()) - before;
  const recoverySeconds = await timeUntilNormal({ send: sign, success: 200, boundMilliseconds: 2000 }, signal, (2 * 1000) / quotaPerSecond);

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
  const { send, ask, aftermath, signal } = services;
  const startedAt = performance.now();
  const perSecond = excess * quotaPerSecond;
  const revoke = (index: number) => send('POST', `/certificates/${certificateIds[index % certificateIds.length]}/revoke`, { reason: 'storm', reason_code: 'keyCompromise' });
  const offered = await openLoop(revoke, { perSecond, seconds: certificateIds.length / perSecond, seed, signal });
  const isRevoked = async (certificateId: string) => (await ask(200, 'GET', `/verify/${certificateId.replaceAll('-', '')}`))['status'] === 'revoked';
  const recoverySeconds = await timeUntilNormal({ send: (index) => send('GET', `/verify/${(certificateIds[index % certificateIds.length] ?? '').replaceAll('-', '')}`), success: 200, boundMilliseconds: 1000 }, signal);

  const faults: string[] = [];
  // Arrivals are as chance has it: what was offered twice was told so, and is not counted.
  const outcomes = offered.slice(0, certificateIds.length);
  const revoked = certificateIds.slice(0, outcomes.length).filter((_, index) => outcomes[index]?.status === 200);
  for (const certificateId of revoked) if (!(await isRevoked(certificateId))) faults.push(`200 was answered for certificate ${certificateId}, which is not revoked.`);
  const deadline = performance.now() + 1000 * (15 + (2 * revoked.length) / quotaPerSecond);
  const usable = async () => {
    const ids = new Set(revoked);
    return (await aftermath.agentKeys()).filter(({ certificateId, state }) => ids.has(certificateId) && state !== 'PendingDeletion');
  };
  let left = await usable();
  for (; left.length > 0 && performance.now() < deadline; left = await usable()) await delay(500, undefined, { signal });
  for (const { arn } of left) faults.push(`Key ${arn} is still not scheduled for deletion.`);
  return { ...judged(outcomes, 200, recoverySeconds, [...faults, ...(await compareKeysAndCertificates(aftermath)).faults], 0), drainedSeconds: (performance.now() - startedAt) / 1000 };
}

function judged(outcomes: readonly Outcome[], success: number, recoverySeconds: number, faults: readonly string[], noted: number): Storm {
  const succeeded = outcomes.filter(({ status }) => status === success);
  const refused = outcomes.filter(({ status }) => status !== success);
  const dishonest = refused.filter((outcome) => !isHonest(outcome)).map(({ status, body }) => `${status} was answered: ${body}`);
  const late = refused.filter(({ latencyMilliseconds }) => latencyMilliseconds > patienceMilliseconds).map(({ status, latencyMilliseconds }) => `${status} was answered after ${Math.round(latencyMilliseconds)} ms.`);
  const slow = recoverySeconds > recoveryBoundSeconds ? [`It took ${recoverySeconds} s until requests succeeded as before.`] : [];
  return { outcomes, succeeded, recoverySeconds, noted, faults: [...faults, ...dishonest, ...late, ...slow] };
}
