/** Shows how far a long command has come, as long as it runs. */
export interface Meter {
  /** One more is done. */
  count(failed: boolean): void;
  readonly done: number;
  stop(): void;
}

const barWidth = 30;
const redrawMilliseconds = 100;
const reportMilliseconds = 5_000;

/**
 * On a terminal a bar that is drawn over and over, and otherwise a line every five seconds.
 * @param write to standard error, where it does not mix with what the command has to say
 */
export function startMeter(total: number, { write, isTerminal }: { write: (text: string) => void; isTerminal: boolean }): Meter {
  const startedAt = performance.now();
  let done = 0;
  let failed = 0;
  const state = () => ({ done, failed, total, seconds: (performance.now() - startedAt) / 1000 });
  const draw = () => write(`\r${progressBar(state())}\u001b[K`);
  const timer = isTerminal ? setInterval(draw, redrawMilliseconds) : setInterval(() => write(`${progressText(state())}\n`), reportMilliseconds);
  return {
    count(hasFailed) {
      done += 1;
      if (hasFailed) failed += 1;
    },
    get done() {
      return done;
    },
    stop() {
      clearInterval(timer);
      if (!isTerminal) return;
      draw();
      write('\n');
    },
  };
}

export interface Progress {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  /** Since the start. */
  readonly seconds: number;
}

/** `[##########--------------------] 40 of 120 rows, 2 failed, 8 s to go` */
export function progressBar(progress: Progress): string {
  const filled = progress.total === 0 ? barWidth : Math.floor((barWidth * progress.done) / progress.total);
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${progressText(progress)}`;
}

/** The same without the bar. */
export function progressText({ done, failed, total, seconds }: Progress): string {
  const toGo = done > 0 && done < total ? `, ${duration((seconds / done) * (total - done))} to go` : '';
  return `${done} of ${total} rows${failed > 0 ? `, ${failed} failed` : ''}${toGo}`;
}

const duration = (seconds: number) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
