import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkLinearizability, type Operation, type SequentialModel } from './linearizability.ts';

/* Histories made by hand: of a register, which holds what was written last, and of a certificate, which is revoked for ever. */

type RegisterAction = { readonly write: number } | { readonly read: number };

const register: SequentialModel<number, RegisterAction> = {
  initial: 0,
  step: (value, action) => ('write' in action ? [action.write] : action.read === value ? [value] : []),
  isRead: (action) => 'read' in action,
};

const never = Infinity;
const took = <Action>(invokedAt: number, returnedAt: number, action: Action): Operation<Action> => ({ invokedAt, returnedAt, action });
const isLinearizable = (...history: Operation<RegisterAction>[]) => checkLinearizability(register, history).linearizable;

describe('a register', () => {
  test.each<[string, boolean, Operation<RegisterAction>[]]>([
    ['nothing was done', true, []],
    ['read after write', true, [took(0, 1, { write: 1 }), took(2, 3, { read: 1 })]],
    ['stale read after write', false, [took(0, 1, { write: 1 }), took(2, 3, { read: 0 })]],
    ['read during a write sees the old value', true, [took(0, 10, { write: 1 }), took(2, 3, { read: 0 })]],
    ['read during a write sees the new value', true, [took(0, 10, { write: 1 }), took(2, 3, { read: 1 })]],
    ['new value, then the old one again', false, [took(0, 10, { write: 1 }), took(2, 3, { read: 1 }), took(4, 5, { read: 0 })]],
    ['two reads at once disagree during a write', true, [took(0, 10, { write: 1 }), took(2, 6, { read: 1 }), took(3, 5, { read: 0 })]],
    ['a value nobody wrote', false, [took(0, 1, { write: 1 }), took(0, 3, { read: 2 })]],
    ['two writes at once, seen in two orders', false, [took(0, 10, { write: 1 }), took(0, 10, { write: 2 }), took(11, 12, { read: 1 }), took(13, 14, { read: 2 })]],
    ['a lost write that was never done', true, [took(0, never, { write: 1 }), took(5, 6, { read: 0 })]],
    ['a lost write that was done much later', true, [took(0, never, { write: 1 }), took(5, 6, { read: 0 }), took(7, 8, { read: 1 })]],
    ['a lost write that is seen and then undone', false, [took(0, never, { write: 1 }), took(5, 6, { read: 1 }), took(7, 8, { read: 0 })]],
    ['a lost write that is seen before it was sent', false, [took(5, never, { write: 1 }), took(0, 1, { read: 1 })]],
  ])('%s: %s', (_, linearizable, history) => {
    expect(isLinearizable(...history)).toBe(linearizable);
    expect(isLinearizable(...history.toReversed())).toBe(linearizable);
  });

  test('what could not be ordered is named', () => {
    const written = took(0, 1, { write: 1 });
    const stale = took(2, 3, { read: 0 });
    expect(checkLinearizability(register, [stale, written])).toEqual({ linearizable: false, longest: [written], state: 1, stuckAt: [stale] });
  });

  test('agrees with trying all orders', () => {
    const operation = fc.tuple(fc.nat(20), fc.nat(8), fc.oneof(fc.record({ write: fc.nat(2) }), fc.record({ read: fc.nat(2) })), fc.nat(9))
      .map(([invokedAt, milliseconds, action, luck]): Operation<RegisterAction> => took(invokedAt, 'write' in action && luck === 0 ? never : invokedAt + milliseconds, action));
    fc.assert(fc.property(fc.array(operation, { maxLength: 6 }), (history) => {
      expect(isLinearizable(...history)).toBe(someOrderFits(history));
    }), { numRuns: 2000 });
  });

  test('a hundred operations by ten clients are decided at once', () => {
    // Each client writes and reads by itself, all at the same time.
    const history = Array.from({ length: 100 }, (_, index) => took(index, index + 10, index % 2 === 0 ? { write: index } : { read: index - 1 }));
    expect(isLinearizable(...history)).toBe(true);
    expect(isLinearizable(...history, took(200, 201, { read: 7 }))).toBe(false);
  });
});

/** The definition itself: every order of every choice of those whose outcome is unknown. */
function someOrderFits(history: readonly Operation<RegisterAction>[], value = register.initial): boolean {
  if (history.every(({ returnedAt }) => returnedAt === never)) return true;
  return history.some((operation, index) => {
    const others = history.filter((_, other) => other !== index);
    if (others.some(({ returnedAt }) => returnedAt < operation.invokedAt)) return false;
    return register.step(value, operation.action).some((after) => someOrderFits(others, after));
  });
}

test('where the model leaves open what was done, one of the possibilities has to fit all that follows', () => {
  const dice: SequentialModel<number, 'thrown' | number> = { initial: 0, step: (value, action) => (action === 'thrown' ? [1, 2, 3] : action === value ? [value] : []) };
  expect(checkLinearizability(dice, [took(0, 1, 'thrown'), took(2, 3, 3), took(4, 5, 3)]).linearizable).toBe(true);
  expect(checkLinearizability(dice, [took(0, 1, 'thrown'), took(2, 3, 3), took(4, 5, 2)]).linearizable).toBe(false);
});
