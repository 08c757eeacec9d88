export interface EventLoopWatch {
  /** Whether the thread has had more to do than time for a while now: what arrives then waits unseen. */
  isBehind(): boolean;
  stop(): void;
}

const tickMilliseconds = 20;

// Late once is a long list that was signed, or a processor lent to somebody else; late again and again is load.
const lateTicks = 3;

/** Watches how late the thread is with what was due at a certain time. */
export function watchEventLoop(boundMilliseconds: number): EventLoopWatch {
  let dueAt = performance.now() + tickMilliseconds;
  let lateInARow = 0;
  const timer = setInterval(() => {
    const time = performance.now();
    lateInARow = time - dueAt > boundMilliseconds ? lateInARow + 1 : 0;
    dueAt = time + tickMilliseconds;
  }, tickMilliseconds);
  timer.unref();
  return {
    isBehind: () => lateInARow >= lateTicks,
    stop: () => clearInterval(timer),
  };
}
