import { createContext, Script } from 'node:vm';
import fc from 'fast-check';

/*
 * Fuzzing goes by these variables, so that what a run has found can be found again:
 *   FUZZ_SEED and FUZZ_PATH repeat a failure, as its message says.
 *   FUZZ_SECONDS has each property go on that long, however many inputs that takes (npm run fuzz); without it the number of inputs is fixed.
 */

export interface FuzzingOptions {
  /** Inputs of one property where no time is set. */
  readonly runs: number;
  /** What must be over by then, found or not, so that a slow machine does not wait for the rest. */
  readonly atMostSeconds: number;
}

/** How fast-check is to go about one property. A failure says how to repeat it. */
export function fuzzing<Ts>({ runs, atMostSeconds }: FuzzingOptions): fc.Parameters<Ts> {
  const { FUZZ_SEED, FUZZ_PATH, FUZZ_SECONDS } = process.env;
  const seconds = numberOf('FUZZ_SECONDS', FUZZ_SECONDS);
  const seed = numberOf('FUZZ_SEED', FUZZ_SEED);
  return {
    numRuns: seconds === undefined ? runs : Number.MAX_SAFE_INTEGER,
    // What is interrupted has failed only if something was found by then.
    interruptAfterTimeLimit: (seconds ?? atMostSeconds) * 1000,
    ...(seed !== undefined && { seed }),
    ...(FUZZ_PATH && { path: FUZZ_PATH }),
    reporter: (details) => {
      if (!details.failed) return;
      const { seed: foundWith, counterexamplePath, errorInstance } = details;
      const path = counterexamplePath === null ? '' : ` FUZZ_PATH=${counterexamplePath}`;
      const found = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
      throw new Error(`${found}\n\nRepeat this with FUZZ_SEED=${foundWith}${path} and this test alone (-t).\n${fc.defaultReportMessage(details)}`, { cause: errorInstance });
    },
  };
}

/** How long a test around one property may take, in milliseconds: Jest is to wait for what fast-check ends by itself. */
export function fuzzingTimeout({ atMostSeconds }: Pick<FuzzingOptions, 'atMostSeconds'>): number {
  return ((numberOf('FUZZ_SECONDS', process.env['FUZZ_SECONDS']) ?? atMostSeconds) + 60) * 1000;
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`${name} is "${text}", which is no number.`);
  return value;
}

const callee: { call?: () => unknown } = {};
const context = createContext(callee);
const script = new Script('call()');

/**
 * Calls a function that waits for nothing, and ends it where it goes on for longer: a loop without end fails the test, and does not
 * hang it. Throws what the function throws.
 */
export function endingWithin<Result>(milliseconds: number, call: () => Result): Result {
  callee.call = call;
  return script.runInContext(context, { timeout: milliseconds }) as Result;
}
