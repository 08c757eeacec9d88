import { expect } from '@jest/globals';
import type { Reply } from './runtime.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const sentence = /^[A-Z].+\.$/s;

/** What no answer to a failure may hold: ARNs, AWS's words, names of our own insides, stack traces. */
const internals = /arn:|amazon|dynamo|exception|conditional|\baws\b|node_modules|lambdas?\/|\.ts\b|\n\s*at /i;

export interface ExpectedProblem {
  /** The paths that `issues` names, each once, in this order; a matcher may stand for one. */
  readonly issues?: readonly unknown[];
  readonly data?: object;
}

/** Expects a refusal in the one shape that every refusal has. */
export function expectProblem({ status, headers, body }: Reply, expectedStatus: number, code: string, { issues, data }: ExpectedProblem = {}): void {
  expect({ status, ...body }).toStrictEqual({
    status: expectedStatus,
    error: expect.stringMatching(sentence),
    code,
    request_id: expect.stringMatching(uuid),
    ...(issues !== undefined && { issues: expect.any(Array) }),
    ...(data !== undefined && { data }),
  });
  if (issues !== undefined) {
    const found = body.issues as { path: string; message: string }[];
    expect([...new Set(found.map(({ path }) => path))]).toEqual(issues);
    for (const issue of found) expect(issue).toStrictEqual({ path: issue.path, message: expect.stringMatching(/\S/) });
  }
  expect(headers.get('content-type')).toMatch(/^application\/json(; charset=utf-8)?$/);
  expect(headers.get('x-request-id')).toBe(body.request_id);
  expect(JSON.stringify(body)).not.toMatch(internals);
}
