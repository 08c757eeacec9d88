import { isMutation, routes, type Route, type RouteName } from '../lambdas/routes.ts';
import { statusOf } from '../lambdas/http/problem.ts';
import { operations } from './operations.ts';

/** What any path may answer: by the gateway where no function has a say (lib/gateway-responses.ts), and to a body that nobody asked for. */
export const anywhere: Readonly<Record<string, number>> = {
  INVALID_JSON: 400,
  VALIDATION_FAILED: 400,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HEADERS_TOO_LARGE: 431,
};

const unavailable = Object.entries(statusOf).filter(([, status]) => status === 503);

/** Every code that an operation's failures may carry, by status, in ascending order of both. */
export function problemsOf(name: RouteName): ReadonlyMap<number, readonly string[]> {
  const { body, query, path, access }: Route = routes[name];
  const hasJsonBody = body !== undefined && body !== 'bytes';
  const codes: Readonly<Record<string, number | false>> = {
    BAD_REQUEST: path.includes('{') && 400,
    INVALID_JSON: hasJsonBody && 400,
    VALIDATION_FAILED: (hasJsonBody || query !== undefined) && 400,
    INVALID_SERIAL_NUMBER: path.includes('{serial}') && 400,
    INVALID_IDEMPOTENCY_KEY: isMutation(name) && 400,
    UNAUTHORIZED: access !== 'public' && 401,
    FORBIDDEN: access !== 'public' && 403,
    NO_USAGE_PLAN: access !== 'public' && 403,
    REQUEST_IN_PROGRESS: isMutation(name) && 409,
    PAYLOAD_TOO_LARGE: body !== undefined && 413,
    IDEMPOTENCY_KEY_REUSED: isMutation(name) && 422,
    RATE_LIMITED: 429,
    INTERNAL_ERROR: 500,
    SERVICE_UNAVAILABLE: 503,
    ...(name !== 'get-openapi' && Object.fromEntries(unavailable)),
    ...Object.fromEntries((operations[name].refusals ?? []).map((code) => [code, statusOf[code]])),
  };
  const byStatus = new Map<number, string[]>();
  for (const [code, status] of Object.entries(codes).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (status !== false) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}
