import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { certifiedAgent, registerAgent } from '../support/agents.ts';
import { fuzzing, fuzzingTimeout } from '../support/fuzzing.ts';
import { keyPool } from '../support/key-pool.ts';
import { startTestRuntime, type Reply, type TestRuntime } from '../support/runtime.ts';
import { schemaValues, type Schema } from '../support/schema-values.ts';
import { createWebhook } from '../support/webhooks.ts';
import document from '../../docs/openapi.json' with { type: 'json' };

/*
 * Every operation of the document that the service serves (openapi.test.ts), asked rightly and wrongly. No answer is a 5xx, and each is one that the
 * document describes: `call` holds it to that.
 */

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
}

interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** By media type. */
  readonly bodies: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;
  readonly success: number;
}

type Described = Readonly<Record<string, Readonly<Record<string, { operationId: string; parameters?: Parameter[]; requestBody?: { content: Operation['bodies'] }; responses: object }>>>>;

const operations = Object.entries(document.paths as unknown as Described).flatMap(([path, methods]) => Object.entries(methods).map(([method, described]): Operation => ({
  operationId: described.operationId, method: method.toUpperCase(), path, parameters: described.parameters ?? [], bodies: described.requestBody?.content ?? {},
  success: Number(Object.keys(described.responses).find((status) => status.startsWith('2'))),
})));

/** What goes over the wire. Names in angle brackets stand for what is known only once it is there, so that a seed means the same in every run. */
interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

const things = ['agent pending', 'agent active', 'agent other', 'agent suspended', 'agent retired', 'certificate active', 'certificate other', 'certificate revoked', 'webhook one', 'foreign agent', 'foreign certificate', 'foreign webhook'] as const;
type Thing = (typeof things)[number];
const placeholder = fc.constantFrom(...things.map((thing) => `<${thing}>`));

let runtime: TestRuntime;
let known: Record<Thing, string>;

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
});
afterAll(() => runtime.stop());

/** Anew for each operation, for the one before may have retired them all. */
async function makeThings(): Promise<void> {
  const { call, keys } = runtime;
  const globex = { key: keys.globex };
  const url = 'https://hooks.invalid/';
  // A tenant has room for 50.
  for (const { id } of (await call('GET', '/webhooks')).body.data) await call('DELETE', `/webhooks/${id}`);
  const [pending, active, other, suspended, retired, webhook, foreign, foreignWebhook] = await Promise.all([
    registerAgent(call), certifiedAgent(call), certifiedAgent(call), certifiedAgent(call), registerAgent(call), createWebhook(call, { url }), certifiedAgent(call, {}, globex), createWebhook(call, { url }, globex),
  ]);
  await call('PATCH', `/agents/${suspended.agent.id}`, { body: { status: 'suspended' } });
  await call('DELETE', `/agents/${retired.id}`);
  known = {
    'agent pending': pending.id, 'agent active': active.agent.id, 'agent other': other.agent.id, 'agent suspended': suspended.agent.id, 'agent retired': retired.id,
    'certificate active': active.certificate.id, 'certificate other': other.certificate.id, 'certificate revoked': suspended.certificate.id, 'webhook one': webhook.id,
    'foreign agent': foreign.agent.id, 'foreign certificate': foreign.certificate.id, 'foreign webhook': foreignWebhook.id,
  };
}

const resolved = (text: string) => text.replace(/<([a-z ]+)>/g, (whole, thing) => known[thing as Thing] ?? whole);

