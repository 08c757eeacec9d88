import { expect } from '@jest/globals';
import { secretOfAws, type Fault, type FaultProxy } from './faults.ts';
import { requests } from './faults-requests.ts';
import type { FaultyRuntime } from './faults-runtime.ts';
import type { Reply } from './runtime.ts';

/** The calls that certify makes of KMS, and of DynamoDB. */
export const kmsCalls = ['createKey', 'getPublicKey', 'sign'] as const;
export const dynamodbCalls = ['reserve', 'noteLeaseKey', 'transaction'] as const;
export type Call = (typeof kmsCalls)[number] | (typeof dynamodbCalls)[number];

/** What came of a certify that met a fault, and of the same request once the fault was gone. */
export interface Outcome {
  readonly first: string;
  readonly retryAfter: boolean;
  readonly leaseLive: boolean;
  readonly activeAfterwards: number;
  readonly second: string;
  /** Keys that are neither the certificate's nor on their way out. */
  readonly keysLeft: number;
}

/** As it should be: a 503 that says when to come back, nothing left behind, and then a certificate. */
export const refusedCleanly: Outcome = { first: '503', retryAfter: true, leaseLive: false, activeAfterwards: 0, second: '201', keysLeft: 0 };

/** Only the answer of the commit was lost: the certificate is there, and was answered. */
export const committedAllTheSame: Outcome = { first: '201', retryAfter: false, leaseLive: false, activeAfterwards: 1, second: '409', keysLeft: 0 };

/** The answer to a fault says nothing but what a client may know. */
export function expectDiscreet({ status, body }: Reply): void {
  expect(status).toBeGreaterThanOrEqual(500);
  expect(Object.keys(body).sort()).toEqual(['code', 'error', 'request_id']);
  const text = JSON.stringify(body);
  expect(text).not.toContain(secretOfAws);
  expect(text).not.toMatch(/arn:|amazon|aws|exception|socket|ECONN|<html|stack|\bat .*\.ts/i);
}

/** Certifies a new agent while `call` fails, and once more when it does no longer. */
export async function certifyWhile(runtime: FaultyRuntime, call: Call, fault: Fault): Promise<Outcome> {
  const agentId = await runtime.newAgent();
  const proxy: FaultProxy = (kmsCalls as readonly string[]).includes(call) ? runtime.kms : runtime.dynamodb;
  // Sign names the authority's key, so it concerns everybody.
  const injection = proxy.inject(call === 'sign' ? requests[call] : { ...requests[call], concerning: agentId }, fault);
  const first = await runtime.certify(agentId);
  expect(injection.hits).toBeGreaterThan(0);
  if (first.status >= 500) expectDiscreet(first);
  const { lease } = await runtime.aftermath.agent(agentId);
  const active = await runtime.aftermath.activeCertificates(agentId);
  injection.remove();

  const second = await runtime.certify(agentId);
  const [{ keyArn } = { keyArn: undefined }, ...others] = await runtime.aftermath.activeCertificates(agentId);
  expect(others).toEqual([]);
  if (keyArn !== undefined) expect((await runtime.aftermath.sign(keyArn)).length).toBe(256);
  const keys = await runtime.aftermath.agentKeys(agentId);
  return {
    first: String(first.status),
    retryAfter: Number(first.headers.get('retry-after')) > 0,
    leaseLive: lease !== undefined && lease.expiresAt > new Date().toISOString(),
    activeAfterwards: active.length,
    second: String(second.status),
    keysLeft: keys.filter(({ arn, state }) => state !== 'PendingDeletion' && arn !== keyArn).length,
  };
}

/** The same for several calls at once, each with an agent of its own; `sign` comes after the others. */
export async function outcomes<Name extends Call>(runtime: FaultyRuntime, calls: readonly Name[], fault: Fault): Promise<Record<string, Outcome>> {
  const outcome = async (call: Call) => [call, await certifyWhile(runtime, call, fault)] as const;
  const entries = await Promise.all(calls.filter((call) => call !== 'sign').map(outcome));
  return Object.fromEntries(calls.some((call) => call === 'sign') ? [...entries, await outcome('sign')] : entries);
}

/** The same outcome expected of each call, but for `differences`. */
export function each(calls: readonly Call[], outcome: Outcome, differences: Partial<Record<Call, Partial<Outcome>>> = {}): Record<string, Outcome> {
  return Object.fromEntries(calls.map((call) => [call, { ...outcome, ...differences[call] }]));
}
