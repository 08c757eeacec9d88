import { tables } from '../schema.ts';
import type { Agent } from '../authority/agent.ts';
import type { AuditEntry } from '../authority/audit.ts';
import type { Certificate } from '../authority/certificate.ts';
import type { ApiKey, Tenant } from '../authority/api-key.ts';
import type { Authority, AuthorityRole } from '../authority/ports.ts';

/* How records lie in the registry table (lambdas/schema.ts), and how they are read back. */

export type Key = Record<'pk' | 'sk', string>;
export type Item = Record<string, unknown>;

const { 'by-tenant': byTenant, 'by-agent': byAgent } = tables.registry.indexes;

export const agentKey = (agentId: string): Key => ({ pk: `AGENT#${agentId}`, sk: 'AGENT' });
export const certificateKey = (certificateId: string): Key => ({ pk: `CERT#${certificateId}`, sk: 'CERT' });
export const authorityKey = (role: AuthorityRole): Key => ({ pk: `CA#${role}`, sk: 'CA' });
export const tenantKey = (tenantId: string): Key => ({ pk: `TENANT#${tenantId}`, sk: 'TENANT' });
export const apiKeyKey = (keyHash: string): Key => ({ pk: `KEY#${keyHash}`, sk: 'KEY' });

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

export const authorityItem = (authority: Authority): Item => ({ ...authorityKey(authority.role), ...authority });

export function readAuthority(item: Item | undefined): Authority | undefined {
  return item && (withoutKeys(item) as unknown as Authority);
}

export const tenantItem = (tenant: Tenant): Item => ({ ...tenantKey(tenant.id), ...tenant });

export const apiKeyItem = (apiKey: ApiKey): Item => ({ ...apiKeyKey(apiKey.keyHash), ...collected(apiKey, 'KEY'), ...apiKey });

export function readApiKey(item: Item | undefined): ApiKey | undefined {
  return item && (withoutKeys(item) as unknown as ApiKey);
}

/** Entries are spread over 16 partitions by the last digit of their id, so that no tenant's changes all meet in one. */
export function auditItem(entry: AuditEntry): Item {
  return { pk: `AUDIT#${entry.tenantId}#${entry.id.slice(-1)}`, sk: creationOf(entry), ...entry };
}

const keyAttributes: readonly string[] = ['pk', 'sk', byTenant.partitionKey, byTenant.sortKey, byAgent.partitionKey];

function withoutKeys(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !keyAttributes.includes(name)));
}
