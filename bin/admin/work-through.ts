/** So many items are worked on at once: each waits for the network most of the time. */
const width = 8;

const reportMilliseconds = 5_000;

/**
 * Does `work` on every item, several at once, and answers the results in the items' order. The first failure ends it: what
 * has not been begun then is not begun any more.
 * @param progress is told every five seconds how many items are done.
 */
export async function workThrough<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>, progress?: (done: number) => void): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  let done = 0;
  let reportAt = performance.now() + reportMilliseconds;
  let failed = false;
  async function worker(): Promise<void> {
    for (const [index, item] of waiting) {
      if (failed) return;
      results[index] = await work(item);
      done += 1;
      if (progress === undefined || performance.now() < reportAt) continue;
      reportAt = performance.now() + reportMilliseconds;
      progress(done);
    }
  }
  try {
    await Promise.all(Array.from({ length: width }, worker));
  } finally {
    failed = true;
  }
  return results;
}
