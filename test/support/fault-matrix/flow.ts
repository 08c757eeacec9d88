import type { Tables } from '../tables.ts';
import type { FaultyRuntime } from '../faults-runtime.ts';
import type { Invocations } from '../invocations.ts';
import type { Receiver } from '../receiver.ts';
import type { Reply } from '../runtime.ts';

/** What flows are run on. */
export interface Stage {
  readonly runtime: FaultyRuntime;
  readonly invocations: Invocations;
  readonly tables: Tables;
  readonly receiver: Receiver;
}

/** What came of an attempt. */
export interface Attempt {
  /** For the table: a status and code, `done`, `to come again`. */
  readonly said: string;
  /** Whether there is nothing more to be done. */
  readonly succeeded: boolean;
  readonly reply?: Reply;
}

/** One thing to run a flow on, which no other run has to do with. */
export interface Subject {
  /** Ids by which it is known in what is found out about it. */
  readonly about: readonly string[];
  /** The same each time: what a client that was not answered, a stream, a queue or the clock would do. */
  readonly attempt: (tag: string) => Promise<Attempt>;
  /** Of a refusal: whether it is true. */
  readonly isTrue?: (reply: Reply) => Promise<boolean>;
  /** What makes the next attempt possible where the last was truly told to wait. */
  readonly wait?: () => Promise<void>;
  /** Under an Idempotency-Key: how often what was asked for has been done. */
  readonly timesDone?: () => Promise<number>;
}

/** Something the service does that AWS takes part in, by one function. */
export interface Flow {
  readonly name: string;
  readonly functionName: string;
  readonly prepare: (stage: Stage) => Promise<Subject>;
  /** Others do the same at the same time, and it may give way to them before it comes to one of its calls. */
  readonly mayGiveWay?: true;
  /** What fails lastingly on the first attempt besides, so that what is then done fails as well. */
  readonly besides?: { readonly callName: string; readonly fault: string };
}

/** In a request to the API: the run that it belongs to. */
export const tagHeader = 'x-run';
