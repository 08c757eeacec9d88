import { DerError } from '../lambdas/pki/der-reader.ts';
import type { NotValid, Reason, Verdict } from './verdict.ts';

// A message may repeat what a counterparty sent, and ends in logs and terminals.
const UNDISPLAYABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const MESSAGE_MAX_CHARACTERS = 1000;

/** Ends a verification. It never leaves this module: verdictOf makes it the result. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: Reason;
  readonly crlUrls: readonly string[];

  constructor(reason: Reason, message: string, crlUrls: readonly string[] = []) {
    super(message.slice(0, MESSAGE_MAX_CHARACTERS).replace(UNDISPLAYABLE, '\ufffd'));
    this.reason = reason;
    this.crlUrls = crlUrls;
  }
}

/** What `prove` proves or, where it throws a {@link Refusal}, that refusal as a result. */
export async function verdictOf<Proved extends object>(prove: () => Promise<Proved>): Promise<Verdict<Proved>> {
  try {
    return { valid: true, ...(await prove()) };
  } catch (error) {
    if (error instanceof Refusal) return notValid(error);
    throw error;
  }
}

/**
 * What `read` reads.
 * @throws Refusal for `reason`, in the words of the reader, where it is not the DER it should be
 */
export function readOrRefuse<Value>(reason: Reason, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) throw new Refusal(reason, error.message);
    throw error;
  }
}

function notValid({ reason, message, crlUrls }: Refusal): NotValid {
  return { valid: false, reason, message, crlUrls };
}
