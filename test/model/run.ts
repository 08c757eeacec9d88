// npm run test:soak: many clients at once, for as long as one likes, held against the model.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { AgentModel } from './agent-model.ts';
import { failureReport, invariantsReport, startReport } from './report.ts';
import { openStage, violationsAtTheEnd } from './round.ts';
import { soak } from './soak.ts';

const usage = `Has several clients do everything there is to do with agents at the same time, with faults on the wire in a third of the programs, and
holds what they saw against a model of one agent that does one thing after the other (test/model/agent-model.ts).

  npm run test:soak [-- --seconds <n>] [--seed <n>] [--programs <n>] [--path <path>] [--repeat <n>] [--shrink-seconds <n>] [--model <file>]

  --seconds <n>    how long it goes on (60; SOAK_SECONDS)
  --seed <n>       of the first program (by chance; SOAK_SEED); the next one has the next number
  --programs <n>   no more programs than that
  --path <path>    a part of the program, as a failure says
  --repeat <n>     how often each program is run (1)
  --shrink-seconds <n>  how long a failure is looked into for a smaller program that fails too (60)
  --model <file>   exports another agentModel to hold the service against: to see that a difference is found, and found again
`;

const { env } = process;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: 'string', default: env['SOAK_SECONDS'] ?? '60' }, seed: { type: 'string', default: env['SOAK_SEED'] ?? String(Date.now() % 1_000_000_000) }, programs: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
        path: { type: 'string' }, model: { type: 'string' }, repeat: { type: 'string', default: '1' }, 'shrink-seconds': { type: 'string', default: '60' }, help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const number = (name: 'seconds' | 'seed' | 'programs' | 'repeat' | 'shrink-seconds', minimum: number) => {
      const value = Number(values[name]);
      if (!(value >= minimum) || (!name.endsWith('seconds') && !Number.isInteger(value))) throw new Error(`--${name} is "${values[name]}", which is no such number.`);
      return value;
    };
    return { help: values.help, path: values.path, model: values.model, seconds: number('seconds', 0.001), seed: number('seed', -0x8000_0000), programs: number('programs', 1), repeat: number('repeat', 1), shrinkSeconds: number('shrink-seconds', 0) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const { help, model, ...options } = readArguments();
if (help) {
  process.stdout.write(usage);
  process.exit();
}

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
const progressMilliseconds = 10_000;
const report = startReport();
process.stdout.write(`Seed ${options.seed}, for ${options.seconds} s.\n`);
const { agentModel } = (await import(pathToFileURL(model ?? `${import.meta.dirname}/agent-model.ts`).href)) as { agentModel: AgentModel };
const stage = await openStage(agentModel);
try {
  const startedAt = performance.now();
  let saidAt = startedAt;
  const failure = await soak(stage, { ...options, signal: interrupted.signal }, report, () => {
    report.programRun();
    if (performance.now() - saidAt < progressMilliseconds) return;
    saidAt = performance.now();
    const { programs, operations, histories } = report.counts;
    process.stdout.write(`${Math.round((saidAt - startedAt) / 1000)} s: ${programs} programs, ${operations} operations, ${histories} histories linearizable\n`);
  });
  if (failure === undefined) process.stdout.write(report.table());
  // After a failure they would say the same in other words, or what a broken model does not mind.
  const violations = failure === undefined ? await violationsAtTheEnd(stage) : [];
  process.stdout.write(failure === undefined ? invariantsReport(violations) : failureReport(failure, model));
  process.exitCode = failure === undefined && violations.length === 0 ? 0 : 1;
} finally {
  await stage.close();
}
