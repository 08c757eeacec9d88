import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { routes } from '../../lambdas/routes.ts';
import { queueConsumers, schedules, streamConsumers } from '../../lambdas/triggers.ts';
import { movedClock, type MovedClock } from '../support/clock.ts';
import { consumerFlows } from '../support/fault-matrix/consumer-flows.ts';
import type { MatrixCall } from '../support/fault-matrix/calls.ts';
import { pairs, recordCalls, repeat, runWithFault, type Run } from '../support/fault-matrix/matrix.ts';
import { isComplete, report, wanted } from '../support/fault-matrix/report.ts';
import { requestFlows, withoutCalls } from '../support/fault-matrix/request-flows.ts';
import { scheduledFlows, withRegistry, type ScheduledStage } from '../support/fault-matrix/scheduled-flows.ts';
import { startStage } from '../support/fault-matrix/stage.ts';
import { violationsAfterReconciling, violationsAtRest } from '../support/invariants.ts';

// The same as fault-matrix.test.ts for the functions that the clock calls, one after the other.

const minutes = 60_000;

let stage: ScheduledStage & { stop(): Promise<void> };
let clock: MovedClock;
const runs: Run[] = [];

beforeAll(async () => {
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const started = await startStage();
  clock = movedClock();
  stage = { ...started, ...withRegistry(started, clock) };
}, 5 * minutes);
afterAll(async () => {
  clock.restore();
  stage.registry.close();
  await stage.stop();
  report(runs);
});

test('every function is in the matrix: routes, the authorizer, consumers of streams and queues, schedules', () => {
  const inMatrix = [...requestFlows, ...consumerFlows, ...scheduledFlows].map(({ functionName }) => functionName);
  const functions = [...Object.keys(routes), 'authorize', ...Object.keys(streamConsumers), ...Object.keys(queueConsumers), ...Object.keys(schedules)];
  expect([...new Set([...inMatrix, ...Object.keys(withoutCalls)])].sort()).toEqual([...new Set(functions)].sort());
});

describe.each(scheduledFlows.filter(wanted).map((flow) => [flow.name, flow] as const))('%s', (_, flow) => {
  let calls: MatrixCall[] = [];

  test('makes calls', async () => {
    calls = await recordCalls(stage, flow, 1);
    expect(calls.length).toBeGreaterThan(0);
  }, 2 * minutes);

  test('does what it is for the next time, whichever of them fails in which way', async () => {
    const ofFlow = pairs(flow, calls, isComplete);
    runs.push(...ofFlow);
    for (const run of ofFlow) {
      run.subject = await flow.prepare(stage);
      const { arrived, lift } = await runWithFault(stage, run);
      await stage.invocations.quiet();
      await arrived();
      lift();
      await repeat(run);
    }
    await stage.runtime.idle();
    // The clock may have gone on by weeks, in which this would have been called every day.
    await stage.runtime.runSchedule('mint-authority');
    expect(ofFlow.filter(({ problems }) => problems.length > 0).map(({ call, kind, attempts, problems }) => [call.name, kind.title, attempts.map(({ said }) => said).join(' → '), ...problems].join(' | '))).toEqual([]);
    // Where it ends with the reconciler, it has been over all that was left, hours after the last fault.
    const violations = flow.functionName === 'reconcile' ? violationsAfterReconciling : violationsAtRest;
    expect(await violations(stage.runtime)).toEqual([]);
    expect(stage.runtime.deadLetters).toEqual([]);
  }, (isComplete ? 60 : 15) * minutes);
});
