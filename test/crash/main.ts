// npm run test:crash: kills the service under load, again and again, and looks for what was answered.
import { parseArgs } from 'node:util';
import { run, tableOf } from './run.ts';

// Which Node.js this runs on is the package's decision.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const usage = `Starts the service with a data directory, puts load on it, kills it at a random moment, starts it again, and looks
whether everything is there that was ever answered.

  npm run test:crash [-- --times <n>] [--seed <n>] [--clients <n>]

  --times <n>    how many times it is killed (50)
  --seed <n>     what is asked for and when it is killed; a random one, which is printed
  --clients <n>  how many ask at once (8)
`;

function readArguments() {
  try {
    const { values } = parseArgs({ options: { times: { type: 'string', default: '50' }, seed: { type: 'string' }, clients: { type: 'string', default: '8' }, help: { type: 'boolean', short: 'h', default: false } } });
    const natural = (name: string, text: string) => {
      if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
      throw new Error(`--${name} is "${text}", which is no number above 0.`);
    };
    const seed = values.seed === undefined ? 1 + Math.floor(Math.random() * 1e8) : natural('seed', values.seed);
    return { help: values.help, times: natural('times', values.times), clients: natural('clients', values.clients), seed };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const { help, ...options } = readArguments();
if (help) {
  process.stdout.write(usage);
  process.exit();
}
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
const say = (line: string) => void process.stdout.write(`${line}\n`);
say(`seed ${options.seed}`);
const outcome = await run({ ...options, say, signal: stopping.signal }).catch((error: unknown) => {
  if (!stopping.signal.aborted) throw error;
  say('Stopped.');
  process.exit(130);
});
say(`\n${tableOf(outcome).join('\n')}`);
process.exit(outcome.problems.length === 0 ? 0 : 1);
