import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { NotDone } from '../failures.ts';
import { faultyLine, readCsv } from './csv.ts';

/** What the columns of one row mean, or what is wrong with them. */
export type RowReading<Order> = { readonly id: string; readonly order: Order } | { readonly fault: string };

/** The columns that a file may have, and how a row is read from them. */
export interface RowFormat<Order> {
  /** Exactly one of each group has to be there. */
  readonly required: readonly (readonly string[])[];
  readonly optional: readonly string[];
  /** @param row by column; what an absent column would hold is undefined */
  readonly read: (row: Readonly<Record<string, string | undefined>>) => RowReading<Order>;
}

export interface BulkRow<Order> {
  /** Counted from 1, below the header. */
  readonly number: number;
  /** Of the agent or certificate that it is about. */
  readonly id: string;
  readonly order: Order;
}

export interface BulkFile<Order> {
  /** Hexadecimal SHA-256 of its bytes. */
  readonly hash: string;
  readonly rows: readonly BulkRow<Order>[];
}

/**
 * Reads the whole file before anything is done with any of it.
 * @throws NotDone naming the line, where there is anything wrong
 */
export async function readBulkFile<Order>(file: string, format: RowFormat<Order>): Promise<BulkFile<Order>> {
  const bytes = await contentOf(file);
  const [header, ...records] = readCsv(textOf(bytes, file), file);
  if (header === undefined) throw new NotDone(`${file} is empty: its first line names the columns, ${columnsOf(format)}.`);
  const names = header.fields.map((name) => name.trim().toLowerCase());
  const fault = headerFault(names, format);
  if (fault !== undefined) throw faultyLine(file, header.line, `${fault}; the columns are ${columnsOf(format)}`);
  if (records.length === 0) throw new NotDone(`${file} has no row below its header, so there is nothing to do.`);

  const lineOfId = new Map<string, number>();
  const rows = records.map(({ line, fields }, index) => {
    if (fields.length !== names.length) throw faultyLine(file, line, `it has ${fields.length} fields where the header has ${names.length}`);
    const reading = format.read(Object.fromEntries(names.map((name, column) => [name, fields[column]?.trim()])));
    if ('fault' in reading) throw faultyLine(file, line, reading.fault);
    const before = lineOfId.get(reading.id);
    if (before !== undefined) throw faultyLine(file, line, `${reading.id} stands on line ${before} already, and must not be there twice`);
    lineOfId.set(reading.id, line);
    return { number: index + 1, ...reading };
  });
  return { hash: createHash('sha256').update(bytes).digest('hex'), rows };
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new NotDone(`${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

/** Without the byte order mark that spreadsheets put before it. */
function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new NotDone(`${file} is not UTF-8: save it as such. Nothing was done.`, { cause: error });
  }
}

function headerFault(names: readonly string[], { required, optional }: RowFormat<unknown>): string | undefined {
  const unknown = names.find((name) => ![...required.flat(), ...optional].includes(name));
  if (unknown !== undefined) return `there is no column "${unknown}"`;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `the column ${twice} stands there twice`;
  const group = required.find((choices) => choices.filter((name) => names.includes(name)).length !== 1);
  return group && `the header needs ${group.length === 1 ? `the column ${group[0]}` : `one of the columns ${group.join(' and ')}, and not both`}`;
}

const columnsOf = ({ required, optional }: RowFormat<unknown>) =>
  [...required.map((choices) => choices.join(' or ')), ...optional.map((name) => `${name} (optional)`)].join(', ');
