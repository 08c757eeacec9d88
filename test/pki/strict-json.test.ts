import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkJsonObject, JsonProblem, parseJsonObject } from '../../lambdas/pki/strict-json.ts';
import { canonicalJson } from '../../lambdas/pki/canonical-json.ts';
import { respelt } from './respelling.ts';
import { signableObjects } from './signable.ts';

const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
const nestedArrays = (levels: number): string => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

function problemOf(read: () => unknown): JsonProblem {
  try {
    read();
  } catch (error) {
    if (error instanceof JsonProblem) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

it('reads what JSON.parse reads, and to the same', () => {
  fc.assert(fc.property(signableObjects, fc.infiniteStream(fc.nat(1000)), (object, choices) => {
    const text = respelt(object, choices);
    expect(parseJsonObject(text)).toStrictEqual(JSON.parse(text));
    expect(checkJsonObject(object)).toBe(object);
  }));
  expect(parseJsonObject(' {"__proto__": {"a": 1}, "constructor": 2}\n')).toStrictEqual(JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'));
  expect(Object.keys(parseJsonObject('{"__proto__": 1}'))).toEqual(['__proto__']);
  expect(parseJsonObject(nested(64))).toEqual(JSON.parse(nested(64)));
  expect(parseJsonObject(nestedArrays(64))).toEqual(JSON.parse(nestedArrays(64)));
});

it('reads what it has read once more in canonical form, and to the same', () => {
  const numbers = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.bigInt(-(2n ** 80n), 2n ** 80n)).map(String);
  fc.assert(fc.property(fc.oneof(numbers, numbers.map((number) => `${number}e3`), numbers.map((number) => `${number}.0`)), (number) => {
    let value: Record<string, unknown>;
    try {
      value = parseJsonObject(`{"a":${number}}`);
    } catch (error) {
      if (error instanceof JsonProblem) return;
      throw error;
    }
    expect(parseJsonObject(new TextDecoder().decode(canonicalJson(value)))).toEqual({ a: Number(number) + 0 });
    expect(checkJsonObject(value)).toBe(value);
  }), { numRuns: 1000 });
});

it('refuses whatever JSON.parse refuses', () => {
  const json = fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '"a"', ':', ',', ' ', '1', '0', '-', '.', 'e', '+', '\\', 'u0041', 'true', 'nul', 'l', '\t', '\u0000', '\u00a0', '\ufeff'), maxLength: 12 });
  const attempt = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      if (error instanceof JsonProblem || error instanceof SyntaxError) return undefined;
      throw error;
    }
  };
  fc.assert(fc.property(json, fc.constantFrom('', '{"a":', '{"a":[', '{'), fc.constantFrom('', '}', ']}'), (middle, begin, end) => {
    const text = `${begin}${middle}${end}`;
    const read = attempt(() => parseJsonObject(text));
    if (read !== undefined) expect(read).toStrictEqual(attempt(() => JSON.parse(text)));
  }), { numRuns: 3000 });
});

