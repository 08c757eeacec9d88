import { describe, expect, test } from '@jest/globals';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { Refusal } from '../../lambdas/authority/errors.ts';
import { BadRequest } from '../../lambdas/http/problem.ts';
import { agentIdOf, certificateIdOf, readRequest } from '../../lambdas/http/request.ts';
import { maximumBodyBytes, routes } from '../../lambdas/routes.ts';
import { minimalAgent } from '../support/agents.ts';
import { proxyEvent } from './proxy-event.ts';

function refusal(run: () => unknown): { status?: number; code: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof BadRequest) return { status: error.status, code: error.code };
    if (error instanceof Refusal) return { code: error.code };
    throw error;
  }
  throw new Error('Nothing was refused.');
}

const withAuthorizer = (authorizer: object | undefined) =>
  proxyEvent({ requestContext: { ...proxyEvent().requestContext, authorizer } as APIGatewayProxyEvent['requestContext'] });

describe('the principal', () => {
  test('is the one the authorizer vouched for', () => {
    const { principal, actor } = readRequest(routes['get-agent'], withAuthorizer({ keyId: 'k', tenantId: 't', scopes: 'agents:read events:write', agentId: 'a', principalId: 'k' }));
    expect(principal).toStrictEqual({ keyId: 'k', tenantId: 't', scopes: ['agents:read', 'events:write'], agentId: 'a' });
    expect(actor).toStrictEqual({ type: 'api_key', id: 'k' });
  });

  test.each([
    ['no authorizer', undefined],
    ['an empty context', {}],
    ['no tenant', { keyId: 'k', scopes: 'agents:read' }],
    ['no scopes', { keyId: 'k', tenantId: 't' }],
    ['an empty list of scopes', { keyId: 'k', tenantId: 't', scopes: '' }],
    ['a scope that only starts alike', { keyId: 'k', tenantId: 't', scopes: 'agents:read-all xagents:read agents' }],
  ])('is refused with %s', (_, authorizer) => {
    expect(refusal(() => readRequest(routes['get-agent'], withAuthorizer(authorizer)))).toEqual({ status: 403, code: 'FORBIDDEN' });
  });

  test('is absent on a public route, even where an authorizer ran', () => {
    const request = readRequest(routes['get-health'], proxyEvent());
    expect(() => request.principal).toThrow('public route');
    expect(() => request.actor).toThrow('public route');
  });
});

describe('the body', () => {
  const agent = JSON.stringify(minimalAgent);

  test('is read as text or as base64', () => {
    for (const body of [agent, Buffer.from(agent)]) expect(readRequest(routes['create-agent'], proxyEvent({ body })).body).toMatchObject(minimalAgent);
  });

  test.each([['as text', (text: string) => text], ['as base64', (text: string) => Buffer.from(text)]])('of 64 KiB passes, and not a byte more: %s', (_, encoded) => {
    expect(readRequest(routes['create-agent'], proxyEvent({ body: encoded(agent.padEnd(maximumBodyBytes)) })).body).toMatchObject(minimalAgent);
    expect(refusal(() => readRequest(routes['create-agent'], proxyEvent({ body: encoded(agent.padEnd(maximumBodyBytes + 1)) })))).toEqual({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
  });

  test('is looked at on routes that need none', () => {
    expect(readRequest(routes['certify-agent'], proxyEvent({ body: '{"ignored":1}' })).body).toEqual({});
    expect(refusal(() => readRequest(routes['certify-agent'], proxyEvent({ body: '[]' })))).toEqual({ status: 400, code: 'INVALID_JSON' });
  });

  test('is handed over as it came where a route takes bytes, whatever and however long it is', () => {
    const bodyOf = (body: string | Uint8Array) => Buffer.from(readRequest(routes['post-ocsp'], proxyEvent({ body })).body);
    const bytes = Uint8Array.from({ length: maximumBodyBytes + 1 }, (_, index) => index);
    expect(bodyOf(bytes).equals(bytes)).toBe(true);
    expect(bodyOf('[]').toString()).toBe('[]');
    expect(readRequest(routes['post-ocsp'], proxyEvent()).body).toHaveLength(0);
  });

  test('comes after the scope', () => {
    const event = { ...withAuthorizer({ keyId: 'k', tenantId: 't', scopes: 'agents:read' }), body: 'not json' };
    expect(refusal(() => readRequest(routes['create-agent'], event))).toEqual({ status: 403, code: 'FORBIDDEN' });
  });
});

test('headers are found in any case', () => {
  const { header } = readRequest(routes['get-health'], proxyEvent({ headers: { ACCEPT: 'text/html', 'X-Other': undefined } }));
  expect([header('accept'), header('x-other'), header('x-missing')]).toEqual(['text/html', undefined, undefined]);
});

test('the request says whence and under which id it came', () => {
  expect(readRequest(routes['get-health'], proxyEvent())).toMatchObject({ requestId: 'request-1', sourceIp: '192.0.2.1' });
});

describe.each([['agentIdOf', agentIdOf, 'AGENT_NOT_FOUND'], ['certificateIdOf', certificateIdOf, 'CERTIFICATE_NOT_FOUND']] as const)('%s', (_, idOf, code) => {
  const parameter = (id: string) => ({ parameter: () => id });

  test('takes a UUID in either case', () => {
    expect(idOf(parameter('0AB1C2D3-E4F5-4A6B-8C7D-9E0F1A2B3C4D'))).toBe('0ab1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d');
  });

  test.each(['', 'x', '0ab1c2d3e4f54a6b8c7d9e0f1a2b3c4d', ' 0ab1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d', '0ab1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d\n', '0ab1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d#x', '../../etc/passwd', '\u0130ab1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4'])(
    'does not know %j', (id) => expect(refusal(() => idOf(parameter(id)))).toEqual({ code }));
});
