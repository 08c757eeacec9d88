import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeCrlFiles } from './crl/files.ts';
import { opensslIn, type OpensslCrl } from './crl/openssl.ts';
import type { Bench, Row } from './harness/bench.ts';
import { median, rounded } from './harness/statistics.ts';

const defaultEntries = 100_000;
const runsAtLeast = 5;
const target = { timesFaster: 10, megabytes: 300 };

/** A CRL joined from stored entries, beside openssl's from the same ones; then one ten times as long. */
export const crl: Bench = {
  summary: `time and memory of a CRL of ${defaultEntries} entries beside openssl's, and of ten times as many`,
  async run({ seconds, count = defaultEntries, signal }) {
    const compared = await inDirectory(count, (directory) => compare(directory, { count, seconds, signal }));
    const long = await inDirectory(10 * count, async (directory) => {
      const measured = await joinEntries(directory, signal);
      return row(10 * count, [measured], await readBackCount(await opensslIn(directory, signal), 10 * count), '');
    });
    return [{ title: 'A CRL from stored entries', rows: [...compared.rows, long], remarks: [...compared.remarks, ...remarks] }];
  },
};

interface Joined {
  readonly milliseconds: number;
  readonly peakBytes: number;
  readonly crlBytes: number;
}

/** Both sides by turns, so that what else the machine does meets both. */
async function compare(directory: string, { count, seconds, signal }: { count: number; seconds: number; signal: AbortSignal }): Promise<{ rows: Row[]; remarks: string[] }> {
  const openssl = await opensslIn(directory, signal);
  const ours: Joined[] = [];
  const theirs: number[] = [];
  const startedAt = performance.now();
  while (ours.length < runsAtLeast || performance.now() - startedAt < seconds * 1000) {
    ours.push(await joinEntries(directory, signal));
    const generated = await openssl?.generate();
    if (generated === undefined) continue;
    theirs.push(generated.milliseconds);
    if (!(await readFile(join(directory, 'ours.crl'))).equals(generated.crl)) throw new Error('The CRL is not byte for byte the one that openssl makes of the same entries.');
  }
  // The least of each: what else the machine did only ever adds.
  const timesFaster = Math.min(...theirs) / Math.min(...ours.map(({ milliseconds }) => milliseconds));
  const megabytes = Math.max(...ours.map(({ peakBytes }) => peakBytes)) / 1e6;
  const verdicts = [
    ...(openssl === undefined ? [] : [verdict(`${target.timesFaster} times openssl`, timesFaster >= target.timesFaster, `${rounded(timesFaster)}`)]),
    verdict(`< ${target.megabytes} MB`, megabytes < target.megabytes),
  ];
  // The targets are for lists of this length; the process itself outweighs a short one.
  const ourRow = row(count, ours, await readBackCount(openssl, count), count < defaultEntries ? '' : verdicts.join('; '));
  return openssl === undefined
    ? { rows: [ourRow], remarks: ['openssl is not installed here, so there is nothing to compare with and nobody else who reads the list.'] }
    : {
        rows: [ourRow, { ...ourRow, by: 'openssl ca -gencrl', measured: theirs.length, p50_ms: rounded(median(theirs)), least_ms: rounded(Math.min(...theirs)), peak_mb: '', openssl_reads: '', targets: '' }],
        remarks: ['Both lists are the same, byte for byte. openssl starts from its text database; what it takes for an empty list, its start and one signature, is taken off.'],
      };
}

const remarks = [
  'Ours: from entries in memory, each an array of its own, to the list, signed by the same RSA-3072 key as openssl’s; each time in a new process, so not warmed up. Reading them from DynamoDB is not in it.',
  'peak_mb is the most that process ever held (maximum resident set size), Node and the entries included.',
];

const verdict = (wanted: string, met: boolean, was?: string) => `${wanted}: ${was === undefined ? '' : `${was}, `}${met ? 'met' : 'missed'}`;

function row(entries: number, joined: readonly Joined[], opensslReads: number | '', targets: string): Row {
  const times = joined.map(({ milliseconds }) => milliseconds);
  return {
    entries, by: 'this service', measured: joined.length, p50_ms: rounded(median(times)), least_ms: rounded(Math.min(...times)),
    peak_mb: rounded(Math.max(...joined.map(({ peakBytes }) => peakBytes)) / 1e6), crl_mb: rounded((joined[0]?.crlBytes ?? NaN) / 1e6), openssl_reads: opensslReads, targets,
  };
}

async function readBackCount(openssl: OpensslCrl | undefined, count: number): Promise<number | ''> {
  const read = await openssl?.readBack('ours.crl');
  if (read !== undefined && read !== count) throw new Error(`openssl reads ${read} entries in a CRL of ${count}.`);
  return read ?? '';
}

async function joinEntries(directory: string, signal: AbortSignal): Promise<Joined> {
  const program = fileURLToPath(new URL('crl/join.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, directory], { signal });
  return JSON.parse(stdout) as Joined;
}

async function inDirectory<Result>(count: number, act: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'kakunin-bench-'));
  try {
    await writeCrlFiles(directory, count);
    return await act(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
