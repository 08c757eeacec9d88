import { renderTable } from '../admin/table.ts';

export interface Steps {
  /** Does something, and says how long it took; throws what it throws. A text that it answers is said with it. */
  step<Value>(title: string, work: () => Promise<Value>): Promise<Value>;
  /** Says why something is not done. */
  skip(title: string, why: string): void;
  /** All of them, and how each went. */
  table(): string[];
}

interface Row {
  readonly title: string;
  readonly seconds: number;
  readonly outcome: 'ok' | 'FAILED' | 'skipped';
}

export function createSteps(write: (line: string) => void): Steps {
  const rows: Row[] = [];
  const note = (row: Row) => {
    rows.push(row);
    if (row.outcome !== 'skipped') write(`${row.seconds.toFixed(1).padStart(6)} s  ${row.outcome === 'ok' ? '' : `${row.outcome}: `}${row.title}`);
  };
  return {
    async step(title, work) {
      const startedAt = performance.now();
      const seconds = () => (performance.now() - startedAt) / 1000;
      try {
        const value = await work();
        note({ title: typeof value === 'string' && value !== '' ? `${title}: ${value}` : title, seconds: seconds(), outcome: 'ok' });
        return value;
      } catch (error) {
        note({ title, seconds: seconds(), outcome: 'FAILED' });
        throw error;
      }
    },
    skip(title, why) {
      write(`SKIPPED   ${title}: ${why}`);
      note({ title, seconds: 0, outcome: 'skipped' });
    },
    table: () => [
      ...renderTable(rows.map(({ title, seconds, outcome }) => [outcome, outcome === 'skipped' ? '' : seconds.toFixed(1), title]), { header: ['', 'SECONDS', 'STEP'], rightAligned: [1] }),
      `${rows.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(1)} s in all`,
    ],
  };
}
