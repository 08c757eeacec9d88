import { isDeepStrictEqual } from 'node:util';
import { chainFollower, type ChainFollower } from '../../../lambdas/authority/chain-check.ts';
import { genesis, type ChainPosition } from '../../../lambdas/authority/chain-link.ts';
import type { AuditInspection } from '../../../lambdas/aws/audit-inspection.ts';
import { chainHeadItem, chainLinkItem, chainMarkItem, readChainHead, readChainLink, sequenceKey } from '../../../lambdas/aws/chain-items.ts';
import { readAuditEntry, type Item } from '../../../lambdas/aws/items.ts';
import type { Findings } from './findings.ts';
import type { SignedHeads } from './signed-heads.ts';

const linksAtOnce = 1000;
/** Of twelve digits. */
const greatestSequence = 999_999_999_999;

export interface ChainWalk {
  readonly tenantId: string;
  readonly inspection: AuditInspection;
  readonly signedHeads: SignedHeads;
  /** Positions that are noted elsewhere and have to be of this chain, by where. */
  readonly noted: ReadonlyMap<string, ChainPosition>;
  readonly findings: Findings;
  readonly progress: (links: number, all: number) => void;
}

/**
 * Walks a tenant's chain as it is now, from its first link to its head, and holds against it the entries, the marks, the
 * head, the signed heads, and what was noted of exports. Reads each of them once.
 * @returns how many links there are.
 */
export async function walkChain(walk: ChainWalk): Promise<number> {
  const { tenantId, inspection, signedHeads, noted, findings, progress } = walk;
  const headItem = await inspection.head(tenantId);
  const head = readHead(tenantId, headItem, findings);
  const through = head?.sequence ?? greatestSequence;
  const follower = chainFollower(genesis);
  const positions = new Map([...noted].filter(([, { sequence }]) => sequence > 0));
  let links = 0;
  for (let after = '0';;) {
    const items = await inspection.links(tenantId, after, through, linksAtOnce);
    await lookAt(items, walk, follower, positions);
    links += items.length;
    const last = items.at(-1);
    if (last === undefined || items.length < linksAtOnce) break;
    after = last['sk'] as string;
    progress(links, through);
  }
  const { position } = follower;
  if (head === undefined && links > 0) findings.add('head', `The head is missing, and there are ${links} links`);
  if (head !== undefined && position.sequence < head.sequence) findings.add(`link ${position.sequence + 1}`, `${head.sequence - position.sequence === 1 ? 'The link is' : `The links from here to the head, number ${head.sequence}, are`} missing`);
  else if (head !== undefined && position.hash !== head.hash) findings.add('head', `The head’s hash is not that of link ${position.sequence}: one of the two was altered`);
  if (head !== undefined) await lookBehind(walk, head);
  for (const [where, { sequence }] of positions) findings.add(where, `It was noted as number ${sequence}, which the chain does not have: its tail was cut off`);
  for (let signed = await signedHeads.next(); signed !== undefined; signed = await signedHeads.next()) {
    findings.add(`signed head ${signed.sequence}`, `The chain ends at number ${position.sequence}, and went to ${signed.sequence} when that was signed at ${signed.signedAt}: its tail was cut off`);
  }
  return links;
}

function readHead(tenantId: string, item: Item | undefined, findings: Findings): ChainPosition | undefined {
  const head = readChainHead(item);
  if (head === undefined) return undefined;
  if (Number.isInteger(head.sequence) && head.sequence > 0 && head.sequence <= greatestSequence && isDeepStrictEqual(item, chainHeadItem(tenantId, head))) return head;
  findings.add('head', 'The head is not as it was written: attributes of it were altered, added or removed');
  return Number.isInteger(head.sequence) && head.sequence > 0 ? head : undefined;
}

async function lookAt(items: readonly Item[], { inspection, signedHeads, findings }: ChainWalk, follower: ChainFollower, noted: Map<string, ChainPosition>): Promise<void> {
  const links = items.map(readChainLink);
  const [entryItems, marks] = await Promise.all([inspection.entriesOf(links), inspection.marksOf(links.map(({ entryId }) => entryId))]);
  for (const [index, link] of links.entries()) {
    const where = `link ${link.sequence}`;
    const faults = follower.follow({ link, entry: readAuditEntry(entryItems[index]) });
    for (const { sequence, problem } of faults) findings.add(`link ${sequence}`, problem);
    if (!isDeepStrictEqual(items[index], chainLinkItem(link)) && faults.length === 0) findings.add(where, 'Attributes of the link were altered, added or removed');
    if (!isDeepStrictEqual(marks[index], chainMarkItem(link)) && faults.length === 0) {
      findings.add(where, marks[index] === undefined ? `The mark of its entry ${link.entryId}, that it is chained, was removed` : `The mark of its entry ${link.entryId} is of another link, so it was altered or the entry is chained twice`);
    }
    for (const [whose, position] of noted) {
      if (position.sequence > link.sequence) continue;
      noted.delete(whose);
      if (position.sequence < link.sequence || position.hash !== link.hash) findings.add(whose, `It was noted as number ${position.sequence} with another hash than link ${position.sequence} has: one of the two was altered`);
    }
    await signedHeads.holdAgainst(link);
  }
}

/** Nothing is behind the head but what was chained meanwhile. */
async function lookBehind({ tenantId, inspection, findings }: ChainWalk, head: ChainPosition): Promise<void> {
  const [item] = await inspection.links(tenantId, sequenceKey(head.sequence), greatestSequence, 1);
  if (item === undefined) return;
  const { sequence } = readChainLink(item);
  const now = readChainHead(await inspection.head(tenantId));
  if (now === undefined || now.sequence < sequence) findings.add('head', `The head is number ${head.sequence}, and there is a link ${sequence}: the head was put back`);
}
