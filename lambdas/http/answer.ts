import type { APIGatewayProxyResult } from 'aws-lambda';

/** What a handler answers. A body that is an object is sent as JSON; text and bytes as they are, with their content type. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | string | Uint8Array;
  /**
   * What is kept for a repetition of the request (idempotency.ts) instead of `body`, where that holds what must not be kept,
   * such as a secret shown once; false where the request is to run again.
   */
  readonly kept?: object | false;
}

/** 200 `{"data": …}` */
export const ok = (data: object, headers: Readonly<Record<string, string>> = {}): Answer => ({ status: 200, headers, body: { data } });

/** 201 `{"data": …}` */
export const created = (data: object): Answer => ({ status: 201, body: { data } });

/** 202 `{"data": …}` */
export const accepted = (data: object): Answer => ({ status: 202, body: { data } });

// Answers are data about a caller's own agents unless a handler says otherwise.
const defaultHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** The answer in API Gateway's form (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html). */
export function toProxyResult({ status, headers, body }: Answer, requestId: string): APIGatewayProxyResult {
  const json = typeof body === 'object' && !(body instanceof Uint8Array);
  return {
    statusCode: status,
    headers: {
      ...defaultHeaders,
      ...(json && { 'content-type': 'application/json; charset=utf-8' }),
      ...headers,
      'x-request-id': requestId,
    },
    body: body instanceof Uint8Array ? Buffer.from(body).toString('base64') : typeof body === 'string' ? body : JSON.stringify(body),
    isBase64Encoded: body instanceof Uint8Array,
  };
}
