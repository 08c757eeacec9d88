/** Reads on in one partition of a list, newest first. */
export type PartitionReader<Entry> = (
  /** The position that entries come behind. */
  before: string, limit: number,
) => Promise<{
  readonly entries: readonly Entry[];
  /** Where reading has come to; absent at the end of the partition. */
  readonly reached?: string;
}>;

export interface PageWanted<Entry> {
  readonly limit: number;
  /** The position that the page begins behind. */
  readonly before: string;
  readonly positionOf: (entry: Entry) => string;
  readonly isWanted: (entry: Entry) => boolean;
  /** How many entries of a partition are read at first; twice as many each time that they do not suffice. */
  readonly firstRead: number;
  /** After so many entries, wanted or not, no more are read; it is kept to but for one of each partition. */
  readonly mostLookedAt: number;
}

interface Partition<Entry> {
  readonly read: PartitionReader<Entry>;
  /** Read, wanted, and not yet on the page. */
  waiting: Entry[];
  /** What is not read yet comes behind this; undefined where nothing is left. */
  reached: string | undefined;
  nextRead: number;
}

/**
 * One page of a list that is spread over partitions, merged in descending order of position.
 *
 * Guarantee: whoever follows `next`, page by page, sees each wanted entry once that is there throughout. A page is
 * shorter than its limit, or even empty, only on the last page or where `mostLookedAt` was reached.
 */
export async function mergedPage<Entry>(readers: readonly PartitionReader<Entry>[], wanted: PageWanted<Entry>): Promise<{ entries: Entry[]; next?: string }> {
  const { limit, before, positionOf, isWanted, firstRead, mostLookedAt } = wanted;
  const partitions = readers.map((read): Partition<Entry> => ({ read, waiting: [], reached: before, nextRead: firstRead }));
  const entries: Entry[] = [];
  let lookedAt = 0;
  const readOn = async (partition: Partition<Entry>, most: number) => {
    const part = await partition.read(partition.reached ?? before, Math.min(partition.nextRead, most));
    partition.waiting = part.entries.filter(isWanted);
    partition.reached = part.reached;
    partition.nextRead *= 2;
    lookedAt += part.entries.length;
  };
  for (;;) {
    const foremost = foremostOf(partitions, positionOf);
    if (foremost === undefined) return { entries };
    const { partition: { waiting }, position } = foremost;
    if (waiting.length === 0) {
      // The next entry may be among those that are not read, so nothing behind this position can be shown.
      if (lookedAt >= mostLookedAt) return { entries, next: position };
      const dry = partitions.filter(({ waiting: left, reached }) => left.length === 0 && reached !== undefined);
      const most = Math.ceil((mostLookedAt - lookedAt) / dry.length);
      await Promise.all(dry.map((partition) => readOn(partition, most)));
    } else if (entries.length === limit) {
      return { entries, next: positionOf(entries.at(-1) as Entry) };
    } else {
      entries.push(waiting.shift() as Entry);
    }
  }
}

/** The partition that the next entry is in, or may be in as far as has been read. */
function foremostOf<Entry>(partitions: readonly Partition<Entry>[], positionOf: (entry: Entry) => string) {
  let foremost: { partition: Partition<Entry>; position: string } | undefined;
  for (const partition of partitions) {
    const [head] = partition.waiting;
    const position = head === undefined ? partition.reached : positionOf(head);
    if (position !== undefined && (foremost === undefined || position > foremost.position)) foremost = { partition, position };
  }
  return foremost;
}
