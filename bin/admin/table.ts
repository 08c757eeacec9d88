export interface TableOptions {
  readonly header?: readonly string[];
  /** Columns, counted from 0, whose cells end in line: numbers. */
  readonly rightAligned?: readonly number[];
}

/** Sets rows in columns with two spaces between them; a line for each row, without trailing spaces. */
export function renderTable(rows: readonly (readonly string[])[], { header, rightAligned = [] }: TableOptions = {}): string[] {
  const all = header === undefined ? rows : [header, ...rows];
  const widths: number[] = [];
  for (const row of all) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return all.map((row) =>
    row
      .map((cell, column) => (rightAligned.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
