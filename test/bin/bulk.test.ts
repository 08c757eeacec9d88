import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCsv } from '../../bin/admin/bulk/csv.ts';
import { certify, registerAgent, unknownId } from '../support/agents.ts';
import { openAftermath } from '../support/faults-aftermath.ts';
import { bytesOf } from '../support/faults-wire.ts';
import { keyPool } from '../support/key-pool.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { admin } from './admin-program.ts';
import { runProgram } from './program.ts';

/** What stands between the program and the API: answers itself, or has the request passed on. */
type Interference = (request: IncomingMessage, response: ServerResponse, passOn: (instead?: LostAnswer) => Promise<void>) => Promise<void>;
/** What is answered in the place of an answer that was lost. */
type LostAnswer = Readonly<{ status: number; body: string }>;

let runtime: TestRuntime;
let proxy: Server;
let url: string;
let folder: string;
let files = 0;
let interfere: Interference | undefined;
/** Of the POST requests, in their order. */
const idempotencyKeys: string[] = [];

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  folder = await mkdtemp(join(tmpdir(), 'bulk-'));
  proxy = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/v1`;
  process.env['KAKUNIN_KEY'] = runtime.keys.acme;
});
afterEach(() => {
  interfere = undefined;
  idempotencyKeys.length = 0;
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await runtime.stop();
  await rm(folder, { recursive: true });
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bytesOf(request);
  if (request.method === 'POST') idempotencyKeys.push(String(request.headers['idempotency-key']));
  const { authorization = '', 'idempotency-key': key } = request.headers;
  const passOn = async (instead?: LostAnswer) => {
    const answer = await fetch(new URL(request.url ?? '', runtime.url), {
      method: request.method ?? 'GET', headers: { authorization, 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': String(key) }) },
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    });
    if (instead !== undefined) return void response.writeHead(instead.status, { 'content-type': 'application/json' }).end(instead.body);
    const retryAfter = answer.headers.get('retry-after');
    response.writeHead(answer.status, { 'content-type': 'application/json', ...(retryAfter !== null && { 'retry-after': retryAfter }) }).end(await answer.text());
  };
  await (interfere ?? ((_request, _response, pass) => pass()))(request, response, passOn);
}

async function fileOf(header: string, rows: readonly string[]): Promise<string> {
  files += 1;
  const file = join(folder, `rows-${files}.csv`);
  await writeFile(file, [header, ...rows, ''].join('\n'));
  return file;
}

const bulk = (verb: string, file: string, ...args: string[]) => admin('bulk', verb, file, '--url', url, ...args);

/** The report's lines below its header: row, outcome, status, code. */
async function reportOf(file: string): Promise<string[]> {
  const [header, ...records] = readCsv(await readFile(`${file}.report.csv`, 'utf8'), file);
  expect(header?.fields).toEqual(['row', 'id', 'outcome', 'status', 'code', 'certificate_id', 'serial', 'detail']);
  return records.map(({ fields: [row, , outcome, status, code] }) => [row, outcome, status, code].filter(Boolean).join(' '));
}

async function agents(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number++) ids.push((await registerAgent(runtime.call)).id as string);
  return ids;
}

const certificatesOf = async (agentId: string) => (await runtime.call('GET', `/agents/${agentId}`)).body.data.certificates as { id: string; status: string; serial_number: string }[];

test('Agents are certified row by row; what fails in the middle is reported, and alone is tried again', async () => {
  const [first = '', certified = '', retired = '', last = ''] = await agents(4);
  const before = await certify(runtime.call, certified);
  await runtime.call('DELETE', `/agents/${retired}`);
  const file = await fileOf('agent_id', [first, certified, unknownId, retired, last]);
  const run = await bulk('certify', file, '--concurrency', '1');
  expect(run).toMatchObject({ status: 1, out: expect.stringContaining('Done: 2 certified, 3 failed.'), error: expect.stringMatching(/^3 rows failed: .*\n$/) });
  expect(run.out).toMatch(new RegExp(`ROW {2}ID +FAILED WITH +DETAIL\n +2 {2}${certified} {2}ACTIVE_CERTIFICATE_EXISTS .*\n +3 {2}${unknownId} {2}AGENT_NOT_FOUND .*\n +4 {2}${retired} {2}AGENT_RETIRED `));
  expect(await reportOf(file)).toEqual(['1 certified 201', '2 failed 409 ACTIVE_CERTIFICATE_EXISTS', '3 failed 404 AGENT_NOT_FOUND', '4 failed 422 AGENT_RETIRED', '5 certified 201']);
  const [issued] = await certificatesOf(first);
  expect(await readFile(`${file}.report.csv`, 'utf8')).toContain(`1,${first},certified,201,,${issued?.id},${issued?.serial_number},`);
  expect(await readFile(`${file}.report.csv`, 'utf8')).toContain(`ACTIVE_CERTIFICATE_EXISTS,${before.id},`);

  // The reason is seen to; the API would answer a repeated key with the refusal it gave.
  await runtime.call('POST', `/certificates/${before.id}/revoke`, { body: { reason: 'replaced' } });
  expect(await bulk('certify', file)).toMatchObject({ status: 1, out: expect.stringContaining('Done: 1 certified, 2 failed, 2 done by an earlier run.') });
  expect((await certificatesOf(certified)).map(({ status }) => status)).toEqual(['active', 'revoked']);
  expect(await certificatesOf(first)).toHaveLength(1);
});

test('Certificates are revoked by id or serial number, with the reasons in the audit trail; one that was revoked before is no failure', async () => {
  const ids = await agents(3);
  const certificates = await Promise.all(ids.map((id) => certify(runtime.call, id)));
  const [one, two, three] = certificates;
  await runtime.call('POST', `/certificates/${two.id}/revoke`, { body: { reason: 'earlier' } });
  const spelled = (three.serial_number.match(/../g) as string[]).join(':').toLowerCase();
  const file = await fileOf('serial_number,reason,reason_code', [`${one.serial_number},"leaked, and ""sold""",keyCompromise`, `${two.id},again,`, `${spelled},closed,cessationOfOperation`]);
  expect(await bulk('revoke', file, '--concurrency', '1')).toMatchObject({ status: 0, error: '', out: expect.stringContaining('Done: 2 revoked, 1 unchanged.') });
  expect(await reportOf(file)).toEqual(['1 revoked 200', '2 unchanged 409 CERTIFICATE_ALREADY_REVOKED', '3 revoked 200']);
  const [entry] = await openAftermath(runtime).audit(one.id).then((entries) => entries.filter(({ eventType }) => eventType === 'certificate.revoked'));
  expect(entry).toMatchObject({ actor: { type: 'api_key' }, metadata: { reason: 'leaked, and "sold"', reason_code: 'keyCompromise' } });
  expect((await runtime.call('GET', `/certificates/${two.id}`)).body.data.revocation_reason).toBe('earlier');
});

test('A dry run says what would become of each row, and changes nothing', async () => {
  const [fresh = '', certified = '', retired = ''] = await agents(3);
  const active = await certify(runtime.call, certified);
  await runtime.call('DELETE', `/agents/${retired}`);
  const toCertify = await fileOf('agent_id', [fresh, certified, retired, unknownId]);
  expect(await bulk('certify', toCertify, '--dry-run')).toMatchObject({ status: 1, out: expect.stringContaining('Nothing was done. It would be: 1 certified, 3 failed.'), error: expect.stringContaining('3 rows would fail') });
  const { out } = await bulk('certify', toCertify, '--dry-run', '--json');
  expect(JSON.parse(out)).toMatchObject({ dry_run: true, report: null, certified: 1, failed: 3, rows: [
    { row: 1, outcome: 'certified' }, { code: 'ACTIVE_CERTIFICATE_EXISTS', certificate_id: active.id }, { code: 'AGENT_RETIRED' }, { code: 'AGENT_NOT_FOUND', status: 404 },
  ] });
  const toRevoke = await fileOf('certificate_id,reason', [`${active.id},over`]);
  expect(await bulk('revoke', toRevoke, '--dry-run')).toMatchObject({ status: 0, error: '', out: 'Nothing was done. It would be: 1 revoked.\n' });
  expect(idempotencyKeys).toEqual([]);
  expect(await certificatesOf(fresh)).toEqual([]);
  expect((await certificatesOf(certified)).map(({ status }) => status)).toEqual(['active']);
  for (const file of [toCertify, toRevoke]) await expect(stat(`${file}.report.csv`)).rejects.toThrow('ENOENT');
});

test('A run that is killed in the middle is gone on with, and nothing is done twice', async () => {
  const ids = await agents(6);
  const file = await fileOf('agent_id', ids);
  // The answer to the fourth is lost with the program: done, and not reported.
  const killed = new AbortController();
  let posts = 0;
  interfere = async (_request, response, passOn) => {
    posts += 1;
    if (posts < 4) return passOn();
    await fetch(`${runtime.url}/agents/${ids[3]}/certify`, { method: 'POST', headers: { authorization: `Bearer ${runtime.keys.acme}`, 'idempotency-key': idempotencyKeys.at(-1) ?? '' }, body: '{}' });
    killed.abort();
    response.destroy();
  };
  const run = await runProgram('bin/admin.ts', ['bulk', 'certify', file, '--url', url, '--concurrency', '1'], { kill: killed.signal });
  expect(run).toMatchObject({ status: undefined, stdout: '' });
  expect(await reportOf(file)).toEqual(['1 certified 201', '2 certified 201', '3 certified 201']);
  expect((await certificatesOf(ids[3] ?? '')).map(({ status }) => status)).toEqual(['active']);
  const sent = [...idempotencyKeys];
  // What was being written when it ended is no report of a row.
  await writeFile(`${file}.report.csv`, `5,${ids[4]},certi`, { flag: 'a' });

  interfere = undefined;
  expect(await bulk('certify', file, '--concurrency', '1')).toMatchObject({ status: 0, error: '', out: expect.stringContaining('Done: 3 certified, 3 done by an earlier run.') });
  expect(await reportOf(file)).toEqual([1, 2, 3, 4, 5, 6].map((row) => `${row} certified 201`));
  expect(idempotencyKeys.slice(sent.length)).toHaveLength(3);
  expect(idempotencyKeys[sent.length]).toBe(sent[3]);
  for (const id of ids) expect((await certificatesOf(id)).map(({ status }) => status)).toEqual(['active']);
  // And once more there is nothing left.
  const third = await bulk('certify', file);
  expect(third).toMatchObject({ status: 0, out: expect.stringContaining('Done: 6 done by an earlier run.') });
});

test('Throttling and outages are waited out as long as the API says, with the same key', async () => {
  const [id = ''] = await agents(1);
  const times: number[] = [];
  interfere = async (_request, response, passOn) => {
    times.push(performance.now());
    const status = { 1: 429, 2: 503 }[times.length];
    if (status === undefined) return passOn();
    response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' }).end('{"error":"Later.","code":"LATER"}');
  };
  expect(await bulk('certify', await fileOf('agent_id', [id]))).toMatchObject({ status: 0, error: '' });
  expect(times).toHaveLength(3);
  expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1900);
  expect(new Set(idempotencyKeys).size).toBe(1);
});

test('A row that an earlier request is still at is waited for', async () => {
  const [id = ''] = await agents(1);
  let posts = 0;
  interfere = async (_request, response, passOn) => {
    posts += 1;
    if (posts > 1) return passOn();
    response.writeHead(409, { 'content-type': 'application/json', 'retry-after': '1' }).end('{"error":"Still running.","code":"REQUEST_IN_PROGRESS"}');
  };
  expect(await bulk('certify', await fileOf('agent_id', [id]))).toMatchObject({ status: 0 });
});

test('What would fail with every row ends the run and is reported of none', async () => {
  const ids = await agents(3);
  const file = await fileOf('agent_id', ids);
  const { key } = JSON.parse((await admin('key', 'create', runtime.tenants[0]?.id ?? '', '--name', 'reader', '--scopes', 'agents:read', '--json')).out) as { key: string };
  process.env['BULK_READER_KEY'] = key;
  const run = await bulk('certify', file, '--key-env', 'BULK_READER_KEY', '--concurrency', '1');
  expect(run).toMatchObject({ status: 1, out: '', error: expect.stringMatching(/lacks the scope certificates:issue.* \(403 FORBIDDEN\) By then 0 of 3 rows had their outcome/) });
  expect(idempotencyKeys).toHaveLength(1);
  expect(await reportOf(file)).toEqual([]);
  expect((await bulk('certify', file)).status).toBe(0);
  expect(await reportOf(file)).toHaveLength(3);
});

test('So does an API that is somewhere else', async () => {
  const file = await fileOf('agent_id', await agents(3));
  const elsewhere = await admin('bulk', 'certify', file, '--url', url.replace(/v1$/, ''), '--concurrency', '1');
  expect(elsewhere).toMatchObject({ status: 1, out: '', error: expect.stringMatching(/nothing at this path.* \(404 NOT_FOUND\) By then 0 of 3 rows/) });
  expect(await reportOf(file)).toEqual([]);
});

test('A row that the service failed on is tried again by the next run', async () => {
  const [one = '', two = ''] = await agents(2);
  const file = await fileOf('agent_id', [one, two]);
  interfere = async (request, response, passOn) => {
    if (!request.url?.includes(one)) return passOn();
    response.writeHead(504, { 'content-type': 'application/json' }).end('{"message":"Endpoint request timed out"}');
  };
  expect(await bulk('certify', file, '--concurrency', '1')).toMatchObject({ status: 1, out: expect.stringContaining('1 certified, 1 failed') });
  interfere = undefined;
  expect(await bulk('certify', file)).toMatchObject({ status: 0, out: expect.stringContaining('1 certified, 1 done by an earlier run') });
});

test('A row that was done, but answered by a time-out, is found done by the next run', async () => {
  const [id = ''] = await agents(1);
  const file = await fileOf('agent_id', [id]);
  interfere = (_request, _response, passOn) => passOn({ status: 504, body: '{"message":"Endpoint request timed out"}' });
  expect((await bulk('certify', file)).status).toBe(1);
  interfere = undefined;
  expect(await bulk('certify', file)).toMatchObject({ status: 0, out: expect.stringContaining('1 certified') });
  expect(await reportOf(file)).toEqual(['1 failed 504 UNEXPECTED_ANSWER', '1 certified 201']);
  expect(await certificatesOf(id)).toHaveLength(1);
});
