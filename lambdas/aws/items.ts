import { tables } from '../schema.ts';
import { outboxKeyPrefix } from '../triggers.ts';
import type { Agent } from '../authority/agent.ts';
import type { Announcement } from '../authority/announcement.ts';
import type { AuditEntry } from '../authority/audit.ts';
import type { Certificate } from '../authority/certificate.ts';
import type { ApiKey, Tenant } from '../authority/api-key.ts';
import type { CertificateEnd, EndingCertificate } from '../authority/certificate-end.ts';
import type { Authority, AuthorityRevocation, AuthorityRole, CrlShard, Revocation } from '../authority/ports.ts';
import { reasonCodes } from '../authority/revocation-reasons.ts';
import type { Webhook } from '../authority/webhook.ts';
import { describeCertificate } from '../pki/certificate-description.ts';
import { encodeRevokedCertificate } from '../pki/crl-entry.ts';
import { pemToDer } from '../pki/pem.ts';
import { serialNumberOf } from '../pki/serial-number.ts';

/* How records lie in the registry table (lambdas/schema.ts), and how they are read back. */

export type Key = Record<'pk' | 'sk', string>;
export type Item = Record<string, unknown>;

const { 'by-tenant': byTenant, 'by-agent': byAgent } = tables.registry.indexes;

