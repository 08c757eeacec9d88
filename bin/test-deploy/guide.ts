import { TestFailure } from './failure.ts';

/**
 * The commands of the first shell block below a heading of a document, a line each.
 * @param heading the whole line, such as "## Deploy"
 * @throws TestFailure where there is none
 */
export function commandsUnder(heading: string, markdown: string): string[] {
  const [, section] = `\n${markdown}`.split(`\n${heading}\n`);
  const [, block] = /```sh\n(.*?)```/s.exec(section ?? '') ?? [];
  if (block === undefined) throw new TestFailure(`The documentation has no commands below "${heading}".`);
  return block.split('\n').map((line) => line.replace(/ {2,}#.*$/, '').trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * A command with what stands for something, such as <ApiUrl>, replaced by it.
 * @throws TestFailure where nothing is known for one
 */
export function fillIn(command: string, values: ReadonlyMap<string, string>): string {
  return command.replace(/<([A-Za-z ]+)>/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new TestFailure(`Nothing that was printed before says what <${name}> is in "${command}".`);
    return value;
  });
}

/** What the admin program shows by itself on a line: the id of a tenant, a key. */
export function shown(output: string): string | undefined {
  return /^ {2}(\S+)$/m.exec(output)?.[1];
}

/** The variables that a line exports; undefined where it is another command. */
export function exported(command: string): Record<string, string> | undefined {
  if (!command.startsWith('export ')) return undefined;
  const assignments = command.slice('export '.length).split(' ');
  return Object.fromEntries(assignments.map((assignment) => [assignment.split('=', 1)[0], assignment.slice(assignment.indexOf('=') + 1)]));
}
