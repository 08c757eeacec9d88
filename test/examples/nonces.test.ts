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
  const nonce = nonces.issue();
  expect(nonce).toMatch(/^[\w-]{56}$/);
  expect(nonces.issue()).not.toBe(nonce);
  expect([nonces.isFresh(nonce), nonces.isFresh(nonce), nonces.use(nonce), nonces.use(nonce), nonces.isFresh(nonce)]).toEqual([true, true, true, false, false]);
});

test('and for a minute, used or not', () => {
  const nonces = createNonces();
  const [early, late] = [nonces.issue(), nonces.issue()];
  jest.setSystemTime(59_999);
  expect(nonces.use(early)).toBe(true);
  jest.setSystemTime(60_000);
  expect([nonces.use(late), nonces.isFresh(late), nonces.use(early)]).toEqual([false, false, false]);
  jest.setSystemTime(200_000);
  expect([nonces.use(nonces.issue()), nonces.use(early)]).toEqual([true, false]);
});

test('what is no nonce of these is none, in whatever spelling', () => {
  const nonces = createNonces();
  const nonce = nonces.issue();
  const octets = Buffer.from(nonce, 'base64url');
  const changed = Array.from(octets, (_, offset) => Buffer.from(octets.map((octet, index) => (index === offset ? octet ^ 1 : octet))).toString('base64url'));
  for (const other of ['', 'made up', 'A'.repeat(56), createNonces().issue(), `${nonce}=`, `${nonce} `, `${nonce}AA`, nonce.slice(0, -1), ...changed]) {
    expect([other, nonces.isFresh(other), nonces.use(other)]).toEqual([other, false, false]);
  }
  expect(nonces.use(nonce)).toBe(true);
});

test('whoever asks for many takes nobody’s room', () => {
  const nonces = createNonces();
  const first = nonces.issue();
  for (let count = 0; count < 150_000; count++) nonces.issue();
  expect([nonces.use(first), nonces.use(nonces.issue())]).toEqual([true, true]);
});
