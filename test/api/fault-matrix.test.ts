import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { movedClock } from '../support/clock.ts';
import { consumerFlows } from '../support/fault-matrix/consumer-flows.ts';
import { faultKinds } from '../support/fault-matrix/faults.ts';
import { onAll, pairs, recordCalls, repeat, repeatAfterLease, runWithFault, type Run } from '../support/fault-matrix/matrix.ts';
import { isComplete, report, wanted } from '../support/fault-matrix/report.ts';
import { requestFlows, withoutCalls } from '../support/fault-matrix/request-flows.ts';
import { proxiesOf, startStage } from '../support/fault-matrix/stage.ts';
import { violations, violationsAfterReconciling, violationsAtRest } from '../support/invariants.ts';

// Every call to AWS that requests and the consumers of streams and queues make, failed in every way there is, each in a run of its
// own. Then the same again, as a client would, or a stream. The calls are recorded, not listed.

const minutes = 60_000;

let stage: Awaited<ReturnType<typeof startStage>>;
const runs: Run[] = [];
const flows = [...requestFlows, ...consumerFlows].filter(wanted);

beforeAll(async () => {
  jest.spyOn(process.stderr, 'write').mockReturnValue(true); // The gateway and the queues tell of each function that was killed.
  stage = await startStage();
}, 5 * minutes);
afterAll(async () => {
  await stage.stop();
  report(runs);
});

const acknowledged = () => runs.flatMap(({ attempts }) => attempts.flatMap(({ reply }) => (reply === undefined ? [] : [reply])));

/** Each with the run that it is about, where it is about one. */
function told(sentences: readonly string[]): string[] {
  return sentences.map((sentence) => {
    const concerned = runs.filter(({ subject }) => subject?.about.some((id) => sentence.includes(id)));
    for (const { problems } of concerned) problems.push(sentence);
    return `${concerned.map(({ flow, call, kind }) => `${flow.name} | ${call.name} | ${kind.title}`).join(' or ')}: ${sentence}`;
  });
}

const troubled = () => runs.filter(({ problems }) => problems.length > 0).map(({ flow, call, kind, attempts, problems }) => [flow.name, call.name, kind.title, attempts.map(({ said }) => said).join(' → '), ...problems].join(' | '));

test('a run without a fault tells which calls there are, of every flow', async () => {
  await onAll(flows, async (flow) => {
    runs.push(...pairs(flow, await recordCalls(stage, flow, 3), isComplete));
  }, 4);
  runs.sort((a, b) => flows.indexOf(a.flow) - flows.indexOf(b.flow));
  for (const { name } of flows) {
    const ofFlow = runs.filter(({ flow }) => flow.name === name);
    expect([name, new Set(ofFlow.map(({ kind }) => kind.title)).size]).toEqual([name, faultKinds.length]);
  }
}, 15 * minutes);

test('routes that are said to ask nobody do so', async () => {
  for (const name of Object.keys(withoutCalls)) {
    const before = proxiesOf(stage.runtime).flatMap(({ calls }) => calls.filter(({ invocation }) => stage.invocations.find(invocation)?.functionName === name));
    expect([name, before]).toEqual([name, []]);
  }
});

test('each call fails in its way: with functions lying dead and clients unanswered, what must hold does', async () => {
  await onAll(runs, async (run) => {
    run.subject = await run.flow.prepare(stage);
  });
  const struck: Awaited<ReturnType<typeof runWithFault>>[] = [];
  await onAll(runs, async (run) => void struck.push(await runWithFault(stage, run)));
  await stage.invocations.quiet();
  for (const { arrived, lift } of struck) {
    await arrived();
    lift();
  }
  expect(troubled()).toEqual([]);
  await stage.runtime.idle();
  expect(told(await violations(stage.runtime, acknowledged()))).toEqual([]);
}, 15 * minutes);

test('the same again succeeds or is told the truth, and all that follows has followed', async () => {
  await onAll(runs, repeat);
  await stage.runtime.idle();
  expect(troubled()).toEqual([]);
  expect(told(await violationsAtRest(stage.runtime, acknowledged()))).toEqual([]);
}, 15 * minutes);

test('an Idempotency-Key whose first request came to nothing is free again after the 30 s that its function had, and does things once', async () => {
  const clock = movedClock();
  clock.moveTo(new Date(Date.now() + 35_000).toISOString());
  try {
    await onAll(runs, repeatAfterLease);
    await stage.runtime.idle();
    expect(troubled()).toEqual([]);
  } finally {
    clock.restore();
  }
}, 15 * minutes);

test('two hours later no key is left that nobody uses, and nothing has been given up', async () => {
  const clock = movedClock();
  clock.moveTo(new Date(Date.now() + 2 * 3_600_000).toISOString());
  try {
    await stage.runtime.runSchedule('reconcile');
    await stage.runtime.idle();
    expect(told(await violationsAfterReconciling(stage.runtime, acknowledged()))).toEqual([]);
    expect(stage.runtime.deadLetters).toEqual([]);
  } finally {
    clock.restore();
  }
}, 15 * minutes);
