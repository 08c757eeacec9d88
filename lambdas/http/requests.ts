import * as z from 'zod';
import { finalReasonCodes } from '../authority/revocation-reasons.ts';
import { octetsOfBase64Url } from '../pki/base64.ts';
import { nameAttributeProblem } from '../pki/name-attribute.ts';
import { parseSerialNumber } from '../pki/serial-number.ts';
import { actorTypes, auditEventTypes } from '../authority/audit.ts';
import { announcedEvents } from '../authority/announcement.ts';
import { actionTypes, riskBands } from '../authority/risk-assessment.ts';
import { deliveryStatuses } from '../authority/webhook.ts';
import { maximumUrlLength, webhookUrlProblem } from '../authority/webhook-url.ts';

/*
 * Every field of every request, with its limits. Objects accept each field in snake_case and in camelCase and ignore
 * what they do not know (docs/api.md, Conventions); `null` in an optional field means absent, and clears it in a PATCH.
 */

// C0/C1 controls but tab, line feed and carriage return, lone surrogates, and the marks that reverse the direction of what
// follows: nothing that shows as what it is.
// eslint-disable-next-line no-control-regex -- refusing them is its purpose
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|[\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const lineBreak = /[\t\n\r]/;

const prose = (maximum: number) =>
  z.string().min(1).max(maximum)
    .refine((text) => !unprintable.test(text), 'must not contain control characters')
    .refine((text) => text.trim() !== '', 'must not be blank');

const line = (maximum: number) => prose(maximum).refine((text) => !lineBreak.test(text), 'must be a single line');

/** What becomes part of a certificate's subject has the limits of X.520. */
const nameAttribute = line(255).superRefine((text, { addIssue }) => {
  const problem = nameAttributeProblem(text);
  if (problem !== undefined) addIssue(problem);
});

// DynamoDB keeps numbers from 1E-130 on (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const smallestNumber = 1e-100;

const quantity = (maximum: number) =>
  z.number().min(0).max(maximum).refine((value) => value === 0 || value >= smallestNumber, `must be 0 or at least ${smallestNumber}`);

const amountUsd = quantity(1e15);
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be a UUID').toLowerCase();
/** Answered in UTC with milliseconds. An offset may carry a time out of the years that have four digits, and so out of the order of strings. */
const timestamp = z.iso.datetime({ offset: true, message: 'must be an RFC 3339 time, such as 2026-05-17T10:00:00Z', abort: true })
  .transform((time) => new Date(time).toISOString())
  .refine((time) => time.length === 24, 'must be in the years 0000 to 9999 in UTC');

const maximumDepth = 16;

/** A free-form JSON object, at most `maximumBytes` of UTF-8 once serialised. */
const freeForm = (maximumBytes: number) =>
  z.record(z.string(), z.unknown())
    .refine((value) => !isDeeperThan(maximumDepth, value), { message: `must not be nested deeper than ${maximumDepth} levels`, abort: true })
    .refine(hasFiniteNumbers, 'must not contain numbers beyond the range of a double')
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= maximumBytes, `must not exceed ${maximumBytes} bytes of JSON`);

/** Goes no further down than `levels`, however deep the value is. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

/** JSON.parse reads 1e400 as Infinity, which JSON.stringify would turn into null. */
function hasFiniteNumbers(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(hasFiniteNumbers);
  return typeof value !== 'number' || Number.isFinite(value);
}

const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A JSON object whose fields may be spelt in snake_case or camelCase; snake_case wins where both are present. */
function object<Shape extends z.ZodRawShape>(shape: Shape, prepare = (fields: Record<string, unknown>) => fields) {
  return z.preprocess((value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const fields: Record<string, unknown> = { ...value };
    for (const name of Object.keys(shape)) if (fields[name] === undefined) fields[name] = fields[camelCase(name)];
    return prepare(fields);
  }, z.object(shape, 'must be a JSON object'));
}

