import { NotDone } from '../failures.ts';

export interface CsvRecord {
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

// A field (RFC 4180 §2), in quotes or bare, and what ends it.
const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;

/**
 * Reads CSV (RFC 4180): commas, quotes doubled within quotes, lines ended by CRLF or LF. Empty lines are none.
 * @param file its name, for sentences about it
 * @throws NotDone naming the line, where it is not CSV
 */
export function readCsv(text: string, file: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let line = 1;
  let beginsAt = 1;
  for (let position = 0; position < text.length || fields.length > 0;) {
    field.lastIndex = position;
    const match = field.exec(text);
    if (match === null) throw faultyLine(file, line, text[position] === '"' ? 'a field in quotes must end with a quote, and then a comma or the line; a quote within it is doubled' : 'a field that contains a quote or a carriage return must itself stand in quotes');
    const [whole, quoted, bare = '', end] = match;
    fields.push(quoted?.replaceAll('""', '"') ?? bare);
    position += whole.length;
    line += whole.split('\n').length - 1;
    if (end === ',') continue;
    if (fields.length > 1 || quoted !== undefined || bare !== '') records.push({ line: beginsAt, fields });
    fields = [];
    beginsAt = line;
  }
  return records;
}

/** The fields as a line of CSV. Line breaks within them become spaces, so that it is one line. */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map((value) => value.replace(/[\r\n]+/g, ' ')).map((value) => (/[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(',')}\r\n`;
}

/** That something is wrong on a line, before anything was done. */
export const faultyLine = (file: string, line: number, what: string) => new NotDone(`${file}, line ${line}: ${what}. Nothing was done.`);