describe('refuses, and says where,', () => {
  it.each<[string, string, RegExp, readonly (string | number)[]]>([
    ['an array', '[]', /is not an object/, []],
    ['a text', '"{}"', /is not an object/, []],
    ['nothing', '', /ends too early/, []],
    ['a beginning', '{"a"', /ends too early/, ['a']],
    ['an end', '{}}', /has "}" where none may be/, []],
    ['a byte order mark', '\ufeff{}', /has "\ufeff" where none may be/, []],
    ['a comma too many', '{"a":[1,]}', /has "\]" where none may be/, ['a', 1]],
    ['a string without end', '{"a":"\\"}', /ends inside a string/, ['a']],
    ['a control character', '{"a":"\n"}', /malformed string/, ['a']],
    ['an unknown escape', '{"a":"\\x41"}', /malformed string/, ['a']],
    ['a key twice', '{"a":{"b":1,"c":2,"b":1}}', /a key twice/, ['a', 'b']],
    ['a key twice, spelt otherwise', '{"a":[{"é":1,"\\u00e9":1}]}', /a key twice/, ['a', 0, 'é']],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', /a key twice/, ['__proto__']],
    ['half a pair', '{"a":["\\ud83d"]}', /half a surrogate pair/, ['a', 0]],
    ['the other half', '{"a":"\\ude00\\ud83d"}', /half a surrogate pair/, ['a']],
    ['half a pair in a key', '{"\\ud83d":1}', /half a surrogate pair/, [0]],
    ['a number above all', '{"a":1e400}', /no double holds/, ['a']],
    ['a number below all', '{"a":-1e400}', /no double holds/, ['a']],
    ['a number next to nothing', '{"a":[0,1e-400]}', /no double holds/, ['a', 1]],
    ['a number of 18 digits', '{"a":0.100000000000000005}', /no double holds/, ['a']],
    ['2^53', '{"a":9007199254740992}', /no double holds/, ['a']],
    ['−2^53', '{"a":-9007199254740992}', /no double holds/, ['a']],
    ['2^53, spelt otherwise', '{"a":9007199254740992.0}', /no double holds/, ['a']],
    ['an integer whose canonical form is written out', '{"a":1e20}', /no double holds/, ['a']],
    ['10^21 written out', '{"a":1000000000000000000000}', /no double holds/, ['a']],
    ['a number with a plus', '{"a":+1}', /has "\+" where/, ['a']],
    ['a number with a zero before it', '{"a":01}', /has "1" where/, ['a']],
    ['NaN', '{"a":NaN}', /has "N" where/, ['a']],
    ['undefined', '{"a":undefined}', /has "u" where/, ['a']],
  ])('%s', (_, text, message, path) => {
    const problem = problemOf(() => parseJsonObject(text));
    expect(problem.message).toMatch(message);
    expect(problem.path).toEqual(path);
  });

  it('what is JSON as such, apart from what is none', () => {
    const isJson = (text: string) => problemOf(() => parseJsonObject(text)).isJson;
    expect(['{"a":1,"a":1}', nested(65), '{"a":"\\ud800"}', '{"a":1e400}', '{"a":12345678901234567890}'].map(isJson)).toEqual([true, true, true, true, true]);
    expect(['[]', '', '{"a":01}', '{"a":NaN}', '{"a":"\n"}', '{"a":"'].map(isJson)).toEqual([false, false, false, false, false, false]);
  });

  it('more levels than the caller has room for', () => {
    expect(problemOf(() => parseJsonObject('{"a":[{}]}', { maximumDepth: 2 }))).toMatchObject({ path: ['a', 0], message: expect.stringMatching(/deeper than 2 levels/) });
    expect(parseJsonObject('{"a":[{}]}', { maximumDepth: 3 })).toEqual({ a: [{}] });
    expect(parseJsonObject(nested(65), { maximumDepth: 65 })).toEqual(JSON.parse(nested(65)));
  });

  it('65 levels', () => {
    expect(problemOf(() => parseJsonObject(nested(65))).message).toMatch(/deeper than 64/);
    expect(problemOf(() => parseJsonObject(nestedArrays(65))).message).toMatch(/deeper than 64/);
    expect(problemOf(() => parseJsonObject('{"a":'.repeat(1_000_000))).message).toMatch(/deeper than 64/);
    expect(problemOf(() => checkJsonObject(JSON.parse(nested(65)))).message).toMatch(/deeper than 64/);
    expect(checkJsonObject(JSON.parse(nested(64)))).toEqual(JSON.parse(nested(64)));
  });

  it.each<[string, unknown, readonly (string | number)[]]>([
    ['undefined', { a: undefined }, ['a']],
    ['a hole', { a: [1, , 3] }, ['a', 1]], // eslint-disable-line no-sparse-arrays
    ['NaN', { a: { b: Number.NaN } }, ['a', 'b']],
    ['Infinity', { a: -Infinity }, ['a']],
    ['an integer that was more precise, perhaps, before it was parsed', { a: [2 ** 53] }, ['a', 0]],
    ['a bigint', { a: 1n }, ['a']],
    ['a function', { toJSON: () => ({}) }, ['toJSON']],
    ['a symbol', { a: Symbol('a') }, ['a']],
    ['a date', { a: new Date() }, ['a']],
    ['a map', new Map(), []],
    ['half a pair', { a: ['\ud83d'] }, ['a', 0]],
    ['half a pair in a key', { '\ude00': 1 }, ['\ude00']],
    ['an array', [], []],
    ['null', null, []],
  ])('%s as a value', (_, value, path) => {
    expect(problemOf(() => checkJsonObject(value)).path).toEqual(path);
  });

  it('a value that contains itself', () => {
    const value: Record<string, unknown> = {};
    value['a'] = [value];
    expect(problemOf(() => checkJsonObject(value)).message).toMatch(/deeper than 64/);
  });
});

it.each(['0', '-0', '1e0', '100000e-5', '1.0000000000000000000000', '0.1', '9007199254740991', '-9007199254740991', '9007199254740990.5', '1e21', '1e308', '5e-324', '0e400', '0.30000000000000004', '1.7976931348623157e+308'])('accepts %s', (number) => {
  const [value] = Object.values(parseJsonObject(`{"a":${number}}`));
  expect(value).toBe(Number(number));
});

it('takes a time that grows with the text alone', () => {
  const long = `{"a":"${'\\u0041x'.repeat(500_000)}","b":[${'1,'.repeat(300_000)}1]}`;
  const begin = performance.now();
  parseJsonObject(long);
  expect(performance.now() - begin).toBeLessThan(5000);
});
