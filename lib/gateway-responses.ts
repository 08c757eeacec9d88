import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { addressWindowSeconds } from '../lambdas/rate-limits.ts';

/** An answer that API Gateway gives by itself, in the shape of the contract. */
interface GatewayAnswer {
  readonly types: readonly ResponseType[];
  /** Left out, each type keeps its own. */
  readonly status?: number;
  readonly code: string;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/*
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 *
 * API Gateway looks for an AWS signature where a path leads nowhere, so its MISSING_AUTHENTICATION_TOKEN (no
 * Authorization header) and INVALID_SIGNATURE (an Authorization header that is no signature, such as an API key) both mean
 * that there is no such path: this API has no method that takes signatures.
 */
const answers: readonly GatewayAnswer[] = [
  {
    types: [ResponseType.UNAUTHORIZED],
    status: 401, code: 'UNAUTHORIZED', error: 'A valid API key is needed. Send it as Authorization: Bearer kak_live_... or kak_test_...',
    headers: { 'WWW-Authenticate': 'Bearer' },
  },
  {
    types: [ResponseType.ACCESS_DENIED],
    status: 403, code: 'FORBIDDEN', error: 'This request is not allowed. Use an API key that has the scope it needs.',
  },
  {
    types: [ResponseType.MISSING_AUTHENTICATION_TOKEN, ResponseType.INVALID_SIGNATURE, ResponseType.RESOURCE_NOT_FOUND],
    status: 404, code: 'NOT_FOUND', error: 'There is nothing at this path. Check the URL against the API documentation.',
  },
  {
    // The authorizer knows the tenant, and no usage plan does.
    types: [ResponseType.INVALID_API_KEY],
    status: 403, code: 'NO_USAGE_PLAN', error: 'This tenant is in no usage plan, and so may ask nothing. Have the operator of the service run: npm run admin -- tenant repair',
  },
  {
    // No bucket fills more slowly than by one request a second. There are no quotas, but those an operator gives a plan by hand.
    types: [ResponseType.THROTTLED, ResponseType.QUOTA_EXCEEDED],
    status: 429, code: 'RATE_LIMITED', error: 'Too many requests. Wait as long as Retry-After says and try again.',
    headers: { 'Retry-After': '1' },
  },
  {
    // Its rules that refuse are about how often an address asks (web-acl.ts). After so long without a request none is left to be counted.
    types: [ResponseType.WAF_FILTERED],
    status: 429, code: 'RATE_LIMITED', error: 'Too many requests from this address. Wait as long as Retry-After says and try again.',
    headers: { 'Retry-After': String(addressWindowSeconds) },
  },
  {
    types: [ResponseType.REQUEST_TOO_LARGE],
    status: 413, code: 'PAYLOAD_TOO_LARGE', error: 'The body is too large. Send less.',
  },
  {
    types: [ResponseType.UNSUPPORTED_MEDIA_TYPE],
    status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', error: 'Bodies are JSON. Send it with Content-Type: application/json.',
  },
  {
    types: [ResponseType.BAD_REQUEST_BODY, ResponseType.BAD_REQUEST_PARAMETERS],
    status: 400, code: 'VALIDATION_FAILED', error: 'The request is not as it should be. Check it against the API documentation.',
  },
  {
    // INTEGRATION_FAILURE is also what becomes of a request whose function Lambda throttles.
    types: [
      ResponseType.AUTHORIZER_FAILURE, ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
      ResponseType.INTEGRATION_FAILURE, ResponseType.INTEGRATION_TIMEOUT,
    ],
    status: 503, code: 'SERVICE_UNAVAILABLE', error: 'The service cannot answer right now. Wait a moment and try again.',
    headers: { 'Retry-After': '5' },
  },
  { types: [ResponseType.DEFAULT_4XX], code: 'BAD_REQUEST', error: 'The request cannot be understood. Check it against the API documentation.' },
  {
    types: [ResponseType.DEFAULT_5XX],
    status: 500, code: 'INTERNAL_ERROR', error: 'Something unforeseen went wrong. Try again, and give the request id to the operator if it stays so.',
  },
];

/** The body of a refusal, as a template of API Gateway's. */
export function refusalTemplate({ error, code }: Pick<GatewayAnswer, 'error' | 'code'>): string {
  return JSON.stringify({ error, code, request_id: '$context.requestId' });
}

/** A constant, as API Gateway's parameter mappings quote it. */
export const quoted = (text: string): string => `'${text}'`;

/** Makes API Gateway's own answers look like those of the functions. */
export function addGatewayResponses(api: RestApi): void {
  for (const { types, status, headers = {}, ...refusal } of answers) {
    for (const type of types) {
      api.addGatewayResponse(type.responseType, {
        type,
        ...(status !== undefined && { statusCode: String(status) }),
        responseHeaders: {
          'x-request-id': 'context.requestId',
          ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, quoted(value)])),
        },
        templates: { 'application/json': refusalTemplate(refusal) },
      });
    }
  }
}
