import type { AuditEntry } from './audit.ts';
import { entryHashOf, linkHashOf, type ChainLink, type ChainPosition } from './chain-link.ts';

/** A link as it was read, with the entry that it is the link of; undefined where that is not there. */
export interface ChainedEntry {
  readonly link: ChainLink;
  readonly entry: AuditEntry | undefined;
}

/** What does not hold about a chain, and at which of its numbers. */
export interface ChainFault {
  readonly sequence: number;
  /** A sentence without its full stop. */
  readonly problem: string;
}

export interface ChainFollower {
  /** Looks at the next link there is: what does not hold about it, or about what should have come before. */
  follow(chained: ChainedEntry): ChainFault[];
  /** The link that was looked at last. */
  readonly position: ChainPosition;
}

/**
 * Follows a chain from a position that is known to hold, and computes every hash anew. A fault is told once, where it is:
 * behind it the chain is followed on as it stands.
 */
export function chainFollower(from: ChainPosition): ChainFollower {
  let position = from;
  /** What the next link has to name as the hash before its own; undefined where that link is missing or was altered. */
  let previousHash: string | undefined = from.hash;
  return {
    get position() {
      return position;
    },
    follow({ link, entry }) {
      const faults: ChainFault[] = [];
      const { sequence } = link;
      const expected = position.sequence + 1;
      if (sequence > expected) {
        faults.push({ sequence: expected, problem: sequence - expected === 1 ? 'The link is missing' : `The links from here to ${sequence - 1} are missing` });
        previousHash = undefined;
      } else if (sequence !== expected) {
        return [{ sequence: position.sequence, problem: 'There is another link of this number, under another key' }];
      }
      const computed = linkHashOf(link);
      if (computed !== link.hash) {
        faults.push({ sequence, problem: 'The link was altered: its hash is not that of what it says' });
      } else if (previousHash !== undefined && link.previousHash !== previousHash) {
        faults.push({ sequence, problem: `The link does not follow number ${sequence - 1}: one of the two was altered or replaced` });
      }
      // What a link says of its entry counts only if the link holds.
      if (computed === link.hash) faults.push(...entryFaults(link, entry));
      position = { sequence, hash: link.hash };
      previousHash = computed === link.hash ? computed : undefined;
      return faults;
    },
  };
}

function entryFaults({ sequence, entryId, entryCreatedAt, entryHash }: ChainLink, entry: AuditEntry | undefined): ChainFault[] {
  const name = `The entry ${entryId} of ${entryCreatedAt}`;
  if (entry === undefined) return [{ sequence, problem: `${name} was removed, or its key was altered` }];
  return hashIfAny(entry) === entryHash ? [] : [{ sequence, problem: `${name} was altered: its hash is not the one that was chained` }];
}

/** An entry that was altered may have no hash at all. */
function hashIfAny(entry: AuditEntry): string | undefined {
  try {
    return entryHashOf(entry);
  } catch {
    return undefined;
  }
}
