import { setTimeout as sleep } from 'node:timers/promises';
import { announcedEvents, type AnnouncedEvent } from '../../lambdas/authority/announcement.ts';
import { sideBySide, valuesOf } from '../../lambdas/authority/side-by-side.ts';
import { runProgram } from '../bin/program.ts';
import type { Received } from '../support/receiver.ts';
import { dataOf, isDone, isInProgress, type Deed, type History } from './history.ts';
import { send } from './load.ts';
import type { Item, Service } from './service.ts';

/* What must have come about in the end, however often the service was killed on the way. */

/** For what a killed process had received from a queue, which comes again after two minutes (lambdas/triggers.ts). */
const catchingUpMilliseconds = 180_000;
/** For the lease of a request that was under way, which ends with the time that its function may take. */
const leaseMilliseconds = 60_000;

/** Repeats, under their keys, the requests that were never answered, until each is. @returns a sentence for each that never is. */
export async function repeatUnanswered(service: Service, history: History): Promise<string[]> {
  const open = history.deeds.filter((deed) => deed.key !== undefined && (deed.reply === undefined || isInProgress(deed.reply) || deed.reply.status >= 500));
  const deadline = performance.now() + leaseMilliseconds;
  const outcomes = await sideBySide(open, 8, async (deed) => {
    for (;;) {
      await history.repeat(deed, () => send(service, deed));
      if (deed.reply !== undefined && deed.reply.status < 500 && !isInProgress(deed.reply)) return [];
      if (performance.now() > deadline) return [`${deed.method} ${deed.path} (${deed.kind}) is not answered, however often it is repeated under its key: ${deed.reply?.status} ${JSON.stringify(deed.reply?.body)}.`];
      await sleep(1000);
    }
  });
  return valuesOf(outcomes).flat();
}

/** Waits for keys, chain and deliveries. @returns a sentence for each thing that did not come about. */
export async function followUpProblems(service: Service, deeds: readonly Deed[], received: readonly Received[]): Promise<string[]> {
  const deadline = performance.now() + catchingUpMilliseconds;
  for (;;) {
    const registry = await service.scan('registry');
    const problems = [...chainProblems(registry), ...deliveryProblems(registry, deeds, received), ...(await keyProblems(service, registry))];
    if (problems.length === 0 || performance.now() > deadline) return problems;
    await sleep(2000);
  }
}

function chainProblems(registry: readonly Item[]): string[] {
  const chained = new Set(registry.filter(({ sk }) => sk === 'CHAINED').map(({ pk }) => pk));
  return entriesOf(registry).filter(({ id }) => !chained.has(`CHAINED#${id}`)).map(({ id, eventType }) => `Audit entry ${id} (${eventType}) is not in its chain.`);
}

/** Every change that the trail has since a webhook was answered for must have reached its receiver, once at least. */
function deliveryProblems(registry: readonly Item[], deeds: readonly Deed[], received: readonly Received[]): string[] {
  const arrived = new Set(received.map(({ path, headers }) => `${path} ${headers['x-kakunin-delivery'] as string}`));
  return deeds.filter((deed) => deed.kind === 'create webhook' && isDone(deed)).flatMap((deed) => {
    const { url, events, created_at: createdAt } = dataOf(deed) as { url: string; events: AnnouncedEvent[]; created_at: string };
    const due = entriesOf(registry).filter((entry) => events.includes(announcedAs(entry['eventType'])) && entry['createdAt'] > createdAt);
    return due.filter(({ id }) => !arrived.has(`${new URL(url).pathname} ${id}`)).map(({ id, eventType }) => `The receiver at ${url} was never told of ${eventType} ${id}.`);
  });
}

const announcedAs = (eventType: string) => (announcedEvents.find((event) => event === eventType) ?? (eventType === 'agent.retired' ? 'agent.updated' : undefined)) as AnnouncedEvent;

/** Keys of active certificates are enabled, and those of ended ones to be deleted. Of keys that no certificate has, see `reconciled`. */
async function keyProblems({ aftermath }: Service, registry: readonly Item[]): Promise<string[]> {
  const certificates = new Map(registry.filter(({ sk }) => sk === 'CERT').map((item) => [item['keyArn'], item]));
  return (await aftermath.agentKeys()).flatMap(({ arn, state }) => {
    const certificate = certificates.get(arn);
    if (certificate === undefined) return [];
    const wanted = certificate['status'] === 'active' ? 'Enabled' : 'PendingDeletion';
    return state === wanted ? [] : [`The key of certificate ${certificate['id']}, which is ${certificate['status']}, is ${state}.`];
  });
}

/** Runs the admin program on the service. */
async function admin(service: Service, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = await runProgram('bin/admin.ts', [...args, '--json'], { environment: { ...service.environment, ...environment } });
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- read field by field
  return { status, json: (stdout === '' ? undefined : JSON.parse(stdout)) as any, said: `${stdout}${stderr}`.trim() };
}

/** What the admin program must find nothing wrong with: the audit trail, and that nothing was given up. */
export async function adminProblems(service: Service): Promise<string[]> {
  const [audit, deadLetters] = [await admin(service, ['audit', 'verify']), await admin(service, ['dead-letter', 'list'])];
  return [
    ...(audit.status === 0 ? [] : [`The audit trail does not verify: ${audit.said}`]),
    ...(deadLetters.json?.length === 0 ? [] : [`There are dead letters: ${deadLetters.said}`]),
  ];
}

// The reconciler leaves a young key alone, whose issuance may be under way still.
const inTwoHours = { NODE_OPTIONS: '--import=./test/crash/two-hours-ahead.js' };

/** Has everything reconciled. @returns how many keys no certificate had, and a sentence for each thing that is still not as it must be. */
export async function reconciled(service: Service): Promise<{ readonly abandonedKeys: number; readonly problems: readonly string[] }> {
  const first = await admin(service, ['reconcile'], inTwoHours);
  if (first.status !== 0) return { abandonedKeys: 0, problems: [`The first reconciliation failed: ${first.said}`] };
  const findings = first.json.findings as { kind: string; key_arn?: string }[];
  // A crash leaves keys behind, and nothing else that nobody goes on with.
  const others = findings.filter(({ kind }) => kind !== 'abandoned-key' && kind !== 'dead-lease').map((finding) => `It took the reconciler to find ${JSON.stringify(finding)}.`);
  const unused = async () => {
    const owned = new Set((await service.scan('registry')).filter(({ sk }) => sk === 'CERT').map(({ keyArn }) => keyArn));
    return (await service.aftermath.agentKeys()).filter(({ arn, state }) => state === 'Enabled' && !owned.has(arn));
  };
  for (const deadline = performance.now() + 30_000; performance.now() < deadline && (await unused()).length > 0; ) await sleep(500);
  const second = await admin(service, ['reconcile'], inTwoHours);
  const left = (await unused()).map(({ arn }) => `No certificate has the key ${arn}, which is not to be deleted.`);
  const again = second.json?.findings?.length === 0 ? [] : [`The second reconciliation still found something: ${second.said}`];
  return { abandonedKeys: findings.length - others.length, problems: [...others, ...left, ...again] };
}

const entriesOf = (registry: readonly Item[]) => registry.filter(({ pk }) => String(pk).startsWith('AUDIT#'));
