import { parseArgs } from 'node:util';
import { benches } from '../benches.ts';

const alone = Object.keys(benches).filter((name) => benches[name]?.alone !== undefined);

/** What --help prints. */
export const usage = `Measures the service on this machine: in memory, and, but for load, in one process with the requests it is sent.

  npm run bench [-- <name>… [--seconds <n>] [--concurrency <n>] [--count <n>] [--docs] [--json]]

${Object.entries(benches).map(([name, { summary }]) => `  ${name.padEnd(17)}  ${summary}\n`).join('')}
  --seconds <n>      how long each measurement goes on (3)
  --concurrency <n>  how many requests are under way at once (8)
  --count <n>        how many entries or certificates, for crl (100000) and drain (10000)
  --docs             has load write its figures into docs/load.md and docs/load.svg
  --json             nothing but the JSON

Without a name it measures everything but ${alone.join(' and ')}, each of which runs alone. Progress goes to standard error; tables and then one line of
JSON with the same figures go to standard output.
`;

/** The command line was not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface BenchArguments {
  readonly names: readonly string[];
  readonly seconds: number;
  readonly concurrency: number;
  readonly count?: number;
  readonly writeDocs: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** Reads the command line. Throws UsageError. */
export function readArguments(args: readonly string[]): BenchArguments {
  const { values, positionals } = parse(args);
  const unknown = positionals.find((name) => !Object.hasOwn(benches, name));
  if (unknown !== undefined) throw new UsageError(`There is no bench "${unknown}": it is one of ${Object.keys(benches).join(', ')}.`);
  const names = Object.keys(benches).filter((name) => (positionals.length === 0 ? !alone.includes(name) : positionals.includes(name)));
  const solitary = names.length > 1 ? names.find((name) => alone.includes(name)) : undefined;
  if (solitary !== undefined) throw new UsageError(`The bench "${solitary}" runs alone: name no other beside it.`);
  return {
    names,
    seconds: numberOf('seconds', values.seconds, (value) => value > 0 && value <= 600),
    concurrency: numberOf('concurrency', values.concurrency, (value) => Number.isInteger(value) && value > 0 && value <= 1000),
    ...(values.count !== undefined && { count: numberOf('count', values.count, (value) => Number.isInteger(value) && value > 0 && value <= 1_000_000) }),
    writeDocs: values.docs,
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '3' },
        concurrency: { type: 'string', default: '8' },
        count: { type: 'string' },
        docs: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0] ?? ''}.`);
  }
}

function numberOf(option: string, text: string, fits: (value: number) => boolean): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!fits(value)) throw new UsageError(`--${option} is "${text}", which is no such number.`);
  return value;
}
