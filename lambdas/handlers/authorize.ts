import type { APIGatewayAuthorizerResult, APIGatewayTokenAuthorizerEvent, Context } from 'aws-lambda';
import { authenticate, bearerApiKey, hashApiKey } from '../authority/api-key.ts';
import { principalContext } from '../http/principal.ts';
import { invocation } from './invocation.ts';
import { access, now } from './services.ts';

const principalOf = invocation('authorize', async ({ authorizationToken }: APIGatewayTokenAuthorizerEvent) => {
  const key = bearerApiKey(authorizationToken);
  return key === undefined ? undefined : authenticate(key, await access().findApiKey(hashApiKey(key)), now());
});

/**
 * The Lambda authorizer: whose key is this? What the key may do is decided by each endpoint, so that one cached answer
 * serves them all. Throwing exactly "Unauthorized" makes API Gateway answer 401; anything else is its 500, which the
 * stack turns into 503.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
 */
export async function handler(event: APIGatewayTokenAuthorizerEvent, context: Context): Promise<APIGatewayAuthorizerResult> {
  const principal = await principalOf(event, context);
  if (principal === undefined) throw new Error('Unauthorized');
  return {
    principalId: principal.keyId,
    // The value of the tenant's API key of API Gateway's, which bin/admin/usage-plans.ts makes: all keys of a tenant count as one.
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-key-source.html
    usageIdentifierKey: principal.tenantId,
    context: principalContext(principal),
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: wholeStage(event.methodArn) }],
    },
  };
}

/** arn:aws:execute-api:region:account:api/stage/METHOD/path → every method of that stage. */
function wholeStage(methodArn: string): string {
  const [api, stage] = methodArn.split('/');
  return `${api}/${stage}/*`;
}
