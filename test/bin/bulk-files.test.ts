import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvLine, readCsv } from '../../bin/admin/bulk/csv.ts';
import { progressBar, startMeter } from '../../bin/admin/meter.ts';
import { admin } from './admin-program.ts';

/* What is wrong with a file is found before the API is called: nothing listens there. */
const nowhere = 'http://127.0.0.1:9/v1';
const one = '11111111-1111-4111-8111-111111111111';
const two = '22222222-2222-4222-8222-222222222222';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulk-'));
  process.env['BULK_TEST_KEY'] = 'kak_test_any';
});
afterAll(() => rm(folder, { recursive: true }));

async function bulk(verb: string, content: string | Uint8Array, ...args: string[]) {
  const file = join(folder, `${Math.random()}.csv`);
  await writeFile(file, content);
  const result = await admin('bulk', verb, file, '--url', nowhere, '--key-env', 'BULK_TEST_KEY', ...args);
  return { ...result, error: result.error.replaceAll(file, 'FILE') };
}

test.each([
  ['FILE is empty', 'certify', ''],
  ['FILE has no row below its header', 'certify', 'agent_id\r\n'],
  ['FILE, line 1: there is no column "agent"; the columns are agent_id', 'certify', `agent\n${one}\n`],
  ['FILE, line 1: the column agent_id stands there twice', 'certify', `agent_id,agent_id\n${one},${one}\n`],
  ['FILE, line 1: there is no column "11111111', 'certify', `${one}\n${two}\n`],
  ['FILE, line 3: the agent_id "x" is not a UUID', 'certify', `agent_id\n${one}\nx\n`],
  [`FILE, line 4: ${one} stands on line 2 already`, 'certify', `agent_id\n${one}\n${two}\n${one.toUpperCase()}\n`],
  ['FILE, line 2: it has 2 fields where the header has 1', 'certify', `agent_id\n${one},\n`],
  ['FILE, line 3: a field in quotes must end', 'certify', `agent_id\n${one}\n"${two}\n`],
  ['FILE, line 2: a field in quotes must end', 'certify', `agent_id\n"${one}" \n`],
  ['FILE, line 2: a field that contains a quote', 'certify', `agent_id\na"b\n`],
  ['FILE, line 2: a field that contains a quote or a carriage return', 'certify', `agent_id\n${one}\r${two}\n`],
  ['FILE is not UTF-8', 'certify', Buffer.from(`agent_id\n\xff\n`, 'latin1')],
  ['FILE, line 1: the header needs the column reason', 'revoke', `certificate_id\n${one}\n`],
  ['FILE, line 1: the header needs one of the columns certificate_id and serial_number', 'revoke', 'reason\nx\n'],
  ['FILE, line 1: the header needs one of the columns certificate_id and serial_number, and not both', 'revoke', `certificate_id,serial_number,reason\n${one},AB,x\n`],
  ['FILE, line 2: the reason must have at least 1 character', 'revoke', `certificate_id,reason\n${one},\n`],
  ['FILE, line 4: the reason_code "typo" is none of unspecified', 'revoke', `certificate_id,reason,reason_code\n${one},"two\nlines",keyCompromise\n${two},x,typo\n`],
  ['FILE, line 2: the reason_code "certificateHold" is none of', 'revoke', `certificate_id,reason,reason_code\n${one},x,certificateHold\n`],
  ['FILE, line 2: the serial_number "XY" is no serial number', 'revoke', 'serial_number,reason\nXY,x\n'],
  [`FILE, line 3: ${one} stands on line 2 already`, 'revoke', `serial_number,reason\n${one},x\n${one.replaceAll('-', '')},y\n`],
])('%s: %s %j', async (sentence, verb, content) => {
  const before = await readdir(folder);
  expect(await bulk(verb, content)).toMatchObject({ status: 1, out: '', error: expect.stringContaining(sentence) });
  // The file itself, and no report.
  expect(await readdir(folder)).toHaveLength(before.length + 1);
});

test.each([
  [2, '--concurrency is "0"', ['--concurrency', '0']],
  [2, 'no API key in $BULK_TEST_NO_KEY', ['--key-env', 'BULK_TEST_NO_KEY']],
  [2, '--url is "http://kakunin.example/v1"', ['--url', 'http://kakunin.example/v1']],
  [2, '--url is "kakunin"', ['--url', 'kakunin']],
])('%i, "%s": %j', async (status, sentence, args) => {
  expect(await bulk('certify', `agent_id\n${one}\n`, ...args)).toMatchObject({ status, out: '', error: expect.stringContaining(sentence) });
});

test('A report that is of other rows stops the run', async () => {
  const file = join(folder, 'other.csv');
  await writeFile(file, `agent_id\n${one}\n`);
  for (const report of [`row,id,outcome,status,code,certificate_id,serial,detail\r\n1,${two},certified,201,,,,\r\n`, 'something,else\r\n']) {
    await writeFile(`${file}.report.csv`, report);
    expect(await admin('bulk', 'certify', file, '--url', nowhere, '--key-env', 'BULK_TEST_KEY')).toMatchObject({ status: 1, error: expect.stringContaining('is not the report of the file as it is now') });
  }
});

test('CSV is read as RFC 4180 says, and written so that it can be read', () => {
  expect(readCsv('a,"b ""c"""\r\n\r\n"d\r\ne",\nf,g', 'x')).toEqual([
    { line: 1, fields: ['a', 'b "c"'] }, { line: 3, fields: ['d\r\ne', ''] }, { line: 5, fields: ['f', 'g'] },
  ]);
  expect(readCsv('a,', 'x')).toEqual([{ line: 1, fields: ['a', ''] }]);
  const fields = ['plain', 'a, b', 'say "so"', ''];
  expect(readCsv(csvLine(fields), 'x')).toEqual([{ line: 1, fields }]);
  expect(csvLine(['two\r\nlines'])).toBe('two lines\r\n');
});

test('A bar says how far a command has come, and is drawn over on a terminal only', () => {
  expect(progressBar({ done: 40, failed: 2, total: 120, seconds: 4 })).toBe('[##########--------------------] 40 of 120 rows, 2 failed, 8 s to go');
  expect(progressBar({ done: 3, failed: 0, total: 3, seconds: 4 })).toBe(`[${'#'.repeat(30)}] 3 of 3 rows`);
  const written = { terminal: '', pipe: '' };
  for (const to of ['terminal', 'pipe'] as const) {
    const meter = startMeter(2, { write: (text) => (written[to] += text), isTerminal: to === 'terminal' });
    meter.count(false);
    meter.count(true);
    meter.stop();
  }
  expect(written).toEqual({ terminal: `\r[${'#'.repeat(30)}] 2 of 2 rows, 1 failed\u001b[K\n`, pipe: '' });
});