const financialScope = object({
  max_single_trade_usd: amountUsd.nullish(),
  daily_limit_usd: amountUsd.nullish(),
  permitted_instruments: z.array(line(64)).max(100).nullish(),
  permitted_venues: z.array(line(64)).max(100).nullish(),
  leverage_permitted: z.boolean().nullish(),
  max_leverage_ratio: quantity(10_000).nullish(),
});

const agentFields = {
  name: line(255),
  model_hash: line(512),
  model: line(255).nullish(),
  version: line(64).nullish(),
  description: prose(1000).nullish(),
  operator_org: nameAttribute.nullish(),
  permitted_actions: z.array(line(128)).max(100).nullish(),
  financial_scope: financialScope.nullish(),
  metadata: freeForm(8192).nullish(),
};

/** Some clients send what an agent is permitted inside `metadata`; the field of its own wins. */
function liftFromMetadata(fields: Record<string, unknown>): Record<string, unknown> {
  const { metadata } = fields;
  if (typeof metadata !== 'object' || metadata === null) return fields;
  for (const name of ['permitted_actions', 'financial_scope']) {
    if (fields[name] === undefined) fields[name] = Reflect.get(metadata, name) ?? Reflect.get(metadata, camelCase(name));
  }
  return fields;
}

export const createAgentRequest = object(agentFields, liftFromMetadata);

export const updateAgentRequest = object(
  {
    ...agentFields,
    name: agentFields.name.optional(),
    model_hash: agentFields.model_hash.optional(),
    status: z.enum(['pending', 'active', 'suspended', 'retired']).optional(),
  },
  liftFromMetadata,
);

export const revokeCertificateRequest = object({
  reason: prose(500),
  reason_code: z.enum(finalReasonCodes).nullish(),
});

export const certifyAgentRequest = object({
  // What else it has to be is a rule of the deployment's (authority/grantee.ts).
  grantee_principal_arn: line(256).nullish(),
});

export const haltAgentRequest = object({
  reason: line(500).nullish(),
  operator_note: prose(1000).nullish(),
});

export const ingestEventRequest = object({
  agent_id: uuid,
  action_type: z.enum(actionTypes),
  payload: freeForm(16_384).nullish(),
  details: freeForm(16_384).nullish(),
  session_id: line(255).nullish(),
  chain_id: line(255).nullish(),
  occurred_at: timestamp.nullish(),
});

export const recordRiskScoreRequest = object({
  agent_id: uuid,
  score: quantity(1),
  source: line(128).nullish(),
  model_version: line(128).nullish(),
  explanation: prose(2000).nullish(),
  observed_at: timestamp.nullish(),
});

/** What is signed has no limits but those of its body and of strict-json.ts. */
const signable = z.record(z.string(), z.unknown());

/** Base64 in either alphabet (RFC 4648 §4, §5), padded or not; undefined for what is none. */
const octetsOf = (text: string) =>
  octetsOfBase64Url((text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text).replaceAll('+', '-').replaceAll('/', '_'));

/** What a reader makes of a text; where that is nothing, the text `must be …`. */
const readAs = <Value>(read: (text: string) => Value | undefined, what: string) =>
  z.string().transform((text, { addIssue }) => {
    const value = read(text);
    if (value !== undefined) return value;
    addIssue(`must be ${what}`);
    return z.NEVER;
  });

const sha256Digest = readAs((text) => {
  const octets = octetsOf(text);
  return octets?.length === 32 ? octets : undefined;
}, 'a SHA-256 digest: 32 bytes in base64');

/** The claims that a caller may set have the types of RFC 7519 §4.1, and the limits of http/signing.ts; the others of its names are set for him. */
const claims = z.looseObject({
  aud: z.union([z.string(), z.array(z.string())], 'must be text or a list of texts').optional(),
  nbf: z.int().optional(),
  exp: z.int().optional(),
}, 'must be a JSON object');

