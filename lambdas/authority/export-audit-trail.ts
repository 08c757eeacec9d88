import { canonicalJson } from '../pki/canonical-json.ts';
import { attest, type AttestationServices } from './attestation-authority.ts';
import { exportedHead, exportedLines, headPath, partPath } from './audit-export.ts';
import type { AuditArchive, AuditChainReader, AuditExports, ExportProgress } from './audit-ports.ts';
import { chainFollower } from './chain-check.ts';
import { genesis, headStatement, type ChainPosition } from './chain-link.ts';
import type { AuditChain } from './ports.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface ExportServices extends AttestationServices {
  readonly chain: Pick<AuditChain, 'getHead'>;
  readonly reader: AuditChainReader;
  readonly exports: AuditExports;
  readonly archive: AuditArchive;
  readonly clock: () => Date;
}

const tenantsAtOnce = 4;

/** Links in an object: about a megabyte. It must not change while exports are under way, for it decides which objects there are. */
const linksInPart = 1000;

/**
 * Exports what was chained since the last time, of every tenant, and signs how far the chain goes by now. Each hash is
 * computed anew on the way: of a chain that does not hold no object is written from there on, and nothing is signed.
 *
 * How far an export is to go is noted before its first object is written, so whoever takes it up after a crash, or does the
 * same at the same time, writes the same objects. Where there is nothing new, nothing is written.
 * @returns how many links of how many tenants.
 * @throws Error that says which chains do not hold, and what else failed, after all others are done.
 */
export async function exportAuditTrail(services: ExportServices): Promise<{ tenants: number; links: number }> {
  const counts = await sideBySide(await services.reader.listTenants(), tenantsAtOnce, async (tenantId) => {
    try {
      return await exportChain(services, tenantId);
    } catch (error) {
      throw new Error(`The audit trail of tenant ${tenantId} was not exported: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  });
  const exported = valuesOf(counts).filter((count) => count > 0);
  return { tenants: exported.length, links: exported.reduce((sum, count) => sum + count, 0) };
}

async function exportChain(services: ExportServices, tenantId: string): Promise<number> {
  const { exports } = services;
  const before = await exports.getProgress(tenantId);
  const started = await startedExport(services, tenantId, before);
  if (started === undefined) return 0;
  let progress = started;
  while (progress.done.sequence < progress.goal.sequence) {
    const done = await exportPart(services, tenantId, progress);
    const next = { ...progress, done };
    // Somebody else does the same, and was faster.
    if (!(await exports.noteProgress(tenantId, next, progress))) return progress.done.sequence - started.done.sequence;
    progress = next;
  }
  return progress.done.sequence - started.done.sequence;
}

/** The export that is under way, or a new one, up to where the chain goes now; undefined where there is nothing to export. */
async function startedExport({ chain, reader, exports }: ExportServices, tenantId: string, before: ExportProgress | undefined): Promise<ExportProgress | undefined> {
  const { done, goal } = before ?? { done: genesis, goal: genesis };
  const head = (await chain.getHead(tenantId)) ?? genesis;
  if (head.sequence < goal.sequence) throw new Error(`the chain ends at number ${head.sequence}, and went to ${goal.sequence} before. Look with "audit verify".`);
  if (done.sequence < goal.sequence) return before;
  if (head.sequence === done.sequence) {
    if (head.hash !== done.hash) throw new Error(`the chain’s head, number ${head.sequence}, is not the one that was exported. Look with "audit verify".`);
    return undefined;
  }
  // A goal is not taken back, so it must be one that can be reached.
  const [last] = await reader.readLinks(tenantId, { after: head.sequence - 1, through: head.sequence, limit: 1 });
  if (last?.hash !== head.hash) throw new Error(`the chain’s head, number ${head.sequence}, is not that of its last link. Look with "audit verify".`);
  const started = { done, goal: head };
  return (await exports.noteProgress(tenantId, started, before)) ? started : undefined;
}

/** Writes the next object, and after the last one the signed head; answers how far that goes. */
async function exportPart(services: ExportServices, tenantId: string, { done, goal }: ExportProgress): Promise<ChainPosition> {
  const { reader, archive } = services;
  const links = await reader.readLinks(tenantId, { after: done.sequence, through: goal.sequence, limit: linksInPart });
  const entries = await reader.readEntries(links);
  const chained = links.map((link, index) => ({ link, entry: entries[index] }));
  const follower = chainFollower(done);
  for (const each of chained) {
    const [fault] = follower.follow(each);
    if (fault !== undefined) throw new Error(`the chain does not hold at number ${fault.sequence}. ${fault.problem}. Look with "audit verify".`);
  }
  const { position } = follower;
  const isLast = position.sequence === goal.sequence;
  if (position.sequence !== Math.min(done.sequence + linksInPart, goal.sequence)) throw new Error(`the chain has no link number ${position.sequence + 1}. Look with "audit verify".`);
  if (isLast && position.hash !== goal.hash) throw new Error(`link number ${goal.sequence} is not the one that was the chain’s head when the export began. Look with "audit verify".`);
  await archive.put(partPath(tenantId, done.sequence + 1, position.sequence), exportedLines(chained), 'application/jsonl');
  if (isLast) await signHead(services, tenantId, position);
  return position;
}

/** Signs how far the chain goes, unless that was done already, and puts it behind the exported links. */
async function signHead(services: ExportServices, tenantId: string, { sequence, hash }: ChainPosition): Promise<void> {
  const { exports, archive, clock } = services;
  const unsigned = { tenantId, sequence, hash, signedAt: clock().toISOString() };
  const attestation = await attest(services, canonicalJson(headStatement(unsigned)));
  const signed = await exports.noteSignedHead({ ...unsigned, ...attestation });
  if (signed.hash !== hash) throw new Error(`the signed head number ${sequence} is of another chain. Look with "audit verify".`);
  await archive.put(headPath(tenantId, sequence), exportedHead(signed), 'application/json');
}
