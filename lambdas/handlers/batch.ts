export interface Failure<Item> {
  readonly item: Item;
  readonly error: unknown;
}

/**
 * Acts on what the items of a batch say. One that cannot be read fails alone.
 * @param read undefined where there is nothing to act upon
 * @param act answers how each went, in the order it was given them
 * @returns the items that failed, and why
 */
export async function settled<Item, Content>(
  items: readonly Item[], read: (item: Item) => Content | undefined, act: (contents: readonly Content[]) => Promise<readonly PromiseSettledResult<void>[]>,
): Promise<Failure<Item>[]> {
  const failures: Failure<Item>[] = [];
  const readings = items.flatMap((item) => {
    try {
      const content = read(item);
      return content === undefined ? [] : [{ item, content }];
    } catch (error) {
      failures.push({ item, error });
      return [];
    }
  });
  const outcomes = await act(readings.map(({ content }) => content));
  readings.forEach(({ item }, index) => {
    const outcome = outcomes[index];
    if (outcome?.status !== 'fulfilled') failures.push({ item, error: outcome?.reason });
  });
  return failures;
}
