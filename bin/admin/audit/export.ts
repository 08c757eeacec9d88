import { exportedHead, exportFolder, readExportedLine, readPath } from '../../../lambdas/authority/audit-export.ts';
import { chainFollower } from '../../../lambdas/authority/chain-check.ts';
import { genesis, type ChainLink, type ChainPosition, type SignedHead } from '../../../lambdas/authority/chain-link.ts';
import type { AuditArchiveReader } from '../../../lambdas/aws/audit-archive-reader.ts';
import type { AuditInspection } from '../../../lambdas/aws/audit-inspection.ts';
import { readChainLink, readSignedHead, sequenceKey, signedHeadPrefix } from '../../../lambdas/aws/chain-items.ts';
import type { Attestation } from './attestation.ts';
import type { Findings } from './findings.ts';

export interface ExportWalk {
  readonly tenantId: string;
  readonly inspection: AuditInspection;
  readonly archive: AuditArchiveReader;
  readonly attestation: Attestation;
  readonly findings: Findings;
  /** How far the registry says that it was exported. */
  readonly done: ChainPosition;
}

/**
 * Walks a tenant's objects, one in memory at a time: they hold a chain of their own, from the first link on, which is the registry's.
 * @returns how far they go.
 */
export async function walkExport(walk: ExportWalk): Promise<number> {
  const { tenantId, inspection, archive, findings, done } = walk;
  const follower = chainFollower(genesis);
  let signed = 0;
  /** The signed heads that the registry has behind the one before, up to this number. */
  const signedUpTo = async (sequence: number) => {
    const heads = (await inspection.signedHeads(tenantId, signedHeadKeyOf(signed), signedHeadKeyOf(sequence), mostMissing)).map(readSignedHead);
    for (const head of heads) if (head.sequence < sequence) findings.add(exportFolder(tenantId), `The signed head number ${head.sequence} is missing`);
    signed = Math.max(signed, sequence);
    return heads.find((head) => head.sequence === sequence);
  };
  for await (const path of archive.list(exportFolder(tenantId))) {
    const name = readPath(tenantId, path);
    const body = name && (await archive.read(path));
    if (name === undefined || body === undefined) {
      findings.add(path, name === undefined ? 'No export has an object of this name' : 'The object went while it was looked at');
    } else if (name.first === undefined) {
      lookAtHead(walk, { path, body, sequence: name.last, kept: await signedUpTo(name.last) }, follower.position);
    } else {
      await lookAtPart(walk, { path, body, first: name.first, last: name.last }, follower);
    }
  }
  const { sequence } = follower.position;
  if (sequence < done.sequence) findings.add(exportFolder(tenantId), `The objects from number ${sequence + 1} on, which were exported up to ${done.sequence}, are missing`);
  if (done.sequence > signed) {
    await signedUpTo(done.sequence);
    findings.add(exportFolder(tenantId), `The signed head number ${done.sequence} is missing`);
  }
  return sequence;
}

/** So many missing heads are told of at once. */
const mostMissing = 100;

const signedHeadKeyOf = (sequence: number) => `${signedHeadPrefix}${sequenceKey(sequence)}`;

async function lookAtPart({ tenantId, inspection, findings }: ExportWalk, { path, body, first, last }: { path: string; body: Uint8Array; first: number; last: number }, follower: ReturnType<typeof chainFollower>): Promise<void> {
  const own = new Map((await inspection.links(tenantId, sequenceKey(first - 1), last, last - first + 1)).map(readChainLink).map((link) => [link.sequence, link] as const));
  const lines = Buffer.from(body).toString().split('\n');
  if (lines.pop() !== '' || lines.length !== last - first + 1) findings.add(path, `It does not have the ${last - first + 1} lines that its name says`);
  let isReadable = true;
  lines.forEach((line, index) => {
    const where = `${path}, line ${index + 1}`;
    const chained = lineOf(line);
    const isBehindUnreadable = !isReadable;
    isReadable = chained?.link.tenantId === tenantId && chained.link.sequence === first + index;
    if (chained === undefined || !isReadable) return findings.add(where, 'The line was altered: it is not as it was exported');
    const faults = follower.follow(chained);
    for (const { sequence, problem } of faults) {
      if (sequence === chained.link.sequence) findings.add(where, problem);
      else if (!isBehindUnreadable) findings.add(`${path}, before line ${index + 1}`, `Link ${sequence}: ${problem}`);
    }
    const problem = differenceBetween(chained.link, own.get(chained.link.sequence));
    if (problem !== undefined && faults.length === 0) findings.add(where, problem);
  });
}

function lineOf(line: string) {
  try {
    return readExportedLine(line);
  } catch {
    return undefined;
  }
}

function differenceBetween(exported: ChainLink, own: ChainLink | undefined): string | undefined {
  if (own === undefined) return `The registry no longer has link ${exported.sequence}, of entry ${exported.entryId}`;
  return own.hash === exported.hash ? undefined : `Link ${exported.sequence} was exported with another hash, of entry ${exported.entryId}: it or something before it was altered since`;
}

/** A head is written as the registry keeps it. */
function lookAtHead({ tenantId, attestation, findings }: ExportWalk, { path, body, sequence, kept }: { path: string; body: Uint8Array; sequence: number; kept: SignedHead | undefined }, position: ChainPosition): void {
  const written = headOf(tenantId, body);
  if (written === undefined) return findings.add(path, 'It is not as a signed head is written');
  const problem = attestation.problemOf(written);
  if (problem !== undefined) findings.add(path, problem);
  else if (kept === undefined) findings.add(path, 'The registry no longer has this signed head');
  else if (!Buffer.from(exportedHead(kept)).equals(body)) findings.add(path, 'It is not the signed head that the registry has');
  if (written.sequence !== sequence || position.sequence !== sequence || position.hash !== written.hash) findings.add(path, `It was not signed for the exported link ${position.sequence}, which is the last before it`);
}

function headOf(tenantId: string, body: Uint8Array) {
  try {
    const { statement, signature, certificate_pem: certificatePem } = JSON.parse(Buffer.from(body).toString()) as {
      statement: { tenant_id: string; sequence: number; hash: string; signed_at: string }; signature: string; certificate_pem: string;
    };
    const { tenant_id, sequence, hash, signed_at: signedAt } = statement;
    const head = { tenantId: tenant_id, sequence, hash, signedAt, signature: new Uint8Array(Buffer.from(signature, 'base64')), certificatePem };
    return tenant_id === tenantId && Buffer.from(exportedHead(head)).equals(body) ? head : undefined;
  } catch {
    return undefined;
  }
}