export const agentKey = (agentId: string): Key => ({ pk: `AGENT#${agentId}`, sk: 'AGENT' });
export const certificateKey = (certificateId: string): Key => ({ pk: `CERT#${certificateId}`, sk: 'CERT' });
export const authorityKey = (role: AuthorityRole, generation: number): Key => ({ pk: `CA#${role}${generation === 1 ? '' : `#${generation}`}`, sk: 'CA' });
export const expiryKey = (certificate: EndingCertificate): Key => ({ pk: expiriesOf(certificate.crlShard), sk: endOf(certificate) });
export const crlEntryKey = (certificate: EndingCertificate): Key => ({ pk: crlEntriesOf(certificate.crlShard), sk: endOf(certificate) });
export const outboxKey = (certificateId: string): Key => ({ pk: `${outboxKeyPrefix}${certificateId}`, sk: 'OUTBOX' });
export const effectKey = (certificateId: string, effect: 'KEY-DELETION' | 'CRL'): Key => ({ pk: `EFFECT#${certificateId}`, sk: effect });
export const alertKey = (agentId: string, recordId: string): Key => ({ pk: `ALERT#${agentId}`, sk: recordId });
export const crlNumberKey = (path: string): Key => ({ pk: `CRL#${path}`, sk: 'CRL' });
export const tenantKey = (tenantId: string): Key => ({ pk: `TENANT#${tenantId}`, sk: 'TENANT' });
export const apiKeyKey = (keyHash: string): Key => ({ pk: `KEY#${keyHash}`, sk: 'KEY' });
export const webhookKey = ({ tenantId, id }: Pick<Webhook, 'tenantId' | 'id'>): Key => ({ pk: webhooksOf(tenantId), sk: id });
export const webhookCountKey = (tenantId: string): Key => ({ pk: `WEBHOOKS#${tenantId}`, sk: 'COUNT' });
export const deliveryKey = (webhookId: string, announcement: Announcement): Key => ({ pk: deliveriesOf(webhookId), sk: deliveryPositionOf(announcement) });
/** Of the pass over agents' keys, of which there is one. */
export const passProgressKey: Key = { pk: 'RECONCILER#keys', sk: 'PROGRESS' };
export const requestKey = (requestHash: string): Key => ({ pk: `IDEMPOTENCY#${requestHash}`, sk: 'IDEMPOTENCY' });

/** A tenant's webhooks, and a webhook's deliveries. */
export const webhooksOf = (tenantId: string) => `WEBHOOK#${tenantId}`;
export const deliveriesOf = (webhookId: string) => `DELIVERY#${webhookId}`;
export const deliveryPositionOf = ({ created_at: createdAt, id }: Announcement) => creationOf({ createdAt, id });

/** Partitions of the table, by shard. */
export const expiriesOf = (crlShard: number) => `EXPIRY#${crlShard}`;
export const crlEntriesOf = (crlShard: CrlShard) => `REVOKED#${crlShard}`;

const endOf = ({ id, expiresAt }: EndingCertificate) => `${expiresAt}#${id}`;

/**
 * Stands behind every sort key that begins with this time, and before those of any later one: `$` is the character after
 * the `#` between time and id.
 */
export const behind = (time: string) => `${time}$`;

export type Collection = 'AGENT' | 'CERTIFICATE' | 'KEY';

/** Partition of the by-tenant index. */
export const collectionOf = (tenantId: string, kind: Collection) => `${tenantId}#${kind}`;

/** Partition of the by-agent index. The tenant is part of it, so no query can reach into another's. */
export const certificatesOf = (tenantId: string, agentId: string) => `${tenantId}#${agentId}`;

/** Sort key of both indexes: time of creation, made unique by the id. */
export const creationOf = ({ createdAt, id }: { createdAt: string; id: string }) => `${createdAt}#${id}`;

function collected(record: { tenantId: string; createdAt: string; id: string }, kind: Collection): Item {
  return { [byTenant.partitionKey]: collectionOf(record.tenantId, kind), [byTenant.sortKey]: creationOf(record) };
}

export function agentItem({ metadata, ...agent }: Agent): Item {
  return { ...agentKey(agent.id), ...collected(agent, 'AGENT'), ...agent, metadataJson: metadataJson(metadata) };
}

/** Free-form JSON is kept as text: DynamoDB would refuse some of its numbers and deep nesting. */
export const metadataJson = (metadata: Agent['metadata']) => JSON.stringify(metadata);

export function readAgent(item: Item | undefined): Agent | undefined {
  if (item === undefined) return undefined;
  const { metadataJson: json, ...agent } = withoutKeys(item);
  return { ...agent, metadata: JSON.parse(json as string) } as unknown as Agent;
}

export function certificateItem(certificate: Certificate): Item {
  const agentCollection = { [byAgent.partitionKey]: certificatesOf(certificate.tenantId, certificate.agentId) };
  return { ...certificateKey(certificate.id), ...collected(certificate, 'CERTIFICATE'), ...agentCollection, ...certificate };
}

export function readCertificate(item: Item | undefined): Certificate | undefined {
  return item && (withoutKeys(item) as unknown as Certificate);
}

export function expiryItem(certificate: EndingCertificate): Item {
  const { id, agentId, tenantId, keyArn, grantId } = certificate;
  return { ...expiryKey(certificate), certificateId: id, agentId, tenantId, keyArn, grantId };
}

/** @param crlShard the partition that the item was found in */
export function readExpiry({ sk, certificateId, agentId, tenantId, keyArn, grantId }: Item, crlShard: number): EndingCertificate {
  const [expiresAt] = (sk as string).split('#');
  return { id: certificateId, agentId, tenantId, keyArn, grantId, crlShard, expiresAt } as EndingCertificate;
}

/** Nothing but the entry's DER, because every publication of a CRL reads all of them. */
export function crlEntryItem(certificate: EndingCertificate, { revokedAt, reasonCode }: Revocation): Item {
  const entry = encodeRevokedCertificate({ serialNumber: serialNumberOf(certificate.id), revocationDate: new Date(revokedAt), reasonCode: reasonCodes[reasonCode] });
  return { ...crlEntryKey(certificate), entry };
}

export const outboxItem = (end: CertificateEnd): Item => ({ ...outboxKey(end.certificateId), ...end });

/** The same of a CA that the root has signed. */
export function authorityCrlEntryItem({ certificatePem }: Authority, { revokedAt, reasonCode }: AuthorityRevocation): Item {
  const { serialNumber, notAfter } = describeCertificate(pemToDer(certificatePem));
  const entry = encodeRevokedCertificate({ serialNumber, revocationDate: new Date(revokedAt), reasonCode: reasonCodes[reasonCode] });
  return { pk: crlEntriesOf('root'), sk: `${new Date(notAfter.getTime() + 1000).toISOString()}#${serialNumber}`, entry };
}

export const authorityItem = (authority: Authority): Item => ({ ...authorityKey(authority.role, authority.generation), ...authority });

/** Those minted before there could be others say no generation. */
export function readAuthority(item: Item | undefined): Authority | undefined {
  return item && ({ generation: 1, ...withoutKeys(item) } as unknown as Authority);
}

export const tenantItem = (tenant: Tenant): Item => ({ ...tenantKey(tenant.id), ...tenant });

export const apiKeyItem = (apiKey: ApiKey): Item => ({ ...apiKeyKey(apiKey.keyHash), ...collected(apiKey, 'KEY'), ...apiKey });

export function readApiKey(item: Item | undefined): ApiKey | undefined {
  return item && (withoutKeys(item) as unknown as ApiKey);
}

/** The hexadecimal digits: a shard each, told by the last digit of an id, of what would be too much for one partition. */
export const shardDigits = [...'0123456789abcdef'];
export const shardOf = (id: string) => id.slice(-1);

/** A partition of a tenant's audit trail. Entries are spread over them, so that its changes do not all meet in one. */
export const auditEntriesOf = (tenantId: string, shard: string) => `AUDIT#${tenantId}#${shard}`;

/** Partition of the by-agent index: the trail of one agent or certificate, or whatever else the entries are about. */
export const auditTrailOf = (tenantId: string, affectedId: string) => `${tenantId}#AUDIT#${affectedId}`;

export function auditItem(entry: AuditEntry): Item {
  const index = { [byAgent.partitionKey]: auditTrailOf(entry.tenantId, entry.affectedId), [byAgent.sortKey]: creationOf(entry) };
  return { pk: auditEntriesOf(entry.tenantId, shardOf(entry.id)), sk: creationOf(entry), ...index, ...entry };
}

/** The entry and nothing else: not that it was delivered again (replay.ts). */
export function readAuditEntry(item: Item | undefined): AuditEntry | undefined {
  if (item === undefined) return undefined;
  const { id, tenantId, eventType, actor, description, affectedId, metadata, createdAt } = item as unknown as AuditEntry;
  return { id, tenantId, eventType, actor, description, affectedId, metadata, createdAt };
}

const keyAttributes: readonly string[] = ['pk', 'sk', byTenant.partitionKey, byTenant.sortKey, byAgent.partitionKey];

function withoutKeys(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !keyAttributes.includes(name)));
}
