export const actorTypes = ['api_key', 'system'] as const;

/** Who caused a change: an API key of the tenant, or a part of the service itself. */
export interface Actor {
  readonly type: (typeof actorTypes)[number];
  readonly id: string;
}

/** Every kind of change there is a record of. */
export const auditEventTypes = [
  'agent.created',
  'agent.updated',
  'agent.suspended',
  'agent.halted',
  'agent.retired',
  'agent.high_risk',
  'certificate.issued',
  'certificate.revoked',
  'certificate.expired',
  'message.signed',
  'risk.alert',
  'webhook.created',
  'webhook.updated',
  'webhook.deleted',
] as const;

export type AuditEventType = (typeof auditEventTypes)[number];

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
