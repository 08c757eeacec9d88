import type { AuditEntry } from '../authority/audit.ts';
import { log } from '../log.ts';
import { measurement } from './metrics.ts';

/** Counts what the audit trail says was issued and revoked, by whichever door. */
export function countChanges(entries: readonly AuditEntry[]): void {
  const issued = entries.filter(({ eventType }) => eventType === 'certificate.issued').length;
  if (issued > 0) log.info('certificates-issued', measurement({ CertificatesIssued: issued }));
  const revoked = new Map<string, number>();
  for (const entry of entries) if (entry.eventType === 'certificate.revoked') revoked.set(causeOf(entry), (revoked.get(causeOf(entry)) ?? 0) + 1);
  for (const [cause, count] of revoked) log.info('certificates-revoked', measurement({ CertificatesRevoked: count }, cause));
}

const causeOf = ({ actor, metadata }: AuditEntry) => (actor.type === 'system' ? 'risk' : metadata['reason_code'] ?? 'unspecified');
