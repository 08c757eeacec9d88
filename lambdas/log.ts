import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@aws-lambda-powertools/logger';

/*
 * What the functions log: one JSON object a line, with the id of the request that led to it. A line says what happened and to
 * which ids; nothing that a client sent, signed or was given is in it. docs/security-model.md#logs says what is kept out.
 */

const logger = new Logger({ serviceName: 'kakunin', jsonReplacerFn: (_, value) => (typeof value === 'string' ? printable(value) : value) });

/** Stands in every line of what a request or an invocation leads to. */
export interface LogContext {
  /** The one that the client is answered with; of a function that no client calls, Lambda's own. */
  readonly request_id: string;
  readonly tenant_id?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

// Not keys of the logger's own: locally, and in a Lambda that is told to, several requests are under way at once.
const contexts = new AsyncLocalStorage<LogContext>();

/** Runs `work`; whatever is logged by it, or by what it waits for, has `context`. */
export function logging<Result>(context: LogContext, work: () => Result): Result {
  return contexts.run(context, work);
}

export const log = {
  info(message: string, fields: Fields = {}): void {
    logger.info(message, { ...contexts.getStore(), ...fields });
  },
  /** @param cause what was thrown; of it only what `described` lets through is logged */
  error(message: string, cause: unknown, fields: Fields = {}): void {
    logger.error(message, { ...contexts.getStore(), ...fields, error: described(cause) });
  },
};

const deepestCause = 4;

/**
 * What of an error is logged. Not its other members, as Powertools has it: those of the AWS SDK's errors are whole answers and
 * items of the tables. AWS's sentence itself is kept, for nobody mends a missing permission without the ARN that it names.
 */
function described(error: unknown, depth = 0): object | undefined {
  if (error === undefined || error === null) return undefined;
  if (typeof error !== 'object') return { message: String(error) };
  const { name, message, code, stack, cause, $metadata, CancellationReasons } = error as {
    name?: string; message?: string; code?: unknown; stack?: string; cause?: unknown;
    $metadata?: { requestId?: string; httpStatusCode?: number }; CancellationReasons?: readonly { Code?: string }[];
  };
  return {
    name,
    message: message !== undefined && name === 'SyntaxError' ? withoutQuotation(message) : message,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...($metadata?.requestId !== undefined && { aws_request_id: $metadata.requestId }),
    ...($metadata?.httpStatusCode !== undefined && { http_status: $metadata.httpStatusCode }),
    ...(CancellationReasons && { cancellation_reasons: CancellationReasons.map(({ Code }) => Code) }),
    ...(stack !== undefined && { stack: framesOf(stack) }),
    ...(cause !== undefined && depth < deepestCause && { cause: described(cause, depth + 1) }),
  };
}

/** JSON.parse quotes the text that it could not read. */
const withoutQuotation = (message: string) => message.replace(/(\.{3})?".*"(\.{3})?/s, '"…"');

/** Where an error was thrown. A stack begins with the message once more. */
const framesOf = (stack: string) => /(?:\n {4}at [^\n]*)+$/.exec(stack)?.[0].slice(1) ?? '';

// Of what comes from outside, such as the keys of a record that somebody else has written, a line needs no more.
const longestText = 4_000;

/** What is made to be recognized is kept out of every line, should it ever come so far. */
const secrets = /kak_(?:live|test)_[\w-]+|whsec_[\w+/=-]+|eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)/gs;

/** What a terminal acts upon or a reader does not see: control characters but for tab and line feed, and those that turn the direction of text. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const invisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|\p{Cf}/gu;

/** The text without secrets, and with what cannot be seen spelt out. JSON escapes the line feeds that are left, so a line stays one line. */
function printable(text: string): string {
  const shown = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  return shown.replace(secrets, '[secret]').replace(invisible, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
