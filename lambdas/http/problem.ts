import type { RefusalCode } from '../authority/errors.ts';
import { Refusal } from '../authority/errors.ts';
import type { Answer } from './answer.ts';

/** What is wrong with one field of a request. */
export interface Issue {
  /** Dotted, such as `financial_scope.daily_limit_usd`; empty for the body as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A request that never reached a use case. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly status: 400 | 403 | 404 | 413;
  readonly code: string;
  readonly issues: readonly Issue[] | undefined;

  constructor(status: 400 | 403 | 404 | 413, code: string, message: string, issues?: readonly Issue[]) {
    super(message);
    this.status = status;
    this.code = code;
    this.issues = issues;
  }
}

/** That fields of a request's body or query are not as they should be. */
export function invalidRequest(where: 'body' | 'query', issues: readonly Issue[]): BadRequest {
  return new BadRequest(400, 'VALIDATION_FAILED', `The ${where} is not as it should be: ${described(issues)}. Correct it and send it again.`, issues);
}

function described([first, ...others]: readonly Issue[]): string {
  if (first === undefined) return 'unknown';
  const where = `${first.path === '' ? 'it' : first.path} ${first.message}`;
  return others.length === 0 ? where : `${where} (and ${others.length} more)`;
}

export const statusOf = {
  INVALID_CURSOR: 400,
  AGENT_NOT_FOUND: 404,
  CERTIFICATE_NOT_FOUND: 404,
  WEBHOOK_NOT_FOUND: 404,
  ACTIVE_CERTIFICATE_EXISTS: 409,
  ISSUANCE_IN_PROGRESS: 409,
  ISSUANCE_INTERRUPTED: 409,
  AGENT_ALREADY_RETIRED: 409,
  AGENT_CHANGED_MEANWHILE: 409,
  CERTIFICATE_ALREADY_REVOKED: 409,
  WEBHOOK_CHANGED_MEANWHILE: 409,
  AGENT_RETIRED: 422,
  AGENT_SUSPENDED: 422,
  CERTIFICATE_EXPIRED: 422,
  CERTIFICATE_NOT_ACTIVE: 422,
  STATUS_NOT_ALLOWED: 422,
  GRANTEE_NOT_ALLOWED: 422,
  WEBHOOK_LIMIT_REACHED: 422,
  WEBHOOK_URL_NOT_ALLOWED: 422,
  REQUEST_IN_PROGRESS: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
  CA_NOT_INITIALISED: 503,
  CA_REVOKED: 503,
  KMS_CREDENTIALS_NOT_CONFIGURED: 503,
  KMS_UNAVAILABLE: 503,
  REGISTRY_UNAVAILABLE: 503,
  DISTRIBUTION_UNAVAILABLE: 503,
} as const satisfies Record<RefusalCode, number>;

/** How long a client should wait before it asks again, in seconds, where asking again is what will help. */
const retryAfterSeconds: Partial<Record<RefusalCode, number>> = {
  ISSUANCE_IN_PROGRESS: 1,
  REQUEST_IN_PROGRESS: 1,
  CA_NOT_INITIALISED: 30,
  CA_REVOKED: 300,
  KMS_CREDENTIALS_NOT_CONFIGURED: 30,
  KMS_UNAVAILABLE: 5,
  REGISTRY_UNAVAILABLE: 2,
  DISTRIBUTION_UNAVAILABLE: 5,
};

/** The answer to a request that failed. Whatever is not a refusal of ours is a 500 that says nothing of its cause. */
export function problem(error: unknown, requestId: string): Answer {
  if (error instanceof Refusal) {
    const { code, message, data } = error;
    const seconds = retryAfterSeconds[code];
    return {
      status: statusOf[code],
      ...(seconds !== undefined && { headers: { 'retry-after': String(seconds) } }),
      body: { error: message, code, request_id: requestId, ...(data !== undefined && { data }) },
    };
  }
  if (error instanceof BadRequest) {
    const { status, code, message, issues } = error;
    return { status, body: { error: message, code, request_id: requestId, ...(issues !== undefined && { issues }) } };
  }
  if (isOutOfTime(error)) {
    return {
      status: 503,
      headers: { 'retry-after': '5' },
      body: { error: 'The service cannot answer right now. Wait a moment and try again.', code: 'SERVICE_UNAVAILABLE', request_id: requestId },
    };
  }
  return {
    status: 500,
    body: { error: 'Something unforeseen went wrong. Try again, and give the request id to the operator if it stays so.', code: 'INTERNAL_ERROR', request_id: requestId },
  };
}

/** The function's time is over: middy says so a moment before Lambda would end it without an answer. */
function isOutOfTime(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError' && (error.cause as { package?: string } | undefined)?.package === '@middy/core';
}
