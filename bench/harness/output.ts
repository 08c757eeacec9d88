import { availableParallelism, cpus, loadavg } from 'node:os';
import { renderTable } from '../../bin/admin/table.ts';
import type { BenchContext, Report, Row } from './bench.ts';

/** Puts reports of the same title together, in the order of their first, with each remark once. */
export function merged(reports: readonly Report[]): Report[] {
  const byTitle = new Map<string, Report>();
  for (const { title, rows, remarks = [] } of reports) {
    const before = byTitle.get(title);
    byTitle.set(title, { title, rows: [...(before?.rows ?? []), ...rows], remarks: [...new Set([...(before?.remarks ?? []), ...remarks])] });
  }
  return [...byTitle.values()];
}

/** A report for people: title, table, remarks. */
export function reportText({ title, rows, remarks = [] }: Report): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = (row: Row) => columns.map((column) => String(row[column] ?? ''));
  const numbers = columns.flatMap((column, index) => (typeof rows[0]?.[column] === 'number' ? [index] : []));
  const lines = [...renderTable(rows.map(cells), { header: columns, rightAligned: numbers }), ...remarks];
  return `${title}\n\n${lines.map((line) => `  ${line}\n`).join('')}\n`;
}

/** Where and how the figures were taken, without which they mean nothing. */
export function circumstances({ seconds, concurrency }: Pick<BenchContext, 'seconds' | 'concurrency'>) {
  return {
    taken_at: new Date().toISOString(),
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    load_average: Number(loadavg()[0]?.toFixed(1)),
    seconds,
    concurrency,
  };
}
