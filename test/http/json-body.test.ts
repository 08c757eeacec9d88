import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJsonObject } from '../../lambdas/http/json-body.ts';
import { BadRequest } from '../../lambdas/http/problem.ts';
import { thrownBy } from '../support/thrown.ts';

const parse = (body: string | Uint8Array) => parseJsonObject(typeof body === 'string' ? Buffer.from(body) : body);
const refusal = (body: string | Uint8Array) => thrownBy(BadRequest, () => parse(body));

describe('a JSON body', () => {
  test('is what JSON.parse reads', () => {
    fc.assert(fc.property(fc.dictionary(fc.string().filter((key) => key !== '__proto__'), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('__proto__'));
      expect(parse(text)).toEqual(JSON.parse(text));
    }));
  });

  test('is an empty object where there is none', () => {
    expect(parse('')).toEqual({});
  });

  test('may start with a byte order mark', () => {
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  test.each(['[]', '"x"', '0', 'null', 'false'])('is refused where it is %s', (text) => {
    expect(refusal(text)).toMatchObject({ status: 400, code: 'INVALID_JSON', message: expect.stringContaining('must be a JSON object') });
  });

  test.each([' ', '{', 'x', '{"a":01}', '{"a":NaN}', '{"a":1}\u0000', '\ufeff\ufeff{}', '{"a":"\u0001"}'])('is refused where it is not JSON: %j', (text) => {
    expect(refusal(text)).toMatchObject({ status: 400, code: 'INVALID_JSON', message: expect.stringContaining('not valid JSON'), issues: undefined });
  });

  test.each([[[0xff]], [[0xc3, 0x28]], [[0xc0, 0xaf]], [[0xe2, 0x82]], [[0xed, 0xa0, 0x80]], [[0xf8, 0x88, 0x80, 0x80, 0x80]]])('is refused where it is not UTF-8: %j', (octets) => {
    expect(refusal(Uint8Array.from([...Buffer.from('{"a":"'), ...octets, ...Buffer.from('"}')]))).toMatchObject({ status: 400, code: 'INVALID_JSON' });
  });

  test('never says what it was', () => {
    expect(refusal('{"password":"hunter2"').message).not.toContain('hunter2');
  });

  test('is refused, and nothing worse, at any depth', () => {
    for (let depth = 500; depth < 60_000; depth = Math.ceil(depth * 1.3)) {
      const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      try {
        parse(text);
      } catch (error) {
        expect(error).toMatchObject({ status: 400, code: 'INVALID_JSON', message: expect.stringContaining('nested too deeply') });
      }
    }
  });
});

describe('the key __proto__', () => {
  test.each(['{"__proto__":1}', '{"a":{"__proto__":{}}}', '{"a":[[{"b":{"__proto__":null}}]]}', '{"__proto\\u005f_":1}', '{"__proto__":1,"__proto__":2}'])('is refused in %s', (text) => {
    expect(refusal(text)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', issues: [{ path: '__proto__', message: 'is not allowed as a key' }] });
  });

  test.each(['{"a":"__proto__"}', '{"proto__":1}', '{"constructor":{"prototype":{}}}'])('is not in %s', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });
});
