import type { Reply } from './runtime.ts';
import { violationsOfAcknowledgements } from './invariants/acknowledged.ts';
import { violationsOfAuditStory, violationsOfChains } from './invariants/audit-story.ts';
import { violationsOfEffects, violationsOfEnds, violationsOfKeys, violationsOfRisk, violationsOfUniqueness, violationsOfUsableKeys, type Whereabouts } from './invariants/certificates-and-keys.ts';
import { violationsOfRevocations } from './invariants/relying-parties.ts';
import { readWorld, type Service, type World } from './invariants/world.ts';

/*
 * What holds of the whole service whatever has happened to it, asked of the tables, the stream, KMS and relying parties, of this
 * process's service or another's. Each answers sentences that say what does not hold; none where all does.
 */

/** As `Reply`s of any requests at all; of those that succeeded, what they say is held against the tables. */
export type Acknowledged = readonly Pick<Reply, 'status' | 'body'>[];

/** Where a key may be before anything has cleaned up: wherever something is sure to come upon it. */
const findable: readonly Whereabouts[] = ['in use', 'pending deletion', 'noted on a lease', 'in the outbox', 'for the reconciler to find'];

/** Where it may be once all is done. */
const settled: readonly Whereabouts[] = ['in use', 'pending deletion'];

/** Holds between any two requests, with functions that died anywhere and messages on their way; nothing may be writing, or items are of different moments. */
export async function violations(service: Service, acknowledged: Acknowledged = []): Promise<string[]> {
  return atAnyMoment(service, await readWorld(service), acknowledged);
}

/** Holds besides, once streams and queues are idle: what follows from a change has followed, and relying parties know. */
export async function violationsAtRest(service: Service, acknowledged: Acknowledged = [], { threshold = 0.85 } = {}): Promise<string[]> {
  return atRest(service, await readWorld(service), acknowledged, threshold);
}

/** Holds besides, once the reconciler has been over it, two hours after the last fault: no key is left that nobody uses. */
export async function violationsAfterReconciling(service: Service, acknowledged: Acknowledged = [], { threshold = 0.85 } = {}): Promise<string[]> {
  const world = await readWorld(service);
  return [...(await atRest(service, world, acknowledged, threshold)), ...violationsOfKeys(world, settled)];
}

async function atAnyMoment(service: Service, world: World, acknowledged: Acknowledged): Promise<string[]> {
  return [
    ...violationsOfUniqueness(world),
    ...(await violationsOfUsableKeys(service, world)),
    ...violationsOfKeys(world, findable),
    ...violationsOfEnds(world),
    ...violationsOfAuditStory(world),
    ...violationsOfAcknowledgements(world, acknowledged),
  ];
}

async function atRest(service: Service, world: World, acknowledged: Acknowledged, threshold: number): Promise<string[]> {
  return [
    ...(await atAnyMoment(service, world, acknowledged)),
    ...violationsOfEffects(world),
    ...violationsOfChains(world),
    ...violationsOfRisk(world, threshold),
    ...(await violationsOfRevocations(service, world)),
  ];
}