async function send({ method }: Operation, { path, headers, body }: Sent): Promise<Reply> {
  const reply = await runtime.call(method, resolved(path), { headers, ...(body !== undefined && method !== 'GET' && { body: typeof body === 'string' ? resolved(body) : body }) });
  if (reply.status >= 500) throw new Error(`${method} ${resolved(path)} answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply;
}

const values = schemaValues(document.components.schemas as unknown as Record<string, Schema>, (field) => {
  if (field === 'agent_id') return fc.constantFrom('<agent active>', '<agent other>', '<agent pending>', '<agent suspended>', '<foreign agent>', '7f0c1f0e-3a51-4c55-9f8e-0d7f3bb0a001');
  if (field === 'certificate_serial') return placeholder.map((name) => name.replace('agent', 'certificate'));
  if (field === 'affected_id') return placeholder;
  // Nobody is to be told of anything: these names exist nowhere, and these addresses are refused.
  if (field === 'url') return fc.oneof(fc.constantFrom('https://hooks.invalid/a', 'https://hooks.invalid:8443/?b=c', 'https://127.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/', 'http://hooks.invalid/', 'https://user:password@hooks.invalid/'), fc.string());
  if (field === 'signature' || field === 'digest') return fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }).map((octets) => Buffer.from(octets).toString('base64')), fc.base64String());
  return undefined;
});

const pathValue = (name: string): fc.Arbitrary<string> => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }).map(encodeURIComponent), fc.uuid(), fc.constantFrom('%', '%zz', '%E0%A4%A', '%00', '%2F', '%2e%2e%2f', '..', 'a/b', '0', '-1', 'null', '%F0%9F%92%A9', '+', 'A'.repeat(3000)),
    fc.stringMatching(/^[0-9A-Fa-f:]{1,60}$/), placeholder.map((thing) => `${thing}%0a`),
  );
  if (name === 'request') return fc.oneof(fc.uint8Array({ maxLength: 200 }).map((der) => encodeURIComponent(Buffer.from(der).toString('base64'))), odd);
  return fc.oneof({ weight: 3, arbitrary: placeholder }, { weight: 1, arbitrary: odd });
};

const queryOf = (operation: Operation): fc.Arbitrary<string> => {
  const parameters = operation.parameters.filter(({ in: place }) => place === 'query');
  const valueOf = (schema: Schema, name: string) => fc.oneof({ weight: 3, arbitrary: values.valid(schema, name) }, { weight: 1, arbitrary: values.broken(schema, name) });
  const declared = fc.record(Object.fromEntries(parameters.map(({ name, schema }) => [name, valueOf(schema, name)])), { requiredKeys: [] });
  const cursor = fc.oneof(fc.base64String(), fc.json().map((text) => Buffer.from(text).toString('base64url')), fc.constantFrom('2026-01-01T00:00:00Z', '2999-01-01T00:00:00.000Z#x'));
  const more = fc.dictionary(fc.constantFrom('limit', 'cursor', 'before', 'tenant_id', 'agentId', '__proto__', ''), cursor, { maxKeys: 2 });
  return fc.oneof({ weight: 3, arbitrary: declared }, { weight: 1, arbitrary: fc.tuple(declared, more).map(([own, others]) => ({ ...own, ...others })) }).map((fields) => {
    const pairs = Object.entries(fields).map(([name, value]) => `${encodeURIComponent(name)}=${resolvable(typeof value === 'string' ? value : JSON.stringify(value))}`);
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  });
};

/** Percent-encoded, but for a placeholder. Half a surrogate pair has no UTF-8. */
const resolvable = (text: string) => (/^<[a-z ]+>$/.test(text) ? text : encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')));

const bodyOf = ({ bodies }: Operation): fc.Arbitrary<string | Uint8Array> => {
  const { 'application/json': json } = bodies;
  const raw = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '{}', '[]', 'null', '"x"', '{', '{"a":', '{"a":1e400}', '{"a":1,"a":2}', '{"__proto__":{"x":1}}', '\ufeff{}', '{"a":"\\ud800"}', `{"payload":${'['.repeat(5000)}${']'.repeat(5000)}}`, `{"a":"${'x'.repeat(65_528)}"}`, `{"a":"${'x'.repeat(66_000)}"}`),
  );
  if (json === undefined) return raw;
  const written = (arbitrary: fc.Arbitrary<unknown>) => arbitrary.map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 5, arbitrary: written(values.valid(json.schema)) },
    { weight: 5, arbitrary: written(values.broken(json.schema)) },
    { weight: 1, arbitrary: written(values.valid(json.schema)).chain((text) => fc.nat(text.length).map((length) => text.slice(0, length))) },
    { weight: 1, arbitrary: raw },
  );
};

// What fetch lets through: Latin-1 without control characters.
const headerValue = fc.oneof(fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).filter((code) => code < 0x7f || code > 0xa0).map((code) => String.fromCharCode(code)), maxLength: 300 }), fc.constantFrom('*/*', 'text/html', 'application/pkix-crl;q=0.1, application/json', 'application/json', 'text/html;q=2', ';;,,', 'x'.repeat(2000)));
const headersOf = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('accept', 'content-type', 'idempotency-key', 'x-request-id', 'if-none-match', 'x-forwarded-for', 'user-agent', 'accept-language'), headerValue, { maxKeys: 3 }) },
);

function requests(operation: Operation): fc.Arbitrary<Sent> {
  const parts = operation.path.split('/').map((segment) => {
    const name = /^\{(.+)\}$/.exec(segment)?.[1];
    return name === undefined ? fc.constant(segment) : pathValue(name);
  });
  return fc.record({
    path: fc.tuple(fc.tuple(...parts), queryOf(operation)).map(([segments, query]) => segments.join('/') + query),
    headers: headersOf,
    body: bodyOf(operation),
  });
}

/** The request that does what the operation is for. */
function soundRequest({ operationId, path, bodies: { 'application/json': json } }: Operation): Sent {
  const examples: Partial<Record<string, object>> = {
    'ingest-event': { agent_id: '<agent active>', action_type: 'api_call' },
    'record-risk-score': { agent_id: '<agent active>', score: 0.1 },
    'verify-message': { payload: {}, signature: 'AAAA', certificate_serial: '<certificate active>' },
    'create-webhook': { url: 'https://hooks.invalid/', events: ['agent.created'] },
  };
  const id = operationId === 'certify-agent' ? '<agent pending>' : path.startsWith('/agents') ? '<agent active>' : path.startsWith('/webhooks') ? '<webhook one>' : '<certificate active>';
  const body = examples[operationId] ?? json?.example;
  return { path: path.replace('{request}', 'AAAA').replace(/\{\w+\}/, id), headers: {}, ...(body !== undefined && { body: JSON.stringify(body) }) };
}

const bounds = { runs: 40, atMostSeconds: 2 };

describe.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))('%s', (_, operation) => {
  beforeAll(makeThings);

  test('does what it is for', async () => {
    expect((await send(operation, soundRequest(operation))).status).toBe(operation.success);
  });

  test('answers every request as the document says', async () => {
    await fc.assert(fc.asyncProperty(requests(operation), async (sent) => void (await send(operation, sent))), fuzzing(bounds));
  }, fuzzingTimeout(bounds));
});
