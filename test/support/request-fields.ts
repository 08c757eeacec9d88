import { announcedEvents } from '../../lambdas/authority/announcement.ts';
import { actionTypes } from '../../lambdas/authority/risk-assessment.ts';
import type { RouteName } from '../../lambdas/routes.ts';

/*
 * Every field of every request body: what is refused in it and what is let pass. Each field is an entry of
 * `requestFields`, each kind of value a pair of lists, whose last values are the ones just beyond and just at the limit.
 */

export interface Kind {
  readonly refused: readonly unknown[];
  /** Lists whose first element is what is wrong: the issue names it, as `field.0`. */
  readonly refusedWithin?: readonly (readonly unknown[])[];
  readonly passed: readonly unknown[];
}

export interface Field extends Kind {
  readonly required: boolean;
  /** Whether null is taken, for absent. */
  readonly nullable: boolean;
  /** The required field that it stands in the place of: never both. */
  readonly insteadOf?: string;
}

/** A value as JSON text, where JSON.stringify would write another. */
class Json {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export const json = (text: string) => new Json(text);

/** JSON of a value that may hold `json(…)`. */
export function stringify(value: unknown): string {
  const verbatim: string[] = [];
  const marked = JSON.stringify(value, (_, inner: unknown) => (inner instanceof Json ? `@${verbatim.push(inner.text) - 1}@` : inner));
  return marked.replace(/"@(\d+)@"/g, (_, index: string) => verbatim[Number(index)] ?? '');
}

/** `financial_scope.daily_limit_usd` and 1 → `{financial_scope: {daily_limit_usd: 1}}` */
export const nested = (path: string, value: unknown): object => path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;

const x = (length: number) => 'x'.repeat(length);
const notText: readonly unknown[] = [42, 0, true, [], ['x'], {}, { toString: 'x' }];
const unprintable = ['\u0000', 'a\u0000b', 'a\u0007', '\u001b[31mred', 'a\u007f', 'a\u0085b', 'a\u009f', '\ud800', 'a\udc00b', json('"\\udfff\\ud800"'), 'a\u2028b', 'a\u2029b', 'abc\u202ecba', '\u2066a', 'a\u200eb'];
const blank = ['', ' ', '\t', '\r\n', '\u00a0\u3000', '\ufeff'];
const lineBreaks = ['a\nb', 'a\rb', 'a\tb', 'a\n'];
const printable = ['x', ' x ', '"\\/\'', '<script>', 'é漢字ع', '😀', '0', 'null', '__proto__', '${7*7}', '%00'];

const text = (maximum: number): Kind => ({ refused: [...notText, ...blank, ...unprintable, x(maximum + 1)], passed: [...printable, ...lineBreaks, x(maximum)] });
const line = (maximum: number): Kind => ({ refused: [...notText, ...blank, ...unprintable, ...lineBreaks, x(maximum + 1)], passed: [...printable, x(maximum)] });

const lines = (maximumCount: number, maximum: number): Kind => ({
  refused: ['x', 1, true, {}, { 0: 'x', length: 1 }, Array.from({ length: maximumCount + 1 }, String)],
  refusedWithin: [[1], [null], [['x']], ...line(maximum).refused.filter((value) => typeof value === 'string').map((value) => [value])],
  passed: [[], ['x'], ['same', 'same'], printable, [x(maximum)], Array.from({ length: maximumCount }, String)],
});

const number = (maximum: number): Kind => ({
  refused: ['0.5', '', true, [], [0.5], {}, -0.01, -1, 1e300, json('1e400'), json('-1e400'), 1e-200, 5e-324, maximum * 2, maximum * 1.01],
  passed: [0, json('-0'), json('0.0'), json('0e5'), 1e-100, 0.1, maximum / 3, maximum],
});

const score: Kind = { ...number(1), refused: [...number(1).refused, 85, json('1.0000000000000002'), json('-1e-9'), -0.01, 1.01], passed: [0.84, 0.849999, ...number(1).passed] };

const boolean: Kind = { refused: ['true', 1, 0, '', [], {}], passed: [true, false] };

const oneOf = (...values: readonly string[]): Kind => ({ refused: [...notText, '', ` ${values[0]}`, values[0]?.toUpperCase(), 'constructor', 'nonsense'], passed: values });

const uuid: Kind = {
  refused: [...notText, '', 'agent-1', '{00000000-0000-4000-8000-000000000000}', '0000000g-0000-4000-8000-000000000000', '00000000000040008000000000000000', '00000000-0000-4000-8000-0000000000000', '00000000-0000-4000-8000-00000000000'],
  passed: [],
};

const timestamp: Kind = {
  refused: [
    ...notText, '', 'yesterday', '2026-05-17', '10:00:00Z', '2026-05-17T10:00:00', '2026-05-17 10:00:00Z', '2026-05-17T10:00Z', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-05-17T25:00:00Z', '2026-05-17T10:61:00Z',
    '17/05/2026', 1_780_000_000, '+010000-01-01T00:00:00Z', '0000-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01',
  ],
  passed: ['2026-05-17T10:00:00Z', '2026-05-17T10:00:00.1Z', '2026-05-17T10:00:00.123456789Z', '2026-05-17T12:00:00+02:00', '2024-02-29T00:00:00Z', '1970-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z'],
};

/** An object of so many levels, itself included, and one of exactly so many bytes of JSON. */
const ofDepth = (levels: number) => json(`${'{"a":['.repeat(Math.floor(levels / 2))}${levels % 2 === 1 ? '{}' : ''}${']}'.repeat(Math.floor(levels / 2))}`);
const ofSize = (bytes: number) => ({ note: x(bytes - '{"note":""}'.length) });

/** What is signed: any object; what strict JSON refuses is in test/http/strict-json.test.ts. */
const anyObject: Kind = {
  refused: ['x', '', 1, 0, true, false, [], [{}]],
  passed: [{}, { '': '' }, { constructor: 1, toString: 2, toJSON: 4, prototype: {} }, { a: [1, 'é', null, true, { b: 1e300, c: 5e-324 }] }, { 'a\u0000': '\u0000\u202e' }, ofSize(60_000)],
};

const zeros = (bytes: number, encoding: 'base64' | 'base64url' = 'base64') => Buffer.alloc(bytes).toString(encoding);
const digest: Kind = {
  refused: [...notText, '', 'not base64!', `${zeros(32)}\n`, `${zeros(32)}=`, '0'.repeat(64), zeros(33), zeros(31)],
  passed: [zeros(32, 'base64url'), `${'_-'.repeat(21)}8=`, `${'/+'.repeat(21)}8`, zeros(32)],
};

// What is no signature verifies as none; what is no text is refused.
const signature: Kind = { refused: notText, passed: ['', 'not base64!', zeros(255), zeros(256, 'base64url'), zeros(256)] };

const wholeSeconds: Kind = { refused: ['1', true, [], {}, 1.5, json('1e20'), json('9007199254740992e0')], passed: [json('-0'), -1, 1e9] };

const freeForm = (maximumBytes: number): Kind => ({
  refused: ['x', '', 1, 0, true, false, [], [{}], ofDepth(18), ofDepth(1000), { note: 'é'.repeat(maximumBytes / 2) }, { a: json('1e400') }, { a: [{ b: json('-1e999') }] }, ofDepth(17), ofSize(maximumBytes + 1)],
  passed: [{}, { '': '' }, { constructor: 1, toString: 2, hasOwnProperty: 3, toJSON: 4, prototype: {} }, { a: [1, 'é', null, true, { b: 1e300, c: 5e-324 }] }, { 'a\u0000': '\u0000\u202e' }, ofDepth(16), ofSize(maximumBytes)],
});

const urlOfLength = (length: number) => `https://example.com/${x(length - 'https://example.com/'.length)}`;

/** Which hosts a webhook may have is tried in test/authority/webhook-host.test.ts. */
const webhookUrl: Kind = {
  refused: [
    ...notText, ...blank, ...unprintable, ...lineBreaks, 'x', 'example.com', '//example.com', 'http://example.com', 'HTTP://example.com', 'ftp://example.com', 'wss://example.com', 'file:///etc/passwd', 'javascript:alert(1)',
    'data:text/plain,x', 'https:', 'https:/', 'https://', 'https:example.com', 'https:/example.com', 'https:\\\\example.com', 'https://example.com\\@127.0.0.1', ' https://example.com', 'https://example.com ', 'https://exa mple.com',
    'https://example.com:99999', 'https://example.com:x', 'https://[::1', 'https://%', 'https://exa<mple.com', 'https://1.2.3.4.5', 'https://256.1.1.1',
    'https://user@example.com', 'https://user:password@example.com', 'https://:password@example.com', 'https://example.com/#', 'https://example.com/hook#x', urlOfLength(2049),
  ],
  passed: [
    'https://example.com', 'HTTPS://EXAMPLE.COM/Hook', 'https://example.com:8443/a/b?c=d&e=%20', 'https://sub.example.co.uk./x', 'https://bücher.example/é', 'https://xn--bcher-kva.example', 'https://8.8.8.8/x',
    'https://[2606:4700:4700::1111]:443/', 'https://example.com/@user', urlOfLength(2048),
  ],
};

const webhookEvents: Kind = {
  refused: ['agent.created', 1, true, {}, { 0: 'agent.created', length: 1 }, [], ['agent.created', 'agent.created'], [...announcedEvents, announcedEvents[0]]],
  refusedWithin: [[1], [null], [[]], [''], ['*'], ['agent'], ['agent.retired'], ['message.signed'], ['webhook.created'], ['Agent.created'], [' agent.created'], ['constructor']],
  passed: [...announcedEvents.map((event) => [event]), [...announcedEvents].reverse()],
};

/** Seconds of NumericDate (RFC 7519 §2) from now on. */
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

const required = (kind: Kind): Field => ({ ...kind, required: true, nullable: false });
const optional = (kind: Kind): Field => ({ ...kind, required: false, nullable: true });
const optionalNotNull = (kind: Kind): Field => ({ ...kind, required: false, nullable: false });

const agentFields = {
  name: required(line(255)),
  model_hash: required(line(512)),
  model: optional(line(255)),
  version: optional(line(64)),
  description: optional(text(1000)),
  operator_org: optional(line(64)),
  permitted_actions: optional(lines(100, 128)),
  financial_scope: optional({ refused: ['x', '', 1, true, false, [], [{}]], passed: [{}] }),
  'financial_scope.max_single_trade_usd': optional(number(1e15)),
  'financial_scope.daily_limit_usd': optional(number(1e15)),
  'financial_scope.permitted_instruments': optional(lines(100, 64)),
  'financial_scope.permitted_venues': optional(lines(100, 64)),
  'financial_scope.leverage_permitted': optional(boolean),
  'financial_scope.max_leverage_ratio': optional(number(10_000)),
  metadata: optional(freeForm(8192)),
};

/** By route, then by field; `a.b` is the field b of the object a. */
export const requestFields = {
  'create-agent': agentFields,
  'update-agent': {
    ...agentFields,
    name: optionalNotNull(line(255)),
    model_hash: optionalNotNull(line(512)),
    status: optionalNotNull({ ...oneOf('pending', 'active', 'suspended', 'retired'), refused: oneOf('active').refused }),
  },
  'halt-agent': {
    reason: optional(line(500)),
    operator_note: optional(text(1000)),
  },
  // Which of these texts is a role that may be granted a key is tried in test/api/grants.test.ts.
  'certify-agent': { grantee_principal_arn: optional(line(256)) },
  'revoke-certificate': {
    reason: required(text(500)),
    reason_code: optional({
      ...oneOf('unspecified', 'keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn', 'aACompromise'),
      // The first two would promise that the revocation might be lifted.
      refused: ['certificateHold', 'removeFromCRL', 'key_compromise', 'cessation', ...oneOf('keyCompromise').refused],
    }),
  },
  'ingest-event': {
    agent_id: required(uuid),
    action_type: required(oneOf(...actionTypes)),
    payload: optional(freeForm(16_384)),
    details: optional(freeForm(16_384)),
    session_id: optional(line(255)),
    chain_id: optional(line(255)),
    occurred_at: optional(timestamp),
  },
  'record-risk-score': {
    agent_id: required(uuid),
    score: required(score),
    source: optional(line(128)),
    model_version: optional(line(128)),
    explanation: optional(text(2000)),
    observed_at: optional(timestamp),
  },
  'create-webhook': { url: required(webhookUrl), events: required(webhookEvents), description: optional(text(1000)) },
  'update-webhook': {
    url: optionalNotNull(webhookUrl),
    events: optionalNotNull(webhookEvents),
    description: optional(text(1000)),
    active: optionalNotNull(boolean),
    rotate_secret: optional(boolean),
  },
  'sign-message': {
    payload: required(anyObject),
    digest: { ...optional(digest), insteadOf: 'payload' },
    jwt: { ...optional(anyObject), insteadOf: 'payload' },
    'jwt.aud': { ...optionalNotNull({ refused: [1, true, {}, [1], [null], [['x']]], passed: ['', 'x', [], ['x', 'y']] }), insteadOf: 'payload' },
    'jwt.nbf': { ...optionalNotNull(wholeSeconds), insteadOf: 'payload' },
    'jwt.exp': { ...optionalNotNull({ refused: wholeSeconds.refused, passed: [inSeconds(60), inSeconds(3600)] }), insteadOf: 'payload' },
  },
  'verify-message': {
    payload: required(anyObject),
    digest: { ...optional(digest), insteadOf: 'payload' },
    signature: required(signature),
    certificate_serial: required({ refused: [...notText, '', 'hello', '-1', '1.5', 'A'.repeat(33), 'A'.repeat(5000), '7F:', '１２'], passed: [] }),
    agent_id: optional({ refused: notText, passed: ['', 'x', '00000000-0000-4000-8000-000000000000'] }),
  },
} satisfies Partial<Record<RouteName, Readonly<Record<string, Field>>>>;

export type RequestName = keyof typeof requestFields;

/** What a body is changed by so that a field has a value: what the field stands in the place of is gone, if it is there. */
export function change(field: string, { insteadOf }: Field, value: unknown): object {
  const fields = nested(field, value);
  const [given] = Object.values(fields);
  return { ...(insteadOf !== undefined && given !== undefined && given !== null && { [insteadOf]: undefined }), ...fields };
}

/** One row for each field of each request. */
export const requestFieldRows = Object.entries(requestFields).flatMap(([route, fields]) =>
  Object.entries(fields as Record<string, Field>).map(([field, definition]) => ({ route: route as RequestName, field, definition })));
