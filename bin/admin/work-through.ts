/** Each item waits for the network most of the time. */
const defaultWidth = 8;

const reportMilliseconds = 5_000;

/**
 * Does `work` on every item, several at once, and answers the results in the items' order. The first failure ends it: what
 * has not been begun then is not begun any more, and what has been is brought to its end.
 * @param progress is told every five seconds how many items are done.
 * @param width so many items are worked on at once
 */
export async function workThrough<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>, progress?: (done: number) => void, width = defaultWidth): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  let done = 0;
  let reportAt = performance.now() + reportMilliseconds;
  let failed = false;
  async function worker(): Promise<void> {
    for (const [index, item] of waiting) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
      done += 1;
      if (progress === undefined || performance.now() < reportAt) continue;
      reportAt = performance.now() + reportMilliseconds;
      progress(done);
    }
  }
  const endings = await Promise.allSettled(Array.from({ length: width }, worker));
  const failure = endings.find((ending) => ending.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results;
}
