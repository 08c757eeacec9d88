import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BadRequest } from '../../lambdas/http/problem.ts';
import { parseStrictJsonObject } from '../../lambdas/http/strict-json.ts';
import { respelt } from '../pki/respelling.ts';
import { signableObjects } from '../pki/signable.ts';
import { thrownBy } from '../support/thrown.ts';

const parse = (body: string | Uint8Array) => parseStrictJsonObject(typeof body === 'string' ? Buffer.from(body) : body);
const refusal = (body: string | Uint8Array) => thrownBy(BadRequest, () => parse(body));

const levels = (count: number, inner = '1') => `{"payload":${'{"a":'.repeat(count - 1)}{"a":${inner}}${'}'.repeat(count - 1)}}`;

describe('a body that is signed', () => {
  test('is what JSON.parse reads, however it is spelt', () => {
    fc.assert(fc.property(signableObjects, fc.infiniteStream(fc.nat(1000)), (value, choices) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'));
      const text = respelt(value, choices);
      expect(parse(text)).toStrictEqual(JSON.parse(text));
    }));
  });

  test('is an empty object where there is none, and may start with a byte order mark', () => {
    expect(parse('')).toEqual({});
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  test('may have 64 levels, and the request around it', () => {
    expect(parse(levels(64))).toEqual(JSON.parse(levels(64)));
    expect(refusal(levels(65))).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', issues: [{ path: ['payload', ...new Array(64).fill('a')].join('.') }] });
    expect(refusal(levels(64, '[]'))).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  });

  test.each([
    ['a key twice', '{"payload":{"a":1,"b":2,"a":1}}', 'payload.a'],
    ['a key twice in the request', '{"payload":{},"payload":{}}', 'payload'],
    ['a key twice in a field that nobody reads', '{"payload":{},"ignored":[{"a":1,"a":2}]}', 'ignored.0.a'],
    ['a key twice, once escaped', '{"payload":{"a":1,"\\u0061":1}}', 'payload.a'],
    ['a key twice, far down', '{"payload":{"x":[[0,{"a":{"b":1,"b":2}}]]}}', 'payload.x.0.1.a.b'],
    ['1e400', '{"payload":{"a":1e400}}', 'payload.a'],
    ['-1e400', '{"payload":{"a":[1,-1e400]}}', 'payload.a.1'],
    ['1e-400', '{"payload":{"a":1e-400}}', 'payload.a'],
    ['2^53', '{"payload":{"a":9007199254740992}}', 'payload.a'],
    ['-2^53', '{"payload":{"a":-9007199254740992}}', 'payload.a'],
    ['an integer beyond 2^53 in canonical form', '{"payload":{"a":1e20}}', 'payload.a'],
    ['18 significant digits', '{"payload":{"a":1.00000000000000001}}', 'payload.a'],
    ['half a surrogate pair, escaped', '{"payload":{"a":"\\ud800"}}', 'payload.a'],
    ['the other half', '{"payload":{"a":["x","\\udfff!"]}}', 'payload.a.1'],
    ['a pair the wrong way round', '{"payload":{"a":"\\ude00\\ud83d"}}', 'payload.a'],
    ['__proto__', '{"payload":{"a":[{"__proto__":1}]}}', 'payload.a.0.__proto__'],
    ['__proto__, escaped', '{"payload":{"\\u005f_proto__":{}}}', 'payload.__proto__'],
  ])('has not %s: 400, with the path', (_, body, path) => {
    const { status, code, message, issues } = refusal(body);
    expect([status, code, issues]).toEqual([400, 'VALIDATION_FAILED', [{ path, message: expect.stringMatching(/\S/) }]]);
    expect(message).toContain(path);
    expect(message).toMatch(/^[A-Z].*\.$/);
  });

  test.each([
    ['NaN', '{"payload":{"a":NaN}}', 'payload.a'],
    ['Infinity', '{"payload":{"a":[Infinity]}}', 'payload.a.0'],
    ['-Infinity', '{"payload":{"a":-Infinity}}', 'payload.a'],
    ['01', '{"payload":{"a":01}}', 'payload.a'],
    ['+1', '{"payload":{"a":+1}}', 'payload.a'],
    ['.5', '{"payload":{"a":.5}}', 'payload.a'],
    ['1.', '{"payload":{"a":1.}}', 'payload.a'],
    ['0x1', '{"payload":{"a":0x1}}', 'payload.a'],
    ['single quotes', "{\"payload\":{\"a\":'x'}}", 'payload.a'],
    ['a comma too many', '{"payload":{"a":[1,]}}', 'payload.a.1'],
    ['a line break in a string', '{"payload":{"a":"x\n"}}', 'payload.a'],
    ['a comment', '{"payload":{"a":/**/1}}', 'payload.a'],
  ])('has not %s, which is not JSON: 400 that says where', (_, body, path) => {
    const { status, code, message, issues } = refusal(body);
    expect([status, code, issues]).toEqual([400, 'INVALID_JSON', undefined]);
    expect(message).toContain(`, at ${path}. `);
  });

  test.each(['[]', '"x"', '0', 'null', 'false', ' ', '{', '{}{}', '{} x', '\ufeff\ufeff{}'])('is not %j', (body) => {
    expect(refusal(body)).toMatchObject({ status: 400, code: 'INVALID_JSON', issues: undefined });
  });

  test.each([[[0xff]], [[0xc3, 0x28]], [[0xc0, 0xaf]], [[0xed, 0xa0, 0x80]], [[0xf8, 0x88, 0x80, 0x80, 0x80]]])('is UTF-8, which %j is not', (octets) => {
    expect(refusal(Uint8Array.from([...Buffer.from('{"a":"'), ...octets, ...Buffer.from('"}')]))).toMatchObject({ status: 400, code: 'INVALID_JSON', message: expect.stringContaining('UTF-8') });
  });

  test.each(['{"a":"__proto__"}', '{"proto":1}', '{"constructor":{"prototype":{"toJSON":1}}}', '{"a":9007199254740991}', '{"a":-9007199254740991}', '{"a":-0}', '{"a":"\\ud83d\\ude00😀"}', '{"":{"":0}}'])('may be %s', (body) => {
    expect(parse(body)).toEqual(JSON.parse(body));
  });

  test('never has its values repeated to whoever reads the error', () => {
    for (const body of ['{"password":"hunter2"', '{"password":"hunter2\n"}', '{"password":123456789012345678901}', '{"password":"\\ud800hunter2"}']) expect(refusal(body).message).not.toMatch(/hunter2|123456/);
  });
});
