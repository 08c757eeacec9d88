import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '../../lambdas/authority/audit.ts';

const startMilliseconds = Date.parse('2026-03-01T09:00:00.000Z');

/** An entry as a change would have written it: number 0 at nine o'clock, each further one a second later. */
export function auditEntry(tenantId: string, number: number, fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: randomUUID(), tenantId, eventType: 'message.signed', actor: { type: 'api_key', id: randomUUID() },
    description: `Message signed in the name of agent „${number}“ \u2028`, affectedId: randomUUID(),
    metadata: { kind: 'payload', payload_hash: 'ab'.repeat(32) }, createdAt: new Date(startMilliseconds + number * 1000).toISOString(), ...fields,
  };
}

/** So many entries of a tenant, in the order of their times. */
export const auditEntries = (tenantId: string, count: number): AuditEntry[] => Array.from({ length: count }, (_, number) => auditEntry(tenantId, number));
