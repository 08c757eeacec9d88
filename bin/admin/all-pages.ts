import type { Page } from '../../lambdas/authority/ports.ts';
import { wholeNumber } from './option-values.ts';

/** As many records as DynamoDB reads at once by their keys. */
const pageSize = 100;

/**
 * A whole list, page after page.
 * @param limit --limit as it was given: how many to read at the most; all without it
 */
export async function allPages<Item>(limit: string | undefined, read: (page: { limit: number; cursor: string | undefined }) => Promise<Page<Item>>): Promise<Item[]> {
  const wanted = limit === undefined ? Infinity : wholeNumber('limit', limit, [1, 1_000_000]);
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: Math.min(pageSize, wanted - items.length), cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined && items.length < wanted);
  return items;
}
