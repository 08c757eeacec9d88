import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Context, ScheduledEvent } from 'aws-lambda';
import { schedules as triggers } from '../../lambdas/triggers.ts';
import { startSchedules, type Schedules } from '../../local/schedules.ts';

let calls: { functionName: string; event: ScheduledEvent; remaining: number }[];
let written: string[];
let schedules: Schedules | undefined;
let handle: (functionName: string) => unknown;

beforeEach(() => {
  calls = [];
  written = [];
  handle = () => undefined;
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  await schedules?.stop();
});

function start(automatic: boolean): Schedules {
  schedules = startSchedules({
    automatic,
    load: async (functionName) => async (event: ScheduledEvent, context: Context) => {
      calls.push({ functionName, event, remaining: context.getRemainingTimeInMillis() });
      return handle(functionName);
    },
  });
  return schedules;
}

const names = () => calls.map(({ functionName }) => functionName);

test('a function is called as EventBridge would, with the time it has', async () => {
  await start(false).run('refresh-crls');
  expect(calls).toHaveLength(1);
  expect(calls[0]?.event).toEqual({
    version: '0', id: expect.stringMatching(/^[0-9a-f-]{36}$/), 'detail-type': 'Scheduled Event', source: 'aws.events', account: '000000000000', region: 'eu-west-1',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), resources: ['arn:aws:events:eu-west-1:000000000000:rule/refresh-crls'], detail: {},
  });
  expect(calls[0]?.remaining).toBeGreaterThan((triggers['refresh-crls'].timeoutSeconds - 1) * 1000);
});

test('whoever asks for a run is told how it went', async () => {
  handle = () => Promise.reject(new Error('KMS is away'));
  await expect(start(false).run('expire-certificates')).rejects.toThrow('KMS is away');
  expect(written).toEqual([]);
});

describe('the clock', () => {
  test('calls each soon after the start, and then as often as its schedule says', async () => {
    start(true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(names()).toEqual([]);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(names().sort()).toEqual(['expire-certificates', 'export-audit-trail', 'mint-authority', 'reconcile', 'refresh-crls']);
    await jest.advanceTimersByTimeAsync(24 * 3_600_000);
    const times = (name: string) => names().filter((called) => called === name).length;
    expect([times('refresh-crls'), times('expire-certificates'), times('export-audit-trail'), times('reconcile'), times('mint-authority')]).toEqual([25, 25, 25, 25, 2]);
  });

  test('is not listened to where schedules are not automatic', async () => {
    start(false);
    await jest.advanceTimersByTimeAsync(48 * 3_600_000);
    expect(calls).toEqual([]);
  });

  test('goes on after a failure, which is written down', async () => {
    handle = (functionName) => (functionName === 'refresh-crls' ? Promise.reject(new Error('S3 is away')) : undefined);
    start(true);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(written).toEqual(['refresh-crls failed and is tried again when it is due: S3 is away\n']);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(names().filter((called) => called === 'refresh-crls')).toHaveLength(2);
  });
});

test('stopping waits for a function under way, and then the clock calls nobody', async () => {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  handle = () => held;
  const started = start(true);
  await jest.advanceTimersByTimeAsync(30_000);
  expect(calls).toHaveLength(5);
  let stopped = false;
  const stopping = started.stop().then(() => (stopped = true));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(stopped).toBe(false);
  letGo();
  await stopping;
  await jest.advanceTimersByTimeAsync(48 * 3_600_000);
  expect(calls).toHaveLength(5);
});
