import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Where the demo tells its story. */
export interface Screen {
  /** A heading with the step's number. */
  step(title: string): void;
  lines(...lines: readonly string[]): void;
  good(line: string): void;
  /** A command as one would type it. */
  command(line: string): void;
}

/** Writes to a stream; in colour only for people who want it (https://no-color.org). */
export function createScreen(stream: NodeJS.WriteStream, environment: Readonly<Record<string, string | undefined>>): Screen {
  const colourful = stream.isTTY && !environment['NO_COLOR'];
  const paint = (format: Format, text: string) => (colourful ? styleText(format, text) : text);
  const write = (text: string) => void stream.write(`${text}\n`);
  let step = 0;
  return {
    step(title) {
      step += 1;
      write(`\n${paint('cyan', String(step).padStart(2))}  ${paint('bold', title)}`);
    },
    lines: (...lines) => lines.forEach((line) => write(`    ${line}`.trimEnd())),
    good: (line) => write(`    ${paint('green', line)}`),
    command: (line) => write(`    ${paint('dim', `$ ${line}`)}`),
  };
}
