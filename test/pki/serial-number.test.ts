import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { certificateIdFromRandom, certificateIdOf, parseSerialNumber, serialNumberFromRandom, serialNumberOf } from '../../lambdas/pki/serial-number.ts';

const random16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const serial = random16.map(serialNumberFromRandom);

describe('certificate ids and serial numbers', () => {
  it('makes a UUIDv4 whose first octet needs no padding and loses no zero', () => {
    fc.assert(fc.property(random16, (random) => {
      const id = certificateIdFromRandom(random);
      expect(id).toMatch(/^[0-7][0-9a-f]{7}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(id.slice(0, 2)).not.toBe('00');
    }));
  });

  it.each([[0x00, '01'], [0x80, '01'], [0xff, '7f'], [0x01, '01'], [0x7f, '7f'], [0x9a, '1a']])('brings a first octet of %i to %s', (octet, expected) => {
    const random = new Uint8Array(16).fill(octet);
    expect(certificateIdFromRandom(random).slice(0, 2)).toBe(expected);
    expect(serialNumberFromRandom(random).slice(0, 2)).toBe(expected.toUpperCase());
  });

  it('keeps every random bit that is not structure', () => {
    const random = Uint8Array.from({ length: 16 }, (_, index) => 16 * index + index);
    expect(certificateIdFromRandom(random)).toBe('01112233-4455-4677-8899-aabbccddeeff');
    expect(serialNumberFromRandom(random)).toBe('0111' + '2233445566778899AABBCCDDEEFF');
  });

  it('leaves the caller’s randomness as it was', () => {
    const random = new Uint8Array(16).fill(0xff);
    certificateIdFromRandom(random);
    expect(random).toEqual(new Uint8Array(16).fill(0xff));
  });

  it.each([0, 15, 17])('refuses %i octets', (length) => {
    expect(() => certificateIdFromRandom(new Uint8Array(length))).toThrow(RangeError);
    expect(() => serialNumberFromRandom(new Uint8Array(length))).toThrow(RangeError);
  });

  it('goes from id to serial and back', () => {
    fc.assert(fc.property(random16, (random) => {
      const id = certificateIdFromRandom(random);
      expect(serialNumberOf(id)).toMatch(/^[0-9A-F]{32}$/);
      expect(certificateIdOf(serialNumberOf(id))).toBe(id);
    }));
  });

  it('refuses what is neither', () => {
    for (const text of ['', '7a1b', '7A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D', 'x'.repeat(36)]) expect(() => serialNumberOf(text)).toThrow(RangeError);
    for (const text of ['', '7a1b2c3d4e5f4a6b8c7d9e0f1a2b3c4d', '7A', 'G'.repeat(32)]) expect(() => certificateIdOf(text)).toThrow(RangeError);
  });
});

describe('reading a serial number', () => {
  it('reads every spelling of the same number alike', () => {
    fc.assert(fc.property(serial, fc.boolean(), (canonical, upper) => {
      const digits = upper ? canonical : canonical.toLowerCase();
      const octets = digits.match(/../g)?.join(':') ?? '';
      const shortest = digits.replace(/^0+/, '');
      const spellings = [digits, octets, shortest, octets.replace(/^0/, ''), `00${digits}`, `00:${octets}`, `serial=${digits}`, `serial=${shortest}\n`, `0x${shortest}`, ` ${digits} `, certificateIdOf(canonical)];
      for (const spelling of spellings) expect(parseSerialNumber(spelling)).toBe(canonical);
    }));
  });

  it('fills in leading zeros', () => {
    expect(parseSerialNumber('1')).toBe('1'.padStart(32, '0'));
    expect(parseSerialNumber('abc')).toBe('ABC'.padStart(32, '0'));
    expect(parseSerialNumber('0')).toBe('0'.repeat(32));
  });

  it.each([
    '', ' ', ':', 'serial=', '0x', 'xyz', '-1', '1.5', '12 34', 'g'.repeat(32), 'A'.repeat(33), `1${'0'.repeat(32)}`, ':12:34', '12:34:', '12::34', '123:45', '12:345', '12:3', '12:3:45',
    '7a1b2c3d-4e5f4a6b-8c7d-9e0f1a2b3c4d', '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4', '７a', 'ser\u0131al=12', '../../etc/passwd',
  ])('does not take %j for a serial', (text) => {
    expect(parseSerialNumber(text)).toBeUndefined();
  });

  it('answers only canonical serials or nothing, whatever it is given', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF:-x= ') })), (text) => {
      const read = parseSerialNumber(text);
      if (read !== undefined) expect(read).toMatch(/^[0-9A-F]{32}$/);
    }), { numRuns: 2000 });
  });

  it('does no work on a megabyte of digits', () => {
    const hostile = ['0'.repeat(1 << 20), '0:'.repeat(1 << 19), ' '.repeat(1 << 20), `serial=${'a'.repeat(1 << 20)}`];
    const start = performance.now();
    for (const text of hostile) expect(parseSerialNumber(text)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(50);
  });
});
