import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../lambdas/pki/canonical-json.ts';
import { parseJsonObject } from '../../lambdas/pki/strict-json.ts';
import { respelt } from './respelling.ts';
import { signableObjects } from './signable.ts';

const canonical = (text: string) => new TextDecoder().decode(canonicalJson(parseJsonObject(text)));

// RFC 8785 §3.2.2 and §3.2.3, and appendix B for numbers.
test('the examples of the RFC', () => {
  expect(canonical(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`)).toBe(String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`);

  expect(canonical(String.raw`{
    "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
    "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
  }`)).toBe('{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}');

  for (const [text, expected] of [['-0', '0'], ['0.0', '0'], ['-0e5', '0'], ['9007199254740991', '9007199254740991'], ['1e21', '1e+21'], ['1e-7', '1e-7'], ['5e-324', '5e-324'], ['1.7976931348623157e308', '1.7976931348623157e+308']] as const) {
    expect(canonical(`{"a":${text}}`)).toBe(`{"a":${expected}}`);
  }
});

const asParsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('is the same of every spelling, and JSON of that value', () => {
  fc.assert(fc.property(signableObjects, fc.infiniteStream(fc.nat(1000)), (object, choices) => {
    const octets = canonicalJson(object);
    expect(canonicalJson(parseJsonObject(respelt(object, choices)))).toEqual(octets);
    expect(JSON.parse(new TextDecoder().decode(octets))).toEqual(asParsed(object));
  }));
});

test('is another of another value', () => {
  const similar = fc.dictionary(fc.constantFrom('a', 'b', '"', ''), fc.oneof(fc.constantFrom(0, 1, '1', '', null, true, 'true'), fc.array(fc.constantFrom(0, '0', null), { maxLength: 2 })), { maxKeys: 2 });
  fc.assert(fc.property(fc.oneof(signableObjects, similar), fc.oneof(signableObjects, similar), (one, other) => {
    expect(Buffer.from(canonicalJson(one)).equals(canonicalJson(other))).toBe(isDeepStrictEqual(asParsed(one), asParsed(other)));
  }), { numRuns: 1000 });
});

describe('there is none of', () => {
  test.each([['NaN', Number.NaN], ['Infinity', { a: Infinity }], ['half a surrogate pair', { a: '\ud800' }], ['undefined', undefined]])('%s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow();
  });
});
