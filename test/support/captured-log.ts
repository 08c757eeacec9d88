import { jest } from '@jest/globals';

/** One line that a function logged. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

export interface CapturedLog {
  /** Everything that was written to stdout and stderr, as it was. */
  text(): string;
  /** The same, line by line; throws where a line is no JSON object. */
  lines(): LogLine[];
  clear(): void;
}

/** Keeps what is written to stdout and stderr from now on, at the level DEBUG; to be called before any handler is loaded. */
export function captureLog(): CapturedLog {
  process.env['POWERTOOLS_LOG_LEVEL'] = 'DEBUG';
  let text = '';
  const keep = (written: unknown) => {
    text += String(written);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(keep);
  jest.spyOn(process.stderr, 'write').mockImplementation(keep);
  return {
    text: () => text,
    lines: () => text.split('\n').filter((line) => line !== '').map((line) => {
      try {
        return JSON.parse(line) as LogLine;
      } catch {
        throw new Error(`This line of the log is not JSON: ${line.slice(0, 300)}`);
      }
    }),
    clear() {
      text = '';
    },
  };
}
