import { randomUUID } from 'node:crypto';
import { schedules, type Schedule, type ScheduledName } from '../lambdas/triggers.ts';
import { accountId, region } from './account.ts';
import { invoke, type LoadHandler } from './invocation.ts';

export interface Schedules {
  /** Calls the function as its schedule would, and resolves once it has returned; rejects with what it threw. */
  run(name: ScheduledName): Promise<void>;
  /** Resolves once no function is under way. */
  stop(): Promise<void>;
}

// Late enough not to slow the start, and soon enough for a service that was away: its CRLs may be out of date.
const firstRunMilliseconds = 5_000;

/** Runs the scheduled functions (lambdas/triggers.ts): soon after the start for the first time, or only when asked to, where `automatic` is false. */
export function startSchedules({ automatic, load }: { automatic: boolean; load: LoadHandler }): Schedules {
  const timers: NodeJS.Timeout[] = [];
  const underWay = new Set<Promise<void>>();

  function run(name: ScheduledName): Promise<void> {
    const { timeoutSeconds }: Schedule = schedules[name];
    const running = (async () => void (await invoke(await load(name), scheduledEvent(name), { functionName: name, timeoutSeconds })))()
      .finally(() => underWay.delete(running));
    underWay.add(running);
    return running;
  }

  function runUnattended(name: ScheduledName): void {
    run(name).catch((error: unknown) => process.stderr.write(`${name} failed and is tried again when it is due: ${error instanceof Error ? error.message : String(error)}\n`));
  }

  if (automatic) {
    for (const [name, { everyMinutes }] of Object.entries(schedules) as [ScheduledName, Schedule][]) {
      timers.push(setTimeout(runUnattended, firstRunMilliseconds, name).unref(), setInterval(runUnattended, everyMinutes * 60_000, name).unref());
    }
  }

  return {
    run,
    async stop() {
      timers.forEach((timer) => clearTimeout(timer));
      await Promise.allSettled(underWay);
    },
  };
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html, as a rule with a rate sends it. */
function scheduledEvent(name: ScheduledName): object {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: accountId,
    time: `${new Date().toISOString().slice(0, 19)}Z`,
    region,
    resources: [`arn:aws:events:${region}:${accountId}:rule/${name}`],
    detail: {},
  };
}
