import type { CommandOptions, Outcome, Services } from '../commands.ts';
import { NotDone } from '../failures.ts';
import { wholeNumber } from '../option-values.ts';
import { renderTable } from '../table.ts';
import { workThrough } from '../work-through.ts';
import type { BulkAction, RowResult } from './action.ts';
import { apiOf, callForRow } from './call.ts';
import { certification } from './certify.ts';
import { openReport } from './report.ts';
import { revocation } from './revoke.ts';
import { readBulkFile, type BulkRow } from './rows.ts';

const defaultConcurrency = '4';
/** What stands in the report in any case is shown so far. */
const shownRows = 20;

type Finished = RowResult & Pick<BulkRow<unknown>, 'number' | 'id'>;

/** Certifies the agents of a file. */
export const bulkCertify = (services: Services, file: string, options: CommandOptions) => bulk(certification, services, file, options);

/** Revokes the certificates of a file. */
export const bulkRevoke = (services: Services, file: string, options: CommandOptions) => bulk(revocation, services, file, options);

/**
 * Does the action to every row that the file's report does not say is done, and reports each; in a dry run only reads what
 * would become of it. A row that fails leaves the others alone; what would fail with every row ends the run.
 */
async function bulk<Order>(action: BulkAction<Order>, services: Services, file: string, options: CommandOptions): Promise<Outcome> {
  const concurrency = wholeNumber('concurrency', options.concurrency ?? defaultConcurrency, [1, 64]);
  const isDry = options['dry-run'] === true;
  const api = apiOf(options, services.environment);
  const { hash, rows } = await readBulkFile(file, action.format);
  const report = await openReport(file, rows);
  const due = rows.filter((row) => !report.isDone(row));

  // The same again until the row is refused, whoever runs it and however often: a refusal is answered again under its key.
  const keyOf = (row: BulkRow<Order>) => `bulk-${action.outcome}-${hash}-${row.number}-${report.refusals(row)}`;
  if (!isDry) await report.begin();
  const meter = services.meter(due.length);
  async function finish(row: BulkRow<Order>): Promise<Finished> {
    const { number, id, order } = row;
    const call = () => (isDry ? action.foresee(api, id, order) : action.perform(api, id, order, keyOf(row)));
    const result = await callForRow(call, (error) => action.refused(error, id));
    if (!isDry) await report.add(row, result);
    meter.count(result.outcome === 'failed');
    return { number, id, ...result };
  }
  try {
    return outcomeOf(await workThrough(due, finish, undefined, concurrency), { file, isDry, report: report.file, doneBefore: rows.length - due.length });
  } catch (error) {
    if (!(error instanceof NotDone) || isDry) throw error;
    throw new NotDone(`${error.message} By then ${meter.done} of ${counted(due.length)} had their outcome in ${report.file}: run the same again to go on.`, { cause: error });
  } finally {
    meter.stop();
  }
}

function outcomeOf(results: readonly Finished[], { file, isDry, report, doneBefore }: { file: string; isDry: boolean; report: string; doneBefore: number }): Outcome {
  const outcomes = ['certified', 'revoked', 'unchanged', 'failed'] as const;
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, results.filter((result) => result.outcome === outcome).length]));
  const told = outcomes.filter((outcome) => counts[outcome]).map((outcome) => `${counts[outcome]} ${outcome}`);
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const hidden = failed.length - shownRows;
  return {
    json: { file, dry_run: isDry, report: isDry ? null : report, done_before: doneBefore, ...counts, rows: results.map(rowJson) },
    lines: [
      `${isDry ? 'Nothing was done. It would be' : 'Done'}: ${[...told, ...(doneBefore > 0 ? [`${doneBefore} done by an earlier run`] : [])].join(', ')}.`,
      ...(failed.length === 0 ? [] : ['', ...renderTable(failed.slice(0, shownRows).map(({ number, id, code, detail }) => [String(number), id, code ?? '-', detail]), { header: ['ROW', 'ID', 'FAILED WITH', 'DETAIL'], rightAligned: [0] })]),
      ...(hidden > 0 ? [`and ${hidden} more`] : []),
      ...(isDry ? [] : ['', `What became of each row: ${report}`]),
    ],
    ...(failed.length > 0 && {
      undone: isDry
        ? `${counted(failed.length)} would fail: see to the reasons first, or leave them to fail alone.`
        : `${counted(failed.length)} failed: see to the reasons, then run the same again; what is done is not done twice.`,
    }),
  };
}

const rowJson = ({ number, id, outcome, status, code, certificateId, serialNumber, detail }: Finished) =>
  ({ row: number, id, outcome, status, code: code ?? null, certificate_id: certificateId ?? null, serial: serialNumber ?? null, detail });

const counted = (count: number) => `${count} row${count === 1 ? '' : 's'}`;
