import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEntry } from './audit.ts';
import { entryHashOf, genesis, nextLink, type ChainLink } from './chain-link.ts';
import { Refusal } from './errors.ts';
import type { AuditChain } from './ports.ts';
import { sideBySide } from './side-by-side.ts';

/*
 * Audit entries are chained after the change they record, never in its transaction: a head that every change of a tenant
 * had to move would put all of them in one line.
 *
 * For a tenant it takes two round trips, to read the head and to write up to 49 entries behind it, and another for each 49
 * more; a race that is lost costs one to look again. Each entry takes four write units, two for its link and two for its mark, and
 * the head two for each transaction. Links and head share a partition, which takes 1,000 units a second: some 490 entries a
 * second for one tenant, whatever the number of callers. What comes faster waits in the stream.
 */

export interface ChainServices {
  readonly chain: AuditChain;
}

interface HashedEntry {
  readonly entry: AuditEntry;
  readonly entryHash: string;
}

const tenantsAtOnce = 4;

// A transaction has up to 100 actions: each link with its mark, and the head.
const mostLinksAtOnce = 49;

// Whoever loses a race does so because somebody else went ahead: with these numbers several callers are through in seconds.
const attempts = 20;
const baseDelayMilliseconds = 10;
const longestDelayMilliseconds = 400;

/**
 * Puts each entry behind the chain of its tenant, in the order of their times, if it is not in it yet. Several callers may
 * do so at once, also with the same entries: each is chained once, without a gap.
 * @returns how each went, in the order of `entries`; what failed can be tried again as it is.
 */
export async function chainEntries({ chain }: ChainServices, entries: readonly AuditEntry[]): Promise<PromiseSettledResult<void>[]> {
  const failures = new Map<string, unknown>();
  const tenants = new Map<string, Map<string, HashedEntry>>();
  for (const entry of entries) {
    try {
      const ofTenant = tenants.get(entry.tenantId) ?? new Map<string, HashedEntry>();
      tenants.set(entry.tenantId, ofTenant.set(entry.id, { entry, entryHash: entryHashOf(entry) }));
    } catch (error) {
      failures.set(entry.id, error);
    }
  }
  await sideBySide(tenants, tenantsAtOnce, async ([tenantId, ofTenant]) => {
    const waiting = new Map([...ofTenant].sort(([, one], [, other]) => (placeOf(one) < placeOf(other) ? -1 : 1)));
    try {
      await chainAll(chain, tenantId, waiting);
    } catch (error) {
      for (const id of waiting.keys()) failures.set(id, error);
    }
  });
  return entries.map(({ id }) => (failures.has(id) ? { status: 'rejected', reason: failures.get(id) } : { status: 'fulfilled', value: undefined }));
}

const placeOf = ({ entry: { createdAt, id } }: HashedEntry) => `${createdAt}#${id}`;

/** Chains entries of one tenant, by id and in their order, and takes each out of `waiting` once it is chained. */
async function chainAll(chain: AuditChain, tenantId: string, waiting: Map<string, HashedEntry>): Promise<void> {
  let head = await chain.getHead(tenantId);
  for (let lostRaces = 0; waiting.size > 0;) {
    const links = linksBehind(head, [...waiting.values()].slice(0, mostLinksAtOnce));
    if (await chain.append(head, links)) {
      for (const { entryId } of links) waiting.delete(entryId);
      head = links.at(-1);
      lostRaces = 0;
      continue;
    }
    if (++lostRaces >= attempts) throw new Refusal('REGISTRY_UNAVAILABLE', 'Too many audit entries of the same tenant are chained at the moment. Try again shortly.');
    await delay(Math.random() * Math.min(baseDelayMilliseconds * 2 ** lostRaces, longestDelayMilliseconds));
    const [chained, current] = await Promise.all([chain.listChained([...waiting.keys()]), chain.getHead(tenantId)]);
    // Heads go forward and marks stay: where neither stood in the way, there are links behind the head, or before the first one a mark.
    if (chained.size === 0 && current?.sequence === head?.sequence) {
      throw new Error(`The audit chain of tenant ${tenantId} cannot be continued behind its head, number ${head?.sequence ?? 0}: there are links behind it already. Look with "audit verify".`);
    }
    for (const id of chained) waiting.delete(id);
    head = current;
  }
}

function linksBehind(head: Pick<ChainLink, 'sequence' | 'hash'> | undefined, entries: readonly HashedEntry[]): ChainLink[] {
  const links: ChainLink[] = [];
  for (const { entry, entryHash } of entries) links.push(nextLink(links.at(-1) ?? head ?? genesis, entry, entryHash));
  return links;
}
