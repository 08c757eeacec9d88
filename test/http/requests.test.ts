import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BadRequest } from '../../lambdas/http/problem.ts';
import { readRequest } from '../../lambdas/http/request.ts';
import { routes } from '../../lambdas/routes.ts';
import { minimalAgent, unknownId } from '../support/agents.ts';
import { change, requestFieldRows, requestFields, stringify, type RequestName } from '../support/request-fields.ts';
import { minimalWebhook } from '../support/webhooks.ts';
import { proxyEvent } from './proxy-event.ts';

/** For each request a body that passes. */
const bodies: Readonly<Record<RequestName, Readonly<Record<string, unknown>>>> = {
  'create-agent': minimalAgent,
  'update-agent': {},
  'halt-agent': {},
  'certify-agent': {},
  'revoke-certificate': { reason: 'Key lost' },
  'ingest-event': { agent_id: unknownId, action_type: 'api_call' },
  'record-risk-score': { agent_id: unknownId, score: 0.1 },
  'create-webhook': minimalWebhook,
  'update-webhook': {},
  'sign-message': { payload: {} },
  'verify-message': { payload: {}, signature: '', certificate_serial: '1' },
};

const read = (route: RequestName, body: unknown) => readRequest(routes[route], proxyEvent({ body: stringify(body) })).body as Record<string, unknown>;

/** The paths of the issues that a body is refused for; empty where it passes. */
function issuePaths(route: RequestName, body: unknown): string[] {
  try {
    read(route, body);
    return [];
  } catch (error) {
    if (!(error instanceof BadRequest) || error.status !== 400 || error.code !== 'VALIDATION_FAILED') throw error;
    return [...new Set(error.issues?.map(({ path }) => path))];
  }
}

test('the table of fields knows every request body in JSON and every field of it', () => {
  const withBody = Object.entries(routes).filter(([, route]) => 'body' in route && route.body !== 'bytes').map(([name]) => name);
  expect(Object.keys(requestFields).sort()).toEqual(withBody.sort());
  for (const route of Object.keys(requestFields) as RequestName[]) {
    const fields = Object.keys(requestFields[route]).filter((field) => !field.includes('.'));
    // What is read has a key for every field of the schema, be it undefined.
    expect(Object.keys(read(route, bodies[route])).sort()).toEqual(fields.sort());
  }
});

describe.each(requestFieldRows)('$route $field', ({ route, field, definition }) => {
  const { refused, refusedWithin = [], passed, nullable, required } = definition;
  const issuesOf = (value: unknown) => issuePaths(route, { ...bodies[route], ...change(field, definition, value) });
  const show = (value: unknown) => stringify(value).slice(0, 60);

  test('refuses what it cannot be', () => {
    for (const value of [...refused, ...(nullable ? [] : [null])]) expect([show(value), issuesOf(value)]).toEqual([show(value), [field]]);
    for (const value of refusedWithin) expect([show(value), issuesOf(value)]).toEqual([show(value), [`${field}.0`]]);
  });

  test('takes what it can be', () => {
    for (const value of [...passed, ...(nullable ? [null] : [])]) expect([show(value), issuesOf(value)]).toEqual([show(value), []]);
  });

  test(required ? 'is required' : 'may be missing', () => {
    expect(issuesOf(undefined)).toEqual(required ? [field] : []);
  });
});

describe('text', () => {
  test('of any kind is either refused or taken as it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
      const refused = issuePaths('create-agent', { ...minimalAgent, name });
      if (refused.length === 0) expect(read('create-agent', { ...minimalAgent, name })['name']).toBe(name);
      else expect(refused).toEqual(['name']);
    }));
  });

  test('that can be printed on one line is taken', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 255 }), (name) => {
      fc.pre(name.trim() !== '');
      expect(issuePaths('create-agent', { ...minimalAgent, name })).toEqual([]);
    }));
  });

  test('of the operator has the length of X.520, counted in characters', () => {
    expect(issuePaths('create-agent', { ...minimalAgent, operator_org: '😀'.repeat(64) })).toEqual([]);
    expect(issuePaths('create-agent', { ...minimalAgent, operator_org: '😀'.repeat(65) })).toEqual(['operator_org']);
  });
});

describe('metadata', () => {
  test('of any JSON that is small enough comes through as it is', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 5 }), (dictionary) => {
      const metadata = JSON.parse(JSON.stringify(dictionary)) as Record<string, unknown>;
      fc.pre(!JSON.stringify(metadata).includes('__proto__') && !['permitted_actions', 'permittedActions', 'financial_scope', 'financialScope'].some((name) => name in metadata));
      expect(read('create-agent', { ...minimalAgent, metadata })['metadata']).toEqual(metadata);
    }));
  });

  test('may be as deep as the body is long without being walked to the end', () => {
    for (let levels = 1000; levels <= 30_000; levels += 1000) {
      const event = proxyEvent({ body: `{"name":"x","model_hash":"h","metadata":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}` });
      expect(() => readRequest(routes['create-agent'], event)).toThrow(BadRequest);
    }
  });

  test('may be as wide as the body is long', () => {
    const body = { ...minimalAgent, metadata: { a: new Array(20_000).fill(0) } };
    expect(issuePaths('create-agent', body)).toEqual(['metadata']);
  });
});

describe('times', () => {
  const read_observed_at = (observed_at: string) => read('record-risk-score', { agent_id: unknownId, score: 1, observed_at })['observed_at'];

  test('become UTC with milliseconds, so that they compare as strings', () => {
    expect(read_observed_at('2026-05-17T12:00:00.123456+02:00')).toBe('2026-05-17T10:00:00.123Z');
    fc.assert(fc.property(fc.date({ min: new Date('0000-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true }), fc.integer({ min: -1439, max: 1439 }), (date, minutes) => {
      const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 23);
      const pad = (value: number) => String(Math.floor(value)).padStart(2, '0');
      const offset = `${minutes < 0 ? '-' : '+'}${pad(Math.abs(minutes) / 60)}:${pad(Math.abs(minutes) % 60)}`;
      expect(read_observed_at(local + offset)).toBe(date.toISOString());
    }));
  });
});

describe('numbers', () => {
  test('that pass are numbers that DynamoDB keeps', () => {
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html: 1E-130 to 9.99E+125, or 0.
    fc.assert(fc.property(fc.double({ noNaN: true }), (score) => {
      const passed = issuePaths('record-risk-score', { agent_id: unknownId, score }).length === 0;
      if (passed) expect(score === 0 || (score >= 1e-130 && score <= 1)).toBe(true);
      else expect(score < 0 || score > 1 || score < 1e-99).toBe(true);
    }));
  });
});