/** Exactly one of these fields is to be there. */
const exactlyOneOf = (...[first, ...others]: [string, ...string[]]) =>
  (fields: Readonly<Record<string, unknown>>, { addIssue }: z.core.$RefinementCtx) => {
    const [given, ...more] = [first, ...others].filter((name) => fields[name] !== undefined && fields[name] !== null);
    if (given === undefined) addIssue({ code: 'custom', path: [first], message: `is required, or ${others.join(' or ')} in its place` });
    for (const name of more) addIssue({ code: 'custom', path: [name], message: `must not stand beside ${given}` });
  };

export const signMessageRequest = object({
  payload: signable.nullish(),
  digest: sha256Digest.nullish(),
  jwt: claims.nullish(),
}).superRefine(exactlyOneOf('payload', 'digest', 'jwt'));

export const verifyMessageRequest = object({
  payload: signable.nullish(),
  digest: sha256Digest.nullish(),
  // What is no base64 is a wrong signature like any other.
  signature: z.string().transform(octetsOf),
  certificate_serial: readAs(parseSerialNumber, 'a serial number, such as `openssl x509 -noout -serial` prints'),
  agent_id: z.string().nullish(),
}).superRefine(exactlyOneOf('payload', 'digest'));

// What its host has to be besides is a rule of the deployment's (authority/webhook-host.ts).
const webhookUrl = line(maximumUrlLength).superRefine((text, { addIssue }) => {
  const problem = webhookUrlProblem(text);
  if (problem !== undefined) addIssue(problem);
});

const webhookEvents = z.array(z.enum(announcedEvents)).min(1).refine((events) => new Set(events).size === events.length, 'must not name an event twice');

export const createWebhookRequest = object({
  url: webhookUrl,
  events: webhookEvents,
  description: prose(1000).nullish(),
});

export const updateWebhookRequest = object({
  url: webhookUrl.optional(),
  events: webhookEvents.optional(),
  description: prose(1000).nullish(),
  active: z.boolean().optional(),
  rotate_secret: z.boolean().nullish(),
});

/** A number in a query, in decimal digits and nothing else. */
const wholeNumber = (minimum: number, maximum: number) =>
  z.string().regex(/^\d{1,9}$/, 'must be a whole number').transform(Number).pipe(z.number().min(minimum).max(maximum));

const limit = wholeNumber(1, 100).default(20);
const cursor = z.string().max(512).optional();
/** Where a page begins: clients know it by either name. */
const cursors = { cursor, before: cursor };

export const listAgentsQuery = z.object({
  status: z.enum(['pending', 'active', 'suspended', 'retired']).optional(),
  limit,
  offset: wholeNumber(0, 10_000).default(0),
  ...cursors,
});

export const listCertificatesQuery = object({
  agent_id: uuid.optional(),
  status: z.enum(['active', 'revoked', 'expired']).optional(),
  limit,
  ...cursors,
});

export const listEventsQuery = object({
  agent_id: uuid.optional(),
  band: z.enum(riskBands).optional(),
  action_type: z.enum(actionTypes).optional(),
  limit,
  ...cursors,
});

/** Whose CRL it is to be: of the issuing CA, the one that issues now without it. */
export const crlQuery = z.object({ generation: wholeNumber(1, 1_000_000).optional() });

/** As long as the days' roll-ups are kept (aws/risk-items.ts). */
const longestWindowDays = 30;

export const agentRiskQuery = object({ window_days: wholeNumber(1, longestWindowDays).default(longestWindowDays) });

export const listAuditEntriesQuery = object({
  event_type: z.enum(auditEventTypes).optional(),
  actor_type: z.enum(actorTypes).optional(),
  affected_id: uuid.optional(),
  limit,
  ...cursors,
});

export const listWebhookDeliveriesQuery = z.object({
  status: z.enum(deliveryStatuses).optional(),
  limit,
  ...cursors,
});
