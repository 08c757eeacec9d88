import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { tenantLimits } from '../../local/gateway/tenant-limits.ts';
import { heldBytes } from '../support/heap.ts';
import { usagePlans, type UsagePlan } from '../../lambdas/rate-limits.ts';

const plan: UsagePlan = { requestsPerSecond: 5, burst: 10, issuancesPerSecond: 2, issuanceBurst: 3 };

/** Limits by a clock that is moved by hand, in milliseconds. */
function limitsAt(start = 0, of = plan) {
  let now = start;
  const take = tenantLimits(of, () => now);
  return { take, wait: (milliseconds: number) => (now += milliseconds), often: (count: number, tenant = 't', name = 'list-agents') => Array.from({ length: count }, () => take(tenant, name)) };
}

const admitted = (waits: readonly unknown[]) => waits.filter((wait) => wait === undefined).length;

test('a quiet tenant may ask its burst at once, and then its rate for as long as it likes', () => {
  const { often, wait } = limitsAt();
  expect(admitted(often(25))).toBe(10);
  for (let second = 0; second < 20; second++) {
    wait(1000);
    expect(admitted(often(25))).toBe(5);
  }
  wait(60_000);
  expect(admitted(often(25))).toBe(10);
});

test('whoever waits as long as he was told is let in', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(3000), { maxLength: 50 }), (requestsPerSecond, burst, pauses) => {
    const { take, wait } = limitsAt(1e6, { ...plan, requestsPerSecond, burst });
    for (const pause of pauses) {
      const seconds = take('t', 'get-agent');
      if (seconds === undefined) wait(pause % 100);
      else {
        expect(seconds).toBeGreaterThan(0);
        wait(seconds * 1000);
        expect(take('t', 'get-agent')).toBeUndefined();
      }
    }
  }), { numRuns: 200 });
});

test('never more is let in than the burst and the rate come to', () => {
  fc.assert(fc.property(fc.array(fc.nat(400), { maxLength: 300 }), (pauses) => {
    const { take, wait } = limitsAt();
    let elapsed = 0;
    let count = 0;
    for (const pause of pauses) {
      wait(pause);
      elapsed += pause;
      if (take('t', 'get-agent') === undefined) count += 1;
    }
    expect(count).toBeLessThanOrEqual(plan.burst + (elapsed / 1000) * plan.requestsPerSecond);
  }), { numRuns: 200 });
});

test('one tenant’s requests are not another’s', () => {
  const { often } = limitsAt();
  expect([admitted(often(25, 'one')), admitted(often(25, 'other'))]).toEqual([10, 10]);
});

test('certifying and renewing have their own, smaller measure, and halting and revoking one that nothing else uses up', () => {
  const { often } = limitsAt();
  expect(admitted(often(25))).toBe(10);
  for (const name of ['certify-agent', 'renew-certificate']) expect(admitted(often(25, 't', name))).toBe(3);
  for (const name of ['halt-agent', 'revoke-certificate']) expect(admitted(often(25, 't', name))).toBe(25);
});

test('tenants that have gone quiet are forgotten, and none is let in the sooner for it', () => {
  const { often, wait, take } = limitsAt(0, usagePlans.standard);
  for (let tenant = 0; tenant < 3000; tenant++) take(`tenant ${tenant}`, 'list-agents');
  wait(60_000);
  expect(admitted(often(150, 'busy'))).toBe(100);
  const before = heldBytes();
  for (let tenant = 0; tenant < 200_000; tenant++) {
    if (tenant % 100 === 0) wait(1);
    take(`passing ${tenant}`, 'list-agents');
  }
  // All 200,000 would be more than 20 MB.
  expect(heldBytes() - before).toBeLessThan(5_000_000);
  // Two seconds have passed, and with them a hundred tokens.
  expect(admitted(often(150, 'busy'))).toBe(100);
});
