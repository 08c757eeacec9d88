import { lines, list, type describeStack, type Statement } from './described-stack.ts';
import { nameOf } from './wildcards.ts';

const introduction = `# Permissions

What each function may do, as the synthesized policies say it; written by \`npm run permissions\`, and held to the stack by
\`test/lib/permissions.test.ts\`. Beside this each function writes into its own log group (\`logs:CreateLogStream\`,
\`logs:PutLogEvents\`). What follows from it, and from the policies of keys, is asked in \`test/lib/authorization.test.ts\`; that it
is enough, and what of it is rarely needed, in \`test/api/permissions-in-use.test.ts\`. What somebody could do who took a function
over is in [security-model.md](security-model.md#who-may-do-what-functions).

A condition reads: the key, the operator, the values. "keys in" is \`ForAllValues:StringLike\` on \`dynamodb:LeadingKeys\`, the
partition keys of [lambdas/schema.ts](../lambdas/schema.ts). \`dynamodb:EnclosingOperation … TransactWriteItems\` allows it as a part
of a transaction alone. No action has a \`*\`; each resource with a \`*\` has its reason beside it.
`;

type DescribedStack = ReturnType<typeof describeStack>;

/** docs/permissions.md: for each function the actions, on which resources, under which conditions, and then the policies of the stack's keys. */
export function permissionTable(stack: DescribedStack): string {
  const functions = [...stack.functions.keys()].sort();
  const keys = ['ca-root', 'ca-issuing', 'ca-ocsp', 'ca-attestation', 'webhooks'] as const;
  return [
    introduction,
    '## Functions\n',
    table(['function', 'actions', 'resource', 'conditions', 'why `*`'], functions.flatMap((name) => rowsOf(stack, name))),
    '## Keys\n',
    'What the policies of the service’s own keys say. An account that is allowed something lets its IAM policies decide; a denial\nholds for everybody. The policy of an agent’s key is in `lambdas/aws/key-management.ts`.\n',
    table(['key', 'says'], keys.flatMap((role) => lines(stack.key(role).Properties['KeyPolicy'].Statement as Statement[], stack.render).map((line) => [`\`${role}\``, code(line)]))),
  ].join('\n');
}

function rowsOf(stack: DescribedStack, name: string): string[][] {
  const wildcards = stack.wildcards(name);
  const rows = stack.statementsOf(name)
    .flatMap(({ Effect, Action, Resource, Condition }) => list(Resource).map((resource) => {
      const actions = list(Action);
      const [line = ''] = lines([{ Effect, Action, Resource: resource, ...(Condition && { Condition }) }], stack.render);
      const [, conditions = ''] = line.split(/ on [^,]*(?:, |$)/);
      const reasons = wildcards.filter((wildcard) => wildcard.resource === nameOf(resource) && wildcard.actions.some((action) => actions.includes(action))).map(({ reason }) => reason);
      return [`\`${name}\``, actions.sort().map(code).join(' '), code(stack.render(resource)), conditions === '' ? '' : conditions.split(', ').map(code).join(', '), [...new Set(reasons)].join(' ')];
    }))
    .filter(([, , resource]) => resource !== code('<own logs>'))
    .sort((one, other) => (one.join() < other.join() ? -1 : 1));
  return rows.length > 0 ? rows : [[`\`${name}\``, '', '', '', '']];
}

const code = (text: string) => `\`${text}\``;
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) => [row(head), row(head.map(() => '---')), ...rows.map(row), ''].join('\n');
