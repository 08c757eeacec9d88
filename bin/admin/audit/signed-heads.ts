import { isDeepStrictEqual } from 'node:util';
import type { ChainLink, SignedHead } from '../../../lambdas/authority/chain-link.ts';
import type { AuditInspection } from '../../../lambdas/aws/audit-inspection.ts';
import { readSignedHead, signedHeadItem, signedHeadPrefix } from '../../../lambdas/aws/chain-items.ts';
import type { Attestation } from './attestation.ts';
import type { Findings } from './findings.ts';

/** A tenant's signed heads, in their order, those that were there at the beginning. */
export interface SignedHeads {
  /** Compares with the link those that are of its number, or of one before it. */
  holdAgainst(link: ChainLink): Promise<void>;
  /** The next one, looked at for itself; undefined behind the last. */
  next(): Promise<SignedHead | undefined>;
  /** The number of the last. */
  readonly through: number;
}

const headsAtOnce = 100;

export async function openSignedHeads(tenantId: string, { inspection, attestation, findings }: { inspection: AuditInspection; attestation: Attestation; findings: Findings }): Promise<SignedHeads> {
  const last = await inspection.lastSignedHead(tenantId);
  const through = last?.['sk'] as string | undefined;
  let after = signedHeadPrefix;
  let waiting: SignedHead[] = [];
  let isEnd = through === undefined;

  async function peek(): Promise<SignedHead | undefined> {
    if (waiting.length === 0 && !isEnd) {
      const items = await inspection.signedHeads(tenantId, after, through ?? '', headsAtOnce);
      isEnd = items.length < headsAtOnce;
      after = (items.at(-1)?.['sk'] as string | undefined) ?? after;
      waiting = items.map((item) => {
        const head = readSignedHead(item);
        const problem = attestation.problemOf(head) ?? (isDeepStrictEqual(item, signedHeadItem(head)) ? undefined : 'Attributes of it were altered, added or removed');
        if (problem !== undefined) findings.add(`signed head ${head.sequence}`, problem);
        return head;
      });
    }
    return waiting[0];
  }

  async function next(): Promise<SignedHead | undefined> {
    await peek();
    return waiting.shift();
  }

  return {
    through: last === undefined ? 0 : readSignedHead(last).sequence,
    next,
    async holdAgainst(link) {
      for (let head = await peek(); head !== undefined && head.sequence <= link.sequence; head = await peek()) {
        waiting.shift();
        if (head.sequence < link.sequence) findings.add(`signed head ${head.sequence}`, 'The link that was signed is missing');
        else if (head.hash !== link.hash) findings.add(`signed head ${head.sequence}`, `The hash that was signed at ${head.signedAt} is not that of link ${link.sequence}: what goes before was altered since`);
      }
    },
  };
}
