import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { Principal } from '../authority/api-key.ts';
import type { Scope } from '../authority/scopes.ts';

/** A principal as API Gateway carries it from the authorizer to the handlers: a flat map of strings. */
export function principalContext({ keyId, tenantId, scopes, agentId }: Principal): Record<string, string> {
  return { keyId, tenantId, scopes: scopes.join(' '), ...(agentId !== undefined && { agentId }) };
}

/** The principal that the authorizer vouched for; undefined where no authorizer ran. */
export function readPrincipal({ requestContext }: APIGatewayProxyEvent): Principal | undefined {
  const { keyId, tenantId, scopes, agentId } = (requestContext.authorizer ?? {}) as Partial<Record<string, string>>;
  if (keyId === undefined || tenantId === undefined || scopes === undefined) return undefined;
  return { keyId, tenantId, scopes: scopes.split(' ') as Scope[], ...(agentId !== undefined && { agentId }) };
}
