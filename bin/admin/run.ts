import { accessRegistry } from '../../lambdas/aws/access.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { dynamodbRegistry } from '../../lambdas/aws/registry.ts';
import { readArguments } from './arguments.ts';
import { explain, UsageError } from './failures.ts';
import { usage } from './usage.ts';

/** Where text goes. */
export interface Writer {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

/**
 * Runs one command against the registry that the SDK's environment leads to.
 * @returns the exit status: 0 done, 1 not done, 2 not understood; anything but 0 with one sentence written to `error`.
 */
export async function runAdmin(args: readonly string[], environment: Readonly<Record<string, string | undefined>>, { out, error }: Writer): Promise<0 | 1 | 2> {
  let table = environment['REGISTRY_TABLE'] || 'kakunin-registry';
  try {
    const invocation = readArguments(args);
    if (invocation === undefined) {
      out(usage);
      return 0;
    }
    const { command, operand, options, json } = invocation;
    table = invocation.table ?? table;
    const services = { access: accessRegistry(dynamodb(), table), registry: dynamodbRegistry(dynamodb(), table), now: new Date() };
    const outcome = await command.run(services, operand, options);
    out(json ? `${JSON.stringify(outcome.json, null, 2)}\n` : `${outcome.lines.join('\n')}\n`);
    return 0;
  } catch (failure) {
    const usageFailure = failure instanceof UsageError;
    error(`${explain(failure, { table, environment })}${usageFailure ? ' See npm run admin -- --help.' : ''}\n`);
    return usageFailure ? 2 : 1;
  }
}
