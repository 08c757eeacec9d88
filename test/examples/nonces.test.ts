import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createNonces } from '../../examples/nonces.ts';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

test('a nonce is good once', () => {
  const nonces = createNonces();
  const nonce = nonces.issue() ?? '';
  expect(nonce).toMatch(/^[\w-]{32}$/);
  expect([nonces.use(nonce), nonces.use(nonce)]).toEqual([true, false]);
  expect(nonces.use('made up')).toBe(false);
});

test('and for a minute', () => {
  const nonces = createNonces();
  const [early, late] = [nonces.issue() ?? '', nonces.issue() ?? ''];
  jest.setSystemTime(59_999);
  expect(nonces.use(early)).toBe(true);
  jest.setSystemTime(60_000);
  expect(nonces.use(late)).toBe(false);
});

test('so many may be outstanding, and there is room again when they have expired', () => {
  const nonces = createNonces();
  for (let count = 0; count < 100_000; count++) nonces.issue();
  expect(nonces.issue()).toBeUndefined();
  jest.setSystemTime(60_000);
  expect(nonces.issue()).toEqual(expect.any(String));
});
