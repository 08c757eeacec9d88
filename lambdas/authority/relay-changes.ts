import { announcementOf, type Announcement } from './announcement.ts';
import type { AuditEntry } from './audit.ts';
import type { CertificateEnd } from './certificate-end.ts';
import type { SettledSend } from './ports.ts';
import { sideBySide } from './side-by-side.ts';

/** What the registry's stream reports: that a certificate has ended, or that the audit trail says something new. */
export type Change = { readonly end: CertificateEnd } | { readonly entry: AuditEntry };

export interface RelayServices {
  /** Hands keys over that are to be retired. */
  readonly sendEnds: SettledSend<CertificateEnd>;
  /** Publishes what whoever runs the deployment may act upon. */
  readonly publish: SettledSend<Announcement>;
}

/**
 * Takes each change to where it is heard of: at least once, whatever fails in between.
 * @returns how each went, in the order of `changes`.
 */
export async function relayChanges(services: RelayServices, changes: readonly Change[]): Promise<PromiseSettledResult<void>[]> {
  const ends = changes.flatMap((change) => ('end' in change ? [change.end] : []));
  const entries = changes.flatMap((change) => ('entry' in change ? [change.entry] : []));
  const [ended, entered] = await Promise.all([services.sendEnds(ends), relayEntries(services, entries)]);
  const [nextEnd, nextEntry] = [ended.values(), entered.values()];
  return changes.map((change) => ('end' in change ? nextEnd : nextEntry).next().value as PromiseSettledResult<void>);
}

async function relayEntries({ publish }: RelayServices, entries: readonly AuditEntry[]): Promise<PromiseSettledResult<void>[]> {
  const announcements = entries.flatMap((entry) => announcementOf(entry) ?? []);
  const outcomes = new Map(await publish(announcements).then((published) => published.map((outcome, index) => [announcements[index]?.id, outcome] as const)));
  return sideBySide(entries, 1, async ({ id }) => {
    const outcome = outcomes.get(id);
    if (outcome?.status === 'rejected') throw outcome.reason;
  });
}
