import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { octetsOfBase64, octetsOfBase64Url } from '../../lambdas/pki/base64.ts';

describe.each([
  ['base64', octetsOfBase64, ['====', 'A===', 'AA', 'AA=', 'AAA', 'AA==AA==', 'AB==', 'AAB=', 'AA==\n', ' AA==', 'AA-_', 'ÄA==', 'AA==A']],
  ['base64url', octetsOfBase64Url, ['A', 'AA==', 'AB', 'AAB', 'AA\n', 'AA+/', '=', 'ÄA']],
] as const)('%s', (encoding, read, malformed) => {
  it('is read as Node writes it', () => {
    fc.assert(fc.property(fc.uint8Array(), (octets) => {
      expect(read(Buffer.from(octets).toString(encoding))).toEqual(octets);
    }));
  });

  it('has one spelling for what it stands for', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('A', 'Q', 'g', 'w', 'B', '=', '/', '_', '-', '+', '8'), maxLength: 9 }), (text) => {
      const octets = read(text);
      if (octets !== undefined) expect(Buffer.from(octets).toString(encoding)).toBe(text);
    }));
  });

  it.each(malformed)('is not %j', (text) => {
    expect(read(text)).toBeUndefined();
  });
});
