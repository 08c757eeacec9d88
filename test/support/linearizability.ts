/*
 * Whether what several clients saw of one object could have been seen of an object that does one thing after the other:
 * M. P. Herlihy, J. M. Wing, "Linearizability: a correctness condition for concurrent objects", TOPLAS 12(3), 1990.
 *
 * The search is that of J. M. Wing and C. Gong ("Testing and verifying concurrent objects", JPDC 17, 1993) with the memory of G. Lowe
 * ("Testing for linearizability", 2017): the same operations done, in whatever order, with the same state after them, are gone into once.
 * Objects that have nothing to do with one another are checked one by one, for a history is linearizable where that of each object is.
 */

/** What one client did, as it saw it. */
export interface Operation<Action> {
  readonly action: Action;
  /** When it was sent and when it was answered, in milliseconds of one clock. */
  readonly invokedAt: number;
  /** `Infinity` where no answer came: it may have been done at any time since it was sent, or may never be. */
  readonly returnedAt: number;
}

export interface SequentialModel<State, Action> {
  readonly initial: State;
  /** What the object may be after the action, with the answer that was seen; nothing where that answer was impossible. */
  readonly step: (state: State, action: Action) => readonly State[];
  /** Whether the action changes nothing, whatever the state. It can then be taken as soon as it fits, and need not be tried elsewhere. */
  readonly isRead?: (action: Action) => boolean;
}

export type Verdict<State, Action> =
  | { readonly linearizable: true; readonly order: readonly Operation<Action>[] }
  /** The longest order that could be found, what the object was after it, and what could have come next and did not fit. */
  | { readonly linearizable: false; readonly longest: readonly Operation<Action>[]; readonly state: State; readonly stuckAt: readonly Operation<Action>[] };

/** A history so undecided is a mistake of the test's, which asks for too much at once. */
const mostConfigurations = 500_000;

/**
 * Looks for an order of the operations in which each was done between its invocation and its return, and each answer is the one that
 * the model gives.
 * @throws Error where that cannot be decided with reasonable effort
 */
export function checkLinearizability<State, Action>(model: SequentialModel<State, Action>, history: readonly Operation<Action>[]): Verdict<State, Action> {
  const operations = [...history].sort((one, other) => one.invokedAt - other.invokedAt);
  const certain = operations.reduce((bits, { returnedAt }, index) => (returnedAt === Infinity ? bits : bits | bit(index)), 0n);
  const { step, isRead = () => false } = model;
  const seen = new Set<string>();
  const order: Operation<Action>[] = [];
  let best: { longest: readonly Operation<Action>[]; state: State; stuckAt: readonly Operation<Action>[] } = { longest: [], state: model.initial, stuckAt: [] };

  /** Those not done that nothing else not done has to come before: sent before any other of them was answered. */
  function candidates(done: bigint): number[] {
    const found: number[] = [];
    let firstReturn = Infinity;
    for (const [index, { invokedAt, returnedAt }] of operations.entries()) {
      if ((done & bit(index)) !== 0n) continue;
      if (invokedAt > firstReturn) break;
      firstReturn = Math.min(firstReturn, returnedAt);
      found.push(index);
    }
    return found.filter((index) => (operations[index] as Operation<Action>).invokedAt <= firstReturn);
  }

  function search(done: bigint, state: State): boolean {
    if ((done & certain) === certain) return true;
    const configuration = `${done.toString(36)} ${JSON.stringify(state)}`;
    if (seen.has(configuration)) return false;
    if (seen.add(configuration).size > mostConfigurations) throw new Error(`Of ${operations.length} operations it could not be decided whether they are linearizable: too many of them are concurrent.`);
    const next = candidates(done);
    if (order.length >= best.longest.length) best = { longest: [...order], state, stuckAt: next.map((index) => operations[index] as Operation<Action>) };
    const tryWith = (index: number): boolean => {
      const operation = operations[index] as Operation<Action>;
      order.push(operation);
      if (step(state, operation.action).some((after) => search(done | bit(index), after))) return true;
      order.pop();
      return false;
    };
    // A read that fits here fits, and what comes after it does not know of it: if the rest cannot be done from here, it cannot be done before it either.
    const read = next.find((index) => isRead((operations[index] as Operation<Action>).action) && step(state, (operations[index] as Operation<Action>).action).length > 0);
    return read === undefined ? next.some(tryWith) : tryWith(read);
  }

  return search(0n, model.initial) ? { linearizable: true, order } : { linearizable: false, ...best };
}

const bit = (index: number) => 1n << BigInt(index);
