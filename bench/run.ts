// npm run bench: measures the service on this machine.
import { benches } from './benches.ts';
import { readArguments, usage, UsageError } from './harness/arguments.ts';
import type { Report } from './harness/bench.ts';
import { circumstances, merged, reportText } from './harness/output.ts';
import { startService, type Service } from './harness/service.ts';

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stopping.abort());
const { signal } = stopping;
const progress = (text: string) => void process.stderr.write(text);

let service: Promise<Service> | undefined;
try {
  const { names, seconds, concurrency, count, writeDocs, json, help } = readArguments(process.argv.slice(2));
  if (help) {
    process.stdout.write(usage);
    process.exit();
  }
  const takenUnder = circumstances({ seconds, concurrency });
  const context = { service: () => (service ??= startService(signal, benches[names[0] ?? '']?.alone?.service)), seconds, concurrency, ...(count !== undefined && { count }), writeDocs, progress, signal };
  const reports: Report[] = [];
  for (const name of names) {
    progress(`${name} …`);
    const startedAt = performance.now();
    reports.push(...((await benches[name]?.run(context)) ?? []));
    progress(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  }
  const tables = merged(reports);
  if (!json) process.stdout.write(`\n${tables.map(reportText).join('')}`);
  process.stdout.write(`${JSON.stringify({ ...takenUnder, reports: tables })}\n`);
  for (const { failures = [] } of reports) for (const failure of failures) progress(`${failure}\n`);
  if (reports.some(({ failures = [] }) => failures.length > 0)) process.exitCode = 1;
} catch (error) {
  progress(`\n${signal.aborted ? 'Stopped.' : error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = signal.aborted ? 130 : error instanceof UsageError ? 2 : 1;
} finally {
  await service?.then(({ runtime }) => runtime.stop(), () => undefined);
}
process.exit();
