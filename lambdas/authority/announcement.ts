import { serialNumberOf } from '../pki/serial-number.ts';
import type { AuditEntry, AuditEventType } from './audit.ts';

/** The events that webhooks and EventBridge are told of. */
export const announcedEvents = [
  'certificate.issued',
  'certificate.revoked',
  'certificate.expired',
  'agent.created',
  'agent.updated',
  'agent.suspended',
  'agent.halted',
  'agent.high_risk',
  'risk.alert',
] as const;

export type AnnouncedEvent = (typeof announcedEvents)[number];

/** What receivers are sent, in the words of the API. */
export interface Announcement {
  /** Of the audit entry that it tells of, hence the same however often it is sent. */
  readonly id: string;
  readonly event: AnnouncedEvent;
  readonly tenant_id: string;
  readonly created_at: string;
  readonly data: Readonly<Record<string, string | number>>;
}

/**
 * Tells the outside world of a change, out of its audit entry alone: what a receiver wants to know beyond that it asks for,
 * and then learns how things stand by then. Undefined where nobody is told.
 */
export function announcementOf(entry: AuditEntry): Announcement | undefined {
  const event = announcedAs(entry.eventType);
  return event && { id: entry.id, event, tenant_id: entry.tenantId, created_at: entry.createdAt, data: dataOf(entry) };
}

/** For a retirement there is no event of its own. */
function announcedAs(eventType: AuditEventType): AnnouncedEvent | undefined {
  if (eventType === 'agent.retired') return 'agent.updated';
  return announcedEvents.find((event) => event === eventType);
}

function dataOf({ eventType, affectedId, createdAt, metadata }: AuditEntry): Announcement['data'] {
  const details = { ...metadata, ...more[eventType]?.(createdAt, metadata) };
  if (!eventType.startsWith('certificate.')) return { ...details, agent_id: affectedId };
  return { ...details, certificate_id: affectedId, serial_number: serialNumberOf(affectedId) };
}

const more: { readonly [Type in AuditEventType]?: (createdAt: string, metadata: AuditEntry['metadata']) => Announcement['data'] } = {
  'certificate.issued': (createdAt) => ({ issued_at: createdAt }),
  'certificate.revoked': (createdAt, { reason = '' }) => ({ revocation_reason: reason, revoked_at: createdAt }),
  'agent.suspended': () => ({ status: 'suspended' }),
  'agent.halted': () => ({ status: 'suspended' }),
  'agent.high_risk': (_, metadata) => ({ status: 'suspended', ...riskOf(metadata) }),
  'risk.alert': (_, metadata) => riskOf(metadata),
  'agent.retired': () => ({ status: 'retired' }),
};

/** The numbers among what the audit trail keeps as text. */
const riskOf = ({ risk_score, threshold }: AuditEntry['metadata']) => ({ risk_score: Number(risk_score), threshold: Number(threshold) });
