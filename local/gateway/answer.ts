import type { ServerResponse } from 'node:http';
import { z } from 'zod';

/** What goes back to the client. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/**
 * What the gateway itself refuses, without a handler having a say: status, stable code, and what the reader is to do
 * next, as in lib/gateway-responses.ts.
 */
const problems = {
  malformedPath: [400, 'BAD_REQUEST', 'The request cannot be understood. Check it against the API documentation.'],
  malformedRequest: [400, 'BAD_REQUEST', 'The request cannot be understood. Check it against the API documentation.'],
  unauthorized: [401, 'UNAUTHORIZED', 'A valid API key is needed. Send it as Authorization: Bearer kak_live_... or kak_test_...'],
  forbidden: [403, 'FORBIDDEN', 'This request is not allowed. Use an API key that has the scope it needs.'],
  unknownPath: [404, 'NOT_FOUND', 'There is nothing at this path. Check the URL against the API documentation.'],
  wrongMethod: [405, 'METHOD_NOT_ALLOWED', 'This path does not take this method. Use one that the Allow header names.'],
  bodyTooLarge: [413, 'PAYLOAD_TOO_LARGE', 'The body is too large. Send less.'],
  rateLimited: [429, 'RATE_LIMITED', 'Too many requests. Wait as long as Retry-After says and try again.'],
  headersTooLarge: [431, 'HEADERS_TOO_LARGE', 'The request headers are too large. Send fewer or shorter ones.'],
  failed: [500, 'INTERNAL_ERROR', 'Something unforeseen went wrong. Try again, and give the request id to the operator if it stays so.'],
  unavailable: [503, 'SERVICE_UNAVAILABLE', 'The service cannot answer right now. Wait a moment and try again.'],
} as const satisfies Record<string, readonly [number, string, string]>;

export type Problem = keyof typeof problems;

const secondsToRetryAfter: Readonly<Partial<Record<number, string>>> = { 429: '1', 503: '5' };

/** The error body every part of the service uses, with the headers its status asks for. */
export function problemAnswer(problem: Problem, requestId: string, headers: Record<string, string> = {}): Answer {
  const [status, code, error] = problems[problem];
  const retryAfter = secondsToRetryAfter[status];
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-request-id': requestId,
      ...(status === 401 && { 'www-authenticate': 'Bearer' }), // RFC 9110, 11.6.1
      ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
      ...headers,
    },
    body: Buffer.from(JSON.stringify({ error, code, request_id: requestId })),
  };
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);

// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
const proxyResult = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), scalar).nullish(),
  multiValueHeaders: z.record(z.string(), z.array(scalar)).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/** What a proxy integration returned, as an answer. Throws where API Gateway would speak of a malformed Lambda proxy response. */
export function proxyAnswer(result: unknown): Answer {
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = proxyResult.parse(result);
  const merged: Record<string, string | readonly string[]> = { 'content-type': 'application/json' };
  for (const [name, value] of Object.entries(headers ?? {})) merged[name.toLowerCase()] = String(value);
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) merged[name.toLowerCase()] = values.map(String);
  return { status: statusCode, headers: merged, body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8') };
}

/** Writes the answer; the connection ends with it where `close` says so. */
export function writeAnswer(response: ServerResponse, answer: Answer, close = false): void {
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (close) response.setHeader('connection', 'close');
  // RFC 9110, 8.6: with a 304 it would be that of the answer the client has.
  if (answer.status !== 304) response.setHeader('content-length', answer.body.length);
  response.end(answer.body);
}
