import { parseArgs } from 'node:util';
import { commands, type Command, type CommandOptions } from './commands.ts';
import { UsageError } from './failures.ts';

const optionTypes = {
  name: { type: 'string' },
  scopes: { type: 'string' },
  expires: { type: 'string' },
  agent: { type: 'string' },
  tenant: { type: 'string' },
  test: { type: 'boolean' },
  grace: { type: 'string' },
  status: { type: 'string' },
  limit: { type: 'string' },
  url: { type: 'string' },
  'key-env': { type: 'string' },
  'dry-run': { type: 'boolean' },
  concurrency: { type: 'string' },
  all: { type: 'boolean' },
  table: { type: 'string' },
  'risk-table': { type: 'string' },
  bucket: { type: 'string' },
  queues: { type: 'string' },
  export: { type: 'boolean' },
  'audit-bucket': { type: 'string' },
  deployment: { type: 'string' },
  reason: { type: 'string' },
  plan: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const ofEveryCommand: readonly string[] = ['table', 'json', 'help'];

export interface Invocation {
  readonly command: Command;
  readonly operand: string;
  readonly options: CommandOptions;
  readonly table: string | undefined;
  readonly json: boolean;
}

/**
 * Reads the command line; undefined where it asks for help.
 * @throws UsageError where there is no such command, or an operand or option is missing, unknown or too many.
 */
export function readArguments(args: readonly string[]): Invocation | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  if (positionals.length === 0) throw new UsageError(`Say what to do: ${Object.keys(commands).join(', ')}.`);
  const [group = '', verb = '', ...operands] = positionals;
  const name = `${group} ${verb}`.trim();
  const command = commands[name];
  if (command === undefined) throw new UsageError(`There is no command "${name}": it is one of ${Object.keys(commands).join(', ')}.`);

  const { insteadOfOperand } = command;
  const replaced = insteadOfOperand !== undefined && values[insteadOfOperand] === true;
  const operandsWanted = command.operand === undefined || replaced ? 0 : 1;
  if (operands.length !== operandsWanted) {
    throw new UsageError(command.operand === undefined
      ? `"${name}" takes nothing but options.`
      : `"${name}" takes exactly one ${command.operand}${insteadOfOperand === undefined ? ', in quotes if it has spaces' : `, or --${insteadOfOperand} instead`}.`);
  }
  const foreign = Object.keys(values).find((option) => !ofEveryCommand.includes(option) && !(command.options as readonly string[]).includes(option));
  if (foreign !== undefined) throw new UsageError(`"${name}" has no option --${foreign}.`);
  const missing = command.required.find((option) => values[option] === undefined);
  if (missing !== undefined) throw new UsageError(`"${name}" needs --${missing}.`);

  const { table, json = false, help: _, ...options } = values;
  return { command, operand: operands[0] ?? '', options, table, json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionTypes, allowPositionals: true });
  } catch (error) {
    // Node's own words name the option; only their first sentence is about it.
    throw new UsageError(`${(error as Error).message.split('. ')[0] ?? ''}.`);
  }
}
