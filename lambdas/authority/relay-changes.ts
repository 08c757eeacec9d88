import { announceEntries, type AnnouncementServices } from './announce-entries.ts';
import { chainEntries, type ChainServices } from './audit-chain.ts';
import type { AuditEntry } from './audit.ts';
import type { CertificateEnd } from './certificate-end.ts';
import type { SettledSend } from './ports.ts';

/** That the audit trail says something new. */
export interface Entry {
  readonly entry: AuditEntry;
  /** Whether it is a dead letter, delivered once more. */
  readonly replayed: boolean;
}

/** What the registry's stream reports that others are to hear of. */
export type Change = { readonly end: CertificateEnd } | Entry;

export interface RelayServices extends AnnouncementServices, ChainServices {
  /** Hands over the certificates whose keys are to be retired. */
  readonly sendEnds: SettledSend<CertificateEnd>;
  /** Told of what has been announced and chained, for the first time as a rule. */
  readonly onRelayed: (entries: readonly AuditEntry[]) => void;
}

/**
 * Takes each change to where it is heard of: at least once, whatever fails in between.
 * @returns how each went, in the order of `changes`.
 */
export async function relayChanges(services: RelayServices, changes: readonly Change[]): Promise<PromiseSettledResult<void>[]> {
  const ends = changes.flatMap((change) => ('end' in change ? [change.end] : []));
  const entries = changes.flatMap((change) => ('end' in change ? [] : [change]));
  const [ended, entered] = await Promise.all([services.sendEnds(ends), relayEntries(services, entries)]);
  const [nextEnd, nextEntry] = [ended.values(), entered.values()];
  return changes.map((change) => ('end' in change ? nextEnd : nextEntry).next().value as PromiseSettledResult<void>);
}

const done: PromiseSettledResult<void> = { status: 'fulfilled', value: undefined };

/**
 * Announces entries, then chains them: one that is in its chain is done with, however often it is delivered, and one whose
 * announcement failed is not chained yet.
 */
async function relayEntries(services: RelayServices, entries: readonly Entry[]): Promise<PromiseSettledResult<void>[]> {
  const [chained] = await Promise.allSettled([services.chain.listChained(entries.map(({ entry }) => entry.id))]);
  if (chained.status === 'rejected') return entries.map(() => chained);
  const fresh = entries.filter(({ entry, replayed }) => replayed || !chained.value.has(entry.id)).map(({ entry }) => entry);
  const announced = await announceEntries(services, fresh);
  const heard = fresh.filter((_, index) => announced[index]?.status === 'fulfilled');
  const linked = await chainEntries(services, heard);
  services.onRelayed(heard.filter((_, index) => linked[index]?.status === 'fulfilled'));
  const outcomeOf = (entry: AuditEntry) => linked[heard.indexOf(entry)] ?? announced[fresh.indexOf(entry)] ?? done;
  return entries.map(({ entry }) => outcomeOf(entry));
}
