import { appendFile, readFile, truncate } from 'node:fs/promises';
import { NotDone } from '../failures.ts';
import type { RowResult } from './action.ts';
import { csvLine, readCsv } from './csv.ts';
import type { BulkRow } from './rows.ts';

/*
 * Beside the file, what became of each of its rows: a line as each is finished. A later run reads from it what is done, and
 * how often a row was refused. Where a run was killed between the service's answer and the line, the row is sent once more
 * with the same Idempotency-Key, and answered the same.
 */

const columns = ['row', 'id', 'outcome', 'status', 'code', 'certificate_id', 'serial', 'detail'];

export interface Report {
  readonly file: string;
  isDone(row: BulkRow<unknown>): boolean;
  /** How often the row was refused. What came to a 5xx was not: it may have been done all the same. */
  refusals(row: BulkRow<unknown>): number;
  /** Writes its header, so that nothing is done that could not be reported. Throws NotDone where it cannot be written. */
  begin(): Promise<void>;
  add(row: BulkRow<unknown>, result: RowResult): Promise<void>;
}

/**
 * What earlier runs have reported, if there were any; nothing is written before `begin`.
 * @throws NotDone where the report is of other rows than these, or none of ours.
 */
export async function openReport(bulkFile: string, rows: readonly BulkRow<unknown>[]): Promise<Report> {
  const file = `${bulkFile}.report.csv`;
  const written = await contentOf(file);
  // A line that was cut short was never reported.
  const whole = written.slice(0, written.lastIndexOf('\n') + 1);
  const done = new Set<string>();
  const refusals = new Map<string, number>();
  const [header, ...records] = readCsv(whole, file);
  if (header !== undefined && header.fields.join() !== columns.join()) throw notOurs(file, header.line);
  for (const { line, fields: [number, id = '', outcome, status] } of records) {
    if (rows[Number(number) - 1]?.id !== id) throw notOurs(file, line);
    if (outcome !== 'failed') done.add(id);
    else if (Number(status) < 500) refusals.set(id, (refusals.get(id) ?? 0) + 1);
  }
  return {
    file,
    isDone: ({ id }) => done.has(id),
    refusals: ({ id }) => refusals.get(id) ?? 0,
    async begin() {
      try {
        if (written.length > whole.length) await truncate(file, Buffer.byteLength(whole));
        await appendFile(file, header === undefined ? csvLine(columns) : '');
      } catch (error) {
        throw new NotDone(`${file} cannot be written: ${(error as Error).message}. Nothing was done.`, { cause: error });
      }
    },
    async add({ number, id }, { outcome, status, code, certificateId, serialNumber, detail }) {
      await appendFile(file, csvLine([String(number), id, outcome, String(status), code ?? '', certificateId ?? '', serialNumber ?? '', detail]));
    },
  };
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new NotDone(`${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

const notOurs = (file: string, line: number) =>
  new NotDone(`${file}, line ${line}: this is not the report of the file as it is now. Move the report away, or give the file another name. Nothing was done.`);
