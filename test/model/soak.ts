import fc from 'fast-check';
import { programs, type Program } from './program.ts';
import { runProgram, type Findings, type Stage } from './round.ts';

export interface SoakOptions {
  /** Of the first program; each further one has the next number. */
  readonly seed: number;
  /** Until so many seconds have passed, or so many programs have been run. */
  readonly seconds: number;
  readonly programs: number;
  /** Which part of the program, as a failure said; with it there is one program only. */
  readonly path?: string | undefined;
  /** How often each program is run: what depends on who comes first does not fail every time. */
  readonly repeat: number;
  /** How long a failure is looked into for a smaller program that fails too. */
  readonly shrinkSeconds: number;
  /** Ends it after the program that is under way. */
  readonly signal?: AbortSignal;
}

export interface Failure {
  readonly seed: number;
  /** Of the smallest program that failed, within that of the seed. */
  readonly path: string;
  readonly program: Program;
  readonly error: unknown;
  /** How many programs had been run when the first one failed, itself included. */
  readonly after: number;
}

/**
 * Runs programs until time is over, or one fails.
 * @param onProgram told after each how many there were
 * @returns the failure, if there is one
 */
export async function soak(stage: Stage, options: SoakOptions, findings: Findings, onProgram: (count: number) => void = () => undefined): Promise<Failure | undefined> {
  const endsAt = performance.now() + options.seconds * 1000;
  let count = 0;
  const goesOn = () => performance.now() < endsAt && options.signal?.aborted !== true;
  for (let seed = options.seed; count < options.programs * options.repeat && goesOn(); seed++) {
    for (let time = 0; time < options.repeat && goesOn(); time++) {
      count++;
      const failure = await runOne(stage, seed, options, findings);
      if (failure !== undefined) return { ...failure, after: count };
      onProgram(count);
    }
  }
  return undefined;
}

async function runOne(stage: Stage, seed: number, { path, shrinkSeconds }: SoakOptions, findings: Findings): Promise<Omit<Failure, 'after'> | undefined> {
  let shrinksUntil = Infinity;
  const property = fc.asyncProperty(programs, async (program) => {
    // A smaller program that passes may have been lucky; one that fails is a failure in any case.
    if (performance.now() > shrinksUntil) return;
    try {
      await runProgram(stage, program, findings);
    } catch (error) {
      if (shrinksUntil === Infinity) shrinksUntil = performance.now() + shrinkSeconds * 1000;
      throw error;
    }
  });
  const details = await fc.check(property, { seed, numRuns: 1, unbiased: true, endOnFailure: shrinkSeconds === 0, ...(path !== undefined && { path }) });
  if (!details.failed || details.counterexample === null) return undefined;
  return { seed, path: details.counterexamplePath ?? '0', program: details.counterexample[0], error: details.errorInstance };
}
