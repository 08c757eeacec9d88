import { sideBySide } from '../authority/side-by-side.ts';

/** The items in parts of at most `size`, in their order: what AWS takes in one request. */
export function partsOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

const partsAtOnce = 4;

/**
 * Sends the items in parts of at most `size`, some of them at once.
 * @param send answers for each item of a part, in their order, what AWS had against it; if it throws, none was taken
 * @returns how each went, in the order of `items`. One that failed may have been taken all the same, its answer lost.
 */
export async function sendInParts<Item>(items: readonly Item[], size: number, send: (part: readonly Item[]) => Promise<readonly (Error | undefined)[]>): Promise<PromiseSettledResult<void>[]> {
  const parts = partsOf(items, size);
  const outcomes = await sideBySide(parts, partsAtOnce, send);
  return outcomes.flatMap((outcome, index) => (parts[index] ?? []).map((_, position): PromiseSettledResult<void> => {
    const reason: unknown = outcome.status === 'rejected' ? outcome.reason : outcome.value[position];
    return reason === undefined ? { status: 'fulfilled', value: undefined } : { status: 'rejected', reason };
  }));
}
