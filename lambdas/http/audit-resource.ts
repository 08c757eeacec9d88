import type { AuditEntry } from '../authority/audit.ts';

export function auditEntryResource({ id, eventType, actor, description, affectedId, metadata, createdAt }: AuditEntry) {
  return {
    id,
    event_type: eventType,
    actor_type: actor.type,
    actor_id: actor.id,
    description,
    affected_id: affectedId,
    metadata,
    created_at: createdAt,
  };
}
