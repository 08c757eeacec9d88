import { describe, expect, test } from '@jest/globals';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { Refusal, type RefusalCode } from '../../lambdas/authority/errors.ts';
import { BadRequest, problem } from '../../lambdas/http/problem.ts';

/** The contract's and the seed's statuses. The compiler sees to it that no code is missing. */
const statuses: Readonly<Record<RefusalCode, number>> = {
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
};

describe('a refusal', () => {
  test.each(Object.entries(statuses) as [RefusalCode, number][])('%s is %i', (code, status) => {
    expect(problem(new Refusal(code, 'A sentence.'), 'request-1')).toMatchObject({ status, body: { error: 'A sentence.', code, request_id: 'request-1' } });
  });

  test.each(Object.entries(statuses) as [RefusalCode, number][])('%s says when to come back if that helps', (code, status) => {
    const retryAfter = problem(new Refusal(code, 'A sentence.'), 'r').headers?.['retry-after'];
    if (status === 503 || code === 'ISSUANCE_IN_PROGRESS' || code === 'REQUEST_IN_PROGRESS') expect(retryAfter).toMatch(/^[1-9]\d*$/);
    else expect(retryAfter).toBeUndefined();
  });

  test('has the shape of every error, with data where there is some', () => {
    expect(problem(new Refusal('AGENT_NOT_FOUND', 'No.'), 'r').body).toStrictEqual({ error: 'No.', code: 'AGENT_NOT_FOUND', request_id: 'r' });
    expect(problem(new Refusal('ACTIVE_CERTIFICATE_EXISTS', 'No.', { data: { certificate_id: 'c' } }), 'r').body)
      .toStrictEqual({ error: 'No.', code: 'ACTIVE_CERTIFICATE_EXISTS', request_id: 'r', data: { certificate_id: 'c' } });
  });

  test('keeps its cause to itself', () => {
    const answer = problem(new Refusal('KMS_UNAVAILABLE', 'Later.', { cause: new Error('arn:aws:kms:eu-west-1:1:key/2 is throttled') }), 'r');
    expect(JSON.stringify(answer)).not.toContain('arn:');
  });
});

describe('a request that never reached a use case', () => {
  test.each([400, 403, 404, 413] as const)('is %i', (status) => {
    expect(problem(new BadRequest(status, 'SOME_CODE', 'No.'), 'r')).toStrictEqual({ status, body: { error: 'No.', code: 'SOME_CODE', request_id: 'r' } });
  });

  test('names its issues', () => {
    const issues = [{ path: 'name', message: 'must not be blank' }];
    expect(problem(new BadRequest(400, 'VALIDATION_FAILED', 'No.', issues), 'r').body).toStrictEqual({ error: 'No.', code: 'VALIDATION_FAILED', request_id: 'r', issues });
  });
});

test('a function whose time is over is not available, and says when to come back', async () => {
  const outOfTime = middy({ timeoutEarlyInMillis: 1 }).handler(() => new Promise(() => undefined));
  const error: unknown = await Promise.resolve(outOfTime({}, { getRemainingTimeInMillis: () => 10 } as Context)).catch((thrown: unknown) => thrown);
  expect(problem(error, 'r')).toMatchObject({ status: 503, headers: { 'retry-after': '5' }, body: { code: 'SERVICE_UNAVAILABLE', request_id: 'r' } });
});

test.each([
  new Error('secret detail'),
  new TypeError("Cannot read properties of undefined (reading 'secret')"),
  Object.assign(new Error('secret'), { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } }),
  Object.assign(new Error('secret'), { status: 404, code: 'AGENT_NOT_FOUND' }),
  'secret', undefined, null, { code: 'secret', status: 200 },
])('anything else is a 500 that says nothing of it: %p', (error) => {
  const answer = problem(error, 'r');
  expect(answer).toMatchObject({ status: 500, body: { code: 'INTERNAL_ERROR', request_id: 'r' } });
  expect(Object.keys(answer.body).sort()).toEqual(['code', 'error', 'request_id']);
  expect(JSON.stringify(answer)).not.toMatch(/secret|Exception/);
});
