/** Who caused a change: an API key of the tenant, or a part of the service itself. */
export interface Actor {
  readonly type: 'api_key' | 'system';
  readonly id: string;
}

export type AuditEventType =
  | 'agent.created'
  | 'agent.updated'
  | 'agent.suspended'
  | 'agent.retired'
  | 'certificate.issued'
  | 'certificate.revoked'
  | 'certificate.expired';

/** One line of the audit trail, written in the transaction of the change it records. */
export interface AuditEntry {
  readonly id: string;
  readonly tenantId: string;
  readonly eventType: AuditEventType;
  readonly actor: Actor;
  readonly description: string;
  readonly affectedId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: string;
}
