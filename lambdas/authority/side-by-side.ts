/**
 * Runs `work` on each of `items`, `atOnce` of them at a time, whatever becomes of the others.
 * @returns how each went, in the order of `items`; for `valuesOf`, where all are needed.
 */
export async function sideBySide<Item, Value>(items: Iterable<Item>, atOnce: number, work: (item: Item) => Promise<Value>): Promise<PromiseSettledResult<Value>[]> {
  const outcomes: PromiseSettledResult<Value>[] = [];
  const queue = [...items].entries();
  const worker = async () => {
    for (const [index, item] of queue) [outcomes[index] as PromiseSettledResult<Value>] = await Promise.allSettled([(async () => work(item))()]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return outcomes;
}

/**
 * What all of the work came to.
 * @throws Error that says what every failure was, where there was one.
 */
export function valuesOf<Value>(outcomes: readonly PromiseSettledResult<Value>[]): Value[] {
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (reasons.length === 1) throw reasons[0];
  if (reasons.length > 1) throw new AggregateError(reasons, [...new Set(reasons.map(messageOf))].join(' '));
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

const messageOf = (reason: unknown) => (reason instanceof Error ? reason.message : String(reason));
