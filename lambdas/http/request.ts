import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { z } from 'zod';
import type { Principal } from '../authority/api-key.ts';
import { agentNotFound, certificateNotFound, webhookNotFound } from '../authority/errors.ts';
import type { Actor } from '../authority/audit.ts';
import { maximumBodyBytes, type Route } from '../routes.ts';
import { parseJsonObject } from './json-body.ts';
import { readPrincipal } from './principal.ts';
import { BadRequest, invalidRequest, type Issue } from './problem.ts';
import { parseStrictJsonObject } from './strict-json.ts';
import { validationMessage } from './validation-messages.ts';

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : Schema extends 'bytes' ? Uint8Array : Record<string, never>;

/** A request that is well-formed, allowed, and within every limit of its route. */
export interface Request<R extends Route> {
  readonly body: Output<R['body']>;
  readonly query: Output<R['query']>;
  /** The value of a path parameter, percent-decoded. */
  readonly parameter: (name: string) => string;
  readonly header: (name: string) => string | undefined;
  /** Whose key it came with; throws on a public route, where there is none. */
  readonly principal: Principal;
  /** The same, as the audit trail names it. */
  readonly actor: Actor;
  readonly requestId: string;
  readonly sourceIp: string;
}

/**
 * Reads an API Gateway proxy event by its route: scope first, then body and query against their schemas.
 * @throws BadRequest 400, 403, 413
 */
export function readRequest<R extends Route>(route: R, event: APIGatewayProxyEvent): Request<R> {
  const principal = route.access === 'public' ? undefined : readPrincipal(event);
  if (route.access !== 'public' && principal?.scopes.includes(route.access) !== true) {
    throw new BadRequest(403, 'FORBIDDEN', `This API key lacks the scope ${route.access}. Use a key that has it, or ask your operator for one.`);
  }
  const headers = new Map(Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    body: (route.body === 'bytes' ? bodyBytes(event) : validated(route.body, () => (route.strictJson ? parseStrictJsonObject : parseJsonObject)(limitedBodyBytes(event)), 'body')) as Output<R['body']>,
    query: validated(route.query, () => event.queryStringParameters ?? {}, 'query') as Output<R['query']>,
    parameter: (name) => decoded(event.pathParameters?.[name] ?? ''),
    header: (name) => headers.get(name),
    get principal(): Principal {
      if (principal === undefined) throw new Error('A public route has no principal.');
      return principal;
    },
    get actor(): Actor {
      return { type: 'api_key', id: this.principal.keyId };
    },
    requestId: event.requestContext.requestId,
    sourceIp: event.requestContext.identity.sourceIp,
  };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The path's agent id, in lower case. What is not a UUID is the id of no agent: AGENT_NOT_FOUND. */
export function agentIdOf({ parameter }: Pick<Request<Route>, 'parameter'>): string {
  const id = parameter('id').toLowerCase();
  if (!uuid.test(id)) throw agentNotFound();
  return id;
}

/** The path's certificate id, in lower case. What is not a UUID is the id of no certificate: CERTIFICATE_NOT_FOUND. */
export function certificateIdOf({ parameter }: Pick<Request<Route>, 'parameter'>): string {
  const id = parameter('id').toLowerCase();
  if (!uuid.test(id)) throw certificateNotFound();
  return id;
}

/** The path's webhook id, in lower case. What is not a UUID is the id of no webhook: WEBHOOK_NOT_FOUND. */
export function webhookIdOf({ parameter }: Pick<Request<Route>, 'parameter'>): string {
  const id = parameter('id').toLowerCase();
  if (!uuid.test(id)) throw webhookNotFound();
  return id;
}

/** API Gateway's REST APIs hand path parameters over as they stand in the URL. */
function decoded(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch {
    throw new BadRequest(400, 'BAD_REQUEST', 'The path has a percent sign that starts no escape sequence. Percent-encode the path and try again.');
  }
}

/** The body as it came. */
export function bodyBytes({ body, isBase64Encoded }: APIGatewayProxyEvent): Uint8Array {
  return Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
}

function limitedBodyBytes(event: APIGatewayProxyEvent): Uint8Array {
  const bytes = bodyBytes(event);
  if (bytes.length > maximumBodyBytes) {
    throw new BadRequest(413, 'PAYLOAD_TOO_LARGE', `The body holds ${bytes.length} bytes; ${maximumBodyBytes} are allowed. Send less.`);
  }
  return bytes;
}

function validated(schema: z.ZodType | undefined, read: () => unknown, where: 'body' | 'query'): unknown {
  const value = read();
  if (schema === undefined) return {};
  const result = schema.safeParse(value, { error: validationMessage });
  if (result.success) return result.data;
  throw invalidRequest(where, result.error.issues.map(({ path, message }): Issue => ({ path: path.join('.'), message })));
}
