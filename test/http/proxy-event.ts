import type { APIGatewayProxyEvent } from 'aws-lambda';
import { scopes } from '../../lambdas/authority/scopes.ts';

/** What API Gateway would hand a handler: a request with every scope, unless told otherwise. */
export function proxyEvent({ body, ...changes }: { body?: string | Uint8Array } & Partial<Omit<APIGatewayProxyEvent, 'body'>> = {}): APIGatewayProxyEvent {
  return {
    headers: {},
    pathParameters: null,
    queryStringParameters: null,
    body: body === undefined ? null : typeof body === 'string' ? body : Buffer.from(body).toString('base64'),
    isBase64Encoded: body instanceof Uint8Array,
    requestContext: {
      requestId: 'request-1',
      identity: { sourceIp: '192.0.2.1' },
      authorizer: { keyId: 'key-1', tenantId: 'tenant-1', scopes: scopes.join(' ') },
    },
    ...changes,
  } as unknown as APIGatewayProxyEvent;
}
