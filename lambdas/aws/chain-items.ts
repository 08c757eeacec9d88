import type { ChainLink, ChainPosition, SignedHead } from '../authority/chain-link.ts';
import { tables } from '../schema.ts';
import { auditEntriesOf, creationOf, shardOf, type Item, type Key } from './items.ts';

/* How the audit chains lie in the registry table (lambdas/schema.ts), and how they are read back. */

const { 'by-tenant': byTenant } = tables.registry.indexes;

export const chainLinkKey = (tenantId: string, sequence: number): Key => ({ pk: chainOf(tenantId), sk: sequenceKey(sequence) });
export const chainHeadKey = (tenantId: string): Key => ({ pk: chainOf(tenantId), sk: 'HEAD' });
export const exportProgressKey = (tenantId: string): Key => ({ pk: exportsOf(tenantId), sk: 'PROGRESS' });
export const signedHeadKey = (tenantId: string, sequence: number): Key => ({ pk: exportsOf(tenantId), sk: `${signedHeadPrefix}${sequenceKey(sequence)}` });
export const chainMarkKey = (entryId: string): Key => ({ pk: `CHAINED#${entryId}`, sk: 'CHAINED' });

/** Partition of the table: a tenant's audit chain. */
export const chainOf = (tenantId: string) => `CHAIN#${tenantId}`;

/** Partition of the table: what is known of its exports. Not the chain's, so that who signs cannot write to what is signed. */
export const exportsOf = (tenantId: string) => `EXPORT#${tenantId}`;

/** Twelve digits, so that links sort by their number. */
export const sequenceKey = (sequence: number) => String(sequence).padStart(12, '0');
export const signedHeadPrefix = 'SIGNED#';

/** Where the entry of a link is. */
export function auditEntryKey({ tenantId, entryId, entryCreatedAt }: ChainLink): Key {
  return { pk: auditEntriesOf(tenantId, shardOf(entryId)), sk: creationOf({ createdAt: entryCreatedAt, id: entryId }) };
}

export function chainLinkItem({ tenantId, sequence, ...link }: ChainLink): Item {
  return { ...chainLinkKey(tenantId, sequence), ...link };
}

export function readChainLink(item: Item): ChainLink {
  const { pk, sk, entryId, entryCreatedAt, entryHash, previousHash, hash } = item as Record<string, string>;
  return { tenantId: pk?.slice(chainOf('').length), sequence: Number(sk), entryId, entryCreatedAt, entryHash, previousHash, hash } as ChainLink;
}

/** Says that an entry is in a chain, and where. */
export const chainMarkItem = ({ tenantId, sequence, entryId }: ChainLink): Item => ({ ...chainMarkKey(entryId), tenantId, sequence });

/** Partition of the by-tenant index: every tenant's chain. */
export const chains = 'CHAINS';

/** What the index has of the head never changes, so that moving the head does not write to it. */
export function chainHeadItem(tenantId: string, { sequence, hash }: ChainPosition): Item {
  return { ...chainHeadKey(tenantId), [byTenant.partitionKey]: chains, [byTenant.sortKey]: tenantId, tenantId, sequence, hash };
}

export function readChainHead(item: Item | undefined): ChainPosition | undefined {
  return item && { sequence: item['sequence'] as number, hash: item['hash'] as string };
}

export function signedHeadItem({ tenantId, sequence, ...head }: SignedHead): Item {
  return { ...signedHeadKey(tenantId, sequence), ...head };
}

export function readSignedHead(item: Item): SignedHead {
  const { pk, sk, hash, signedAt, signature, certificatePem } = item as Record<string, string>;
  return { tenantId: pk?.slice(exportsOf('').length), sequence: Number(sk?.slice(signedHeadPrefix.length)), hash, signedAt, signature: signature as unknown, certificatePem } as SignedHead;
}
