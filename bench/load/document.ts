import { readFile, writeFile } from 'node:fs/promises';
import { circumstances } from '../harness/output.ts';
import type { Report, Row } from '../harness/bench.ts';
import { plot } from './plot.ts';
import type { Ramp } from './ramp.ts';

const page = new URL('../../docs/load.md', import.meta.url);
const picture = new URL('../../docs/load.svg', import.meta.url);

const begin = '<!-- figures: npm run bench -- load --docs -->';
const end = '<!-- end of figures -->';

/** Puts the figures in the place of those before them in docs/load.md, and draws docs/load.svg. */
export async function writeFigures(ramps: readonly Ramp[], reports: readonly Report[]): Promise<void> {
  const text = await readFile(page, 'utf8');
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)];
  if (start === -1 || stop < start) throw new Error(`docs/load.md has no place for figures: it is between "${begin}" and "${end}".`);
  const { taken_at: takenAt, node, processor, processors, load_average: loadAverage } = circumstances({ seconds: 0, concurrency: 0 });
  const where = `Taken on ${takenAt.slice(0, 10)} with Node ${node} on ${processors} processors (${processor}), which the sender shares with the service; load average at the end ${loadAverage}.`;
  const sections = [begin, where, '![Latency by offered rate](load.svg)', ...reports.map(section), end];
  await writeFile(page, text.slice(0, start) + sections.join('\n\n') + text.slice(stop + end.length));
  await writeFile(picture, plot(ramps));
}

function section({ title, rows, remarks = [] }: Report): string {
  return [`### ${title}`, table(rows), remarks.join(' ')].join('\n\n');
}

function table(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const alignment = columns.map((column) => (typeof rows[0]?.[column] === 'number' ? '--:' : '---'));
  return [
    line(columns.map((column) => column.replaceAll('_', ' '))),
    line(alignment),
    ...rows.map((row) => line(columns.map((column) => String(row[column] ?? '')))),
  ].join('\n');
}
