import { canonicalJson } from '../pki/canonical-json.ts';
import type { ChainedEntry } from './chain-check.ts';
import { entryStatement, headStatement, type SignedHead } from './chain-link.ts';

/* What is exported of a chain, and under which names (docs/audit-trail.md): read by others without us, so it never changes. */

/** Numbers of twelve digits, so that the objects of a tenant are listed in the order of its chain. */
const digits = (sequence: number) => String(sequence).padStart(12, '0');

/** Where all of a tenant's objects are. */
export const exportFolder = (tenantId: string) => `audit/${tenantId}/`;

export const partPath = (tenantId: string, first: number, last: number) => `${exportFolder(tenantId)}${digits(first)}-${digits(last)}.jsonl`;
export const headPath = (tenantId: string, sequence: number) => `${exportFolder(tenantId)}${digits(sequence)}.head.json`;

/** A line for each link with its entry, in the canonical form of RFC 8785. */
export function exportedLines(chained: readonly ChainedEntry[]): Uint8Array {
  const lines = chained.map(({ link: { sequence, previousHash, entryHash, hash }, entry }) => {
    if (entry === undefined) throw new TypeError('A link without its entry cannot be exported.');
    return canonicalJson({ sequence, previous_hash: previousHash, entry_hash: entryHash, hash, entry: entryStatement(entry) });
  });
  return Buffer.concat(lines.flatMap((line) => [line, newLine]));
}

const newLine = Uint8Array.of(0x0a);

/** The statement, its signature in base64, and the certificate that the signature verifies with, in JSON. */
export function exportedHead(head: SignedHead): Uint8Array {
  const { signature, certificatePem } = head;
  const object = { statement: headStatement(head), signature: Buffer.from(signature).toString('base64'), algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', certificate_pem: certificatePem };
  return new TextEncoder().encode(`${JSON.stringify(object, null, 2)}\n`);
}
