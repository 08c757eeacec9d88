import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readDer } from '../../lambdas/pki/der-reader.ts';
import { derNotation } from '../../lambdas/pki/der-values.ts';
import { encodeName } from '../../lambdas/pki/distinguished-name.ts';
import { nameAttributeProblem } from '../../lambdas/pki/name-attribute.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { openssl } from '../support/openssl.ts';

describe('encodeName', () => {
  it('is a SEQUENCE of SETs of one attribute each', () => {
    expect(hexOf(encodeName({ country: 'JP', organization: 'O', commonName: 'é' }))).toBe(
      [
        '3026', '310b3009060355040613024a50', '310a3008060355040a0c014f', '310b300906035504030c02c3a9',
      ].join(''),
    );
  });

  it('leaves the country out where there is none', () => {
    expect(derNotation(readDer(encodeName({ organization: 'O', commonName: 'N' })))).toBe(
      'SEQUENCE { SET { SEQUENCE { OID 2.5.4.10, UTF8String "O" } }, SET { SEQUENCE { OID 2.5.4.3, UTF8String "N" } } }',
    );
  });

  it.each(['EU', 'UK', 'XX', 'jp', 'JPN', 'J', '', 'Ｊ'])('refuses the country %j', (country) => {
    expect(() => encodeName({ country, organization: 'O', commonName: 'N' })).toThrow(ProfileError);
  });

  it.each(['', ' ', '\u3000', 'a\u0000b', 'a\nb', '\u007f', '\u0085', '\ud800', 'a\u202eb', '\u2028', 'x'.repeat(65), '😀'.repeat(65)])('refuses the attribute %j', (text) => {
    expect(() => encodeName({ organization: text, commonName: 'N' })).toThrow(ProfileError);
    expect(() => encodeName({ organization: 'O', commonName: text })).toThrow(ProfileError);
  });

  it('counts characters, not UTF-16 units or octets', () => {
    expect(() => encodeName({ organization: '😀'.repeat(64), commonName: '確'.repeat(64) })).not.toThrow();
  });

  it('keeps any Unicode text it accepts, and refuses with a ProfileError alone', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (text) => {
      if (nameAttributeProblem(text) === undefined) {
        const name = readDer(encodeName({ organization: text, commonName: text }));
        expect(name.children).toHaveLength(2);
        for (const rdn of name.children) {
          expect(Buffer.from(rdn.children[0]?.children[1]?.content ?? []).toString('utf8')).toBe(text);
        }
      } else {
        expect(() => encodeName({ organization: text, commonName: 'N' })).toThrow(ProfileError);
      }
    }), { numRuns: 1000 });
  });

  it('is what openssl reads', () => {
    const der = encodeName({ country: 'JP', organization: 'Müller', commonName: 'CA' });
    const { stdout } = openssl(['asn1parse', '-inform', 'DER', '-in', 'name.der'], { 'name.der': der });
    expect(stdout.match(/ SET /g)).toHaveLength(3);
    expect(stdout).toMatch(/PRINTABLESTRING\s*:JP/);
    expect(stdout.match(/UTF8STRING/g)).toHaveLength(2);
  });
});
