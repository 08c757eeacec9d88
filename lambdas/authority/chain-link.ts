import { createHash } from 'node:crypto';
import { canonicalJson } from '../pki/canonical-json.ts';
import type { AuditEntry } from './audit.ts';

/*
 * How a tenant's audit entries are chained. Others verify it without us (docs/audit-trail.md), and what was signed cannot be
 * signed differently: what is hashed here, and in which form, never changes.
 */

/** An entry's place in its tenant's chain. Hashes are SHA-256, in lower-case hexadecimal. */
export interface ChainLink {
  readonly tenantId: string;
  /** Counted from 1 without a gap. */
  readonly sequence: number;
  readonly entryId: string;
  /** So that a link says when its entry was written even if the entry is gone. */
  readonly entryCreatedAt: string;
  readonly entryHash: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** How far a chain goes, or was looked at. */
export type ChainPosition = Pick<ChainLink, 'sequence' | 'hash'>;

/** Before the first link. */
export const genesis: ChainPosition = { sequence: 0, hash: '0'.repeat(64) };

/** What of an entry is hashed, which is all of it, in the words of the API. */
export function entryStatement({ id, tenantId, eventType, actor, description, affectedId, metadata, createdAt }: AuditEntry) {
  return {
    id,
    tenant_id: tenantId,
    event_type: eventType,
    actor_type: actor.type,
    actor_id: actor.id,
    description,
    affected_id: affectedId,
    metadata,
    created_at: createdAt,
  };
}

/** What of a link is hashed: all of it but the hash itself. */
export function linkStatement({ tenantId, sequence, entryId, entryCreatedAt, entryHash, previousHash }: Omit<ChainLink, 'hash'>) {
  return { tenant_id: tenantId, sequence, entry_id: entryId, entry_created_at: entryCreatedAt, entry_hash: entryHash, previous_hash: previousHash };
}

/** @throws Error where the entry has no canonical form (RFC 8785 §3.2.2.2), which nothing that came in as JSON text lacks. */
export const entryHashOf = (entry: AuditEntry): string => sha256(entryStatement(entry));

export const linkHashOf = (link: Omit<ChainLink, 'hash'>): string => sha256(linkStatement(link));

/** The link of `entry`, whose hash is `entryHash`, behind `previous`. */
export function nextLink(previous: ChainPosition, { id, tenantId, createdAt }: AuditEntry, entryHash: string): ChainLink {
  const link = { tenantId, sequence: previous.sequence + 1, entryId: id, entryCreatedAt: createdAt, entryHash, previousHash: previous.hash };
  return { ...link, hash: linkHashOf(link) };
}

/** The attestation authority's word for how far a tenant's chain went at a time. */
export interface SignedHead extends ChainPosition {
  readonly tenantId: string;
  readonly signedAt: string;
  /** Over the canonical form of `headStatement`. */
  readonly signature: Uint8Array;
  /** With which the signature verifies. */
  readonly certificatePem: string;
}

/** What is signed of a head, in its canonical form (RFC 8785). */
export function headStatement({ tenantId, sequence, hash, signedAt }: Omit<SignedHead, 'signature' | 'certificatePem'>) {
  return { tenant_id: tenantId, sequence, hash, signed_at: signedAt };
}

const sha256 = (statement: object): string => createHash('sha256').update(canonicalJson(statement)).digest('hex');
