import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { respelt } from '../pki/respelling.ts';
import { signableObjects } from '../pki/signable.ts';
import { certifiedAgent, dataOf } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

/* What is signed is a value, not a text: over HTTP, for any JSON object there is. */

let runtime: TestRuntime;
let agentId: string;

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  agentId = (await certifiedAgent(runtime.call)).agent.id;
});

afterAll(() => runtime.stop());

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

// No `__proto__`, which no body may have as a key.
const objects = signableObjects.map((object) => JSON.parse(JSON.stringify(object).replaceAll('__proto__', 'proto')) as JsonObject);
const choices = fc.infiniteStream(fc.nat(1000));

const signedAs = async (text: string) => dataOf(await runtime.call('POST', `/agents/${agentId}/sign`, { body: `{"payload":${text}}` }), 200);

async function isValid(text: string, { signature, certificate_serial }: { signature: string; certificate_serial: string }): Promise<boolean> {
  const body = `{"signature":${JSON.stringify(signature)},"payload":${text},"certificateSerial":${JSON.stringify(certificate_serial)}}`;
  const { valid, reason } = dataOf(await runtime.call('POST', '/verify/message', { body, key: null }), 200);
  expect(reason).toBe(valid === true ? null : 'signature_mismatch');
  return valid as boolean;
}

test('any object, signed in one spelling, verifies in every other', async () => {
  await fc.assert(fc.asyncProperty(objects, choices, async (object, spelling) => {
    const signed = await signedAs(respelt(object, spelling));
    for (let again = 0; again < 3; again++) expect(await isValid(respelt(object, spelling), signed)).toBe(true);
  }), { numRuns: 30 });
}, 120_000);

test('with any value of it changed, added or left out, it does not', async () => {
  await fc.assert(fc.asyncProperty(objects, choices, async (object, choice) => {
    const signed = await signedAs(respelt(object, choice));
    for (let again = 0; again < 3; again++) {
      const other = altered(object, choice);
      expect(await isValid(respelt(other, choice), signed)).toBe(false);
    }
    expect(await isValid(respelt(object, choice), signed)).toBe(true);
  }), { numRuns: 30 });
}, 120_000);

test.each<[string, string, string]>([
  ['a number is no text', '{"a":1}', '{"a":"1"}'],
  ['null is not nothing', '{"a":null}', '{}'],
  ['0 is not false', '{"a":0}', '{"a":false}'],
  ['an array has an order', '{"a":[1,2]}', '{"a":[2,1]}'],
  ['letters have a case', '{"a":"x"}', '{"A":"x"}'],
  ['é is not e and an accent', '{"a":"\\u00e9"}', '{"a":"e\\u0301"}'],
  ['white space in text counts', '{"a":"x"}', '{"a":"x "}'],
  ['a key is not its path', '{"a":{"b":1}}', '{"a.b":1}'],
  ['one in the last place of a double', '{"a":0.1}', '{"a":0.10000000000000002}'],
])('%s', async (_, one, other) => {
  const signed = await signedAs(one);
  expect([await isValid(one, signed), await isValid(other, signed)]).toEqual([true, false]);
});

/** The object with one of its values, however deep, made another, or one added or left out. */
function altered(object: JsonObject, choice: Iterator<number>): JsonObject {
  const choose = (count: number): number => Number(choice.next().value) % count;
  const alter = (value: Json): Json => {
    if (typeof value === 'string') return choose(2) === 0 ? `${value} ` : value.length;
    if (typeof value === 'number') return choose(2) === 0 ? String(value) : value === 0 ? 1 : -value;
    if (typeof value !== 'object' || value === null) return value === null ? false : value ? 'true' : null;
    const entries = Object.entries(value) as [string, Json][];
    const at = choose(entries.length + 2);
    const changed = entries.flatMap(([key, inner], index): [string, Json][] =>
      index !== at ? [[key, inner]] : choose(3) === 0 ? [] : [[key, alter(inner)]]);
    const result = at < entries.length ? changed : [...changed, [unusedKey(value), null] as [string, Json]];
    return Array.isArray(value) ? result.map(([, inner]) => inner) : Object.fromEntries(result);
  };
  return alter(object) as JsonObject;
}

function unusedKey(object: object): string {
  for (let key = 'a'; ; key += 'a') if (!Object.hasOwn(object, key)) return key;
}
