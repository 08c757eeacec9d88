import { canonicalJson } from '../pki/canonical-json.ts';
import type { AuditEntry } from './audit.ts';
import type { ChainedEntry } from './chain-check.ts';
import { entryStatement, headStatement, type SignedHead } from './chain-link.ts';

/* What is exported of a chain, and under which names (docs/audit-trail.md): read by others without us, so it never changes. */

/** Numbers of twelve digits, so that the objects of a tenant are listed in the order of its chain. */
const digits = (sequence: number) => String(sequence).padStart(12, '0');

/** Where all of a tenant's objects are. */
export const exportFolder = (tenantId: string) => `audit/${tenantId}/`;

export const partPath = (tenantId: string, first: number, last: number) => `${exportFolder(tenantId)}${digits(first)}-${digits(last)}.jsonl`;
export const headPath = (tenantId: string, sequence: number) => `${exportFolder(tenantId)}${digits(sequence)}.head.json`;

/** What an object's name says it is; undefined where it is none of an export's. */
export function readPath(tenantId: string, path: string): { readonly first?: number; readonly last: number } | undefined {
  const [, first, last, head] = /^(?:(\d{12})-(\d{12})\.jsonl|(\d{12})\.head\.json)$/.exec(path.slice(exportFolder(tenantId).length)) ?? [];
  return head !== undefined ? { last: Number(head) } : last !== undefined ? { first: Number(first), last: Number(last) } : undefined;
}

/** A line for each link with its entry, in the canonical form of RFC 8785. */
export function exportedLines(chained: readonly ChainedEntry[]): Uint8Array {
  const lines = chained.map(({ link: { sequence, previousHash, entryHash, hash }, entry }) => {
    if (entry === undefined) throw new TypeError('A link without its entry cannot be exported.');
    return canonicalJson({ sequence, previous_hash: previousHash, entry_hash: entryHash, hash, entry: entryStatement(entry) });
  });
  return Buffer.concat(lines.flatMap((line) => [line, newLine]));
}

const newLine = Uint8Array.of(0x0a);

/**
 * Reads an exported line back.
 * @throws Error where it is not, octet for octet, as exportedLines writes it.
 */
export function readExportedLine(line: string): ChainedEntry & { readonly entry: AuditEntry } {
  const { sequence, previous_hash: previousHash, entry_hash: entryHash, hash, entry: statement } = JSON.parse(line) as ExportedLine;
  const { id, tenant_id: tenantId, event_type: eventType, actor_type: type, actor_id: actorId, description, affected_id: affectedId, metadata, created_at: createdAt } = statement;
  const entry: AuditEntry = { id, tenantId, eventType, actor: { type, id: actorId }, description, affectedId, metadata, createdAt };
  const chained = { link: { tenantId, sequence, entryId: id, entryCreatedAt: createdAt, entryHash, previousHash, hash }, entry };
  if (!Buffer.from(exportedLines([chained])).equals(Buffer.from(`${line}\n`))) throw new Error('The line is not as it was exported.');
  return chained;
}

interface ExportedLine {
  readonly sequence: number;
  readonly previous_hash: string;
  readonly entry_hash: string;
  readonly hash: string;
  readonly entry: ReturnType<typeof entryStatement>;
}

/** The statement, its signature in base64, and the certificate that the signature verifies with, in JSON. */
export function exportedHead(head: SignedHead): Uint8Array {
  const { signature, certificatePem } = head;
  const object = { statement: headStatement(head), signature: Buffer.from(signature).toString('base64'), algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', certificate_pem: certificatePem };
  return new TextEncoder().encode(`${JSON.stringify(object, null, 2)}\n`);
}
