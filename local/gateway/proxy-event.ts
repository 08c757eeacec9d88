import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { Match } from './routing.ts';

export interface Arrival {
  readonly request: IncomingMessage;
  readonly requestId: string;
  /** API Gateway's stage, the first segment of every path. */
  readonly stage: string;
  /** Below the stage, undecoded. */
  readonly path: string;
  /** What follows the question mark. */
  readonly query: string;
  readonly body: Buffer;
  readonly match: Match;
  /** The authorizer's context; absent on public routes. */
  readonly authorizer: Readonly<Record<string, string>> | undefined;
}

/**
 * The event of a REST API's proxy integration, format 1.0, whose `binaryMediaTypes` cover everything: every body is base64.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
 */
export function proxyEvent(arrival: Arrival): APIGatewayProxyEvent {
  const { request, requestId, stage, path, query, body, match, authorizer } = arrival;
  const headers = multiValue(headerPairs(request.rawHeaders));
  const parameters = multiValue(new URLSearchParams(query));
  const hasParameters = Object.keys(parameters).length > 0;
  const hasPathParameters = Object.keys(match.pathParameters).length > 0;
  const httpMethod = request.method ?? 'GET';
  return {
    resource: match.resource,
    path,
    httpMethod,
    headers: lastValues(headers),
    multiValueHeaders: headers,
    queryStringParameters: hasParameters ? lastValues(parameters) : null,
    multiValueQueryStringParameters: hasParameters ? parameters : null,
    pathParameters: hasPathParameters ? match.pathParameters : null,
    stageVariables: null,
    body: body.length > 0 ? body.toString('base64') : null,
    isBase64Encoded: body.length > 0,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      authorizer,
      httpMethod,
      identity: { ...anonymous, sourceIp: request.socket.remoteAddress ?? '', userAgent: request.headers['user-agent'] ?? null },
      path: `/${stage}${path}`,
      protocol: `HTTP/${request.httpVersion}`,
      requestId,
      requestTimeEpoch: Date.now(),
      resourceId: 'local',
      resourcePath: match.resource,
      stage,
    },
  };
}

const anonymous = {
  accessKey: null,
  accountId: null,
  apiKey: null,
  apiKeyId: null,
  caller: null,
  clientCert: null,
  cognitoAuthenticationProvider: null,
  cognitoAuthenticationType: null,
  cognitoIdentityId: null,
  cognitoIdentityPoolId: null,
  principalOrgId: null,
  user: null,
  userArn: null,
};

// The raw headers keep the client's spelling, as API Gateway does.
function* headerPairs(rawHeaders: readonly string[]): Iterable<[string, string]> {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    yield [rawHeaders[index] as string, rawHeaders[index + 1] as string];
  }
}

function multiValue(pairs: Iterable<[string, string]>): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) values.set(name, [...(values.get(name) ?? []), value]);
  return Object.fromEntries(values);
}

/** Of several values under one name, the last stands in the single-value maps. */
function lastValues(multi: Readonly<Record<string, string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(multi).map(([name, values]) => [name, values.at(-1) ?? '']));
}
