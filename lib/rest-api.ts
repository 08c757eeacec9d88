import { RemovalPolicy } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { stageThrottle, type Throttle } from '../lambdas/rate-limits.ts';
import { basePath, routes, type RouteName } from '../lambdas/routes.ts';
import { acknowledge } from './acknowledge.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import { encryptedLogGroup } from './lambda.ts';

export interface RestApiProps {
  readonly name: string;
  readonly description: string;
  /** Encrypts its access log. */
  readonly dataKey: IKey | undefined;
  /** The routes that the stage throttles by themselves. */
  readonly throttles: Readonly<Partial<Record<RouteName, Throttle>>>;
  /** What is different. */
  readonly besides?: apigateway.RestApiProps;
}

/** An API without routes: regional, with one stage that is called as the base path, throttled, traced and logged. */
export function createRestApi(scope: Construct, { name, description, dataKey, throttles, besides }: RestApiProps): apigateway.RestApi {
  const accessLog = encryptedLogGroup(scope, 'AccessLog', dataKey, { retention: logs.RetentionDays.ONE_YEAR, removalPolicy: RemovalPolicy.RETAIN });
  const restApi = new apigateway.RestApi(scope, 'RestApi', {
    restApiName: name,
    description,
    endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
    // A function's base64 answer becomes bytes only where the request's first Accept type is on this list, and clients
    // that fetch a CRL or ask an OCSP responder send any Accept or none.
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
    binaryMediaTypes: ['*/*'],
    deployOptions: {
      stageName: basePath.slice(1),
      ...throttling(stageThrottle),
      methodOptions: Object.fromEntries(Object.entries(throttles).map(([route, throttle]) => [`${routes[route as RouteName].path}/${routes[route as RouteName].method}`, throttling(throttle)])),
      tracingEnabled: true,
      accessLogDestination: new apigateway.LogGroupLogDestination(accessLog),
      accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(accessLogLine)),
    },
    ...besides,
  });
  acknowledgeFindings(restApi);
  addGatewayResponses(restApi);
  return restApi;
}

/** API Gateway's own, with the base path and without a slash at its end. */
export function urlOf(restApi: apigateway.RestApi): string {
  return restApi.urlForPath('/').replace(/\/$/, '');
}

function acknowledgeFindings(restApi: apigateway.RestApi): void {
  const logging = 'Execution logs would hold paths and headers, into which clients may have put secrets; the access log says what was asked and how it went, and functions log their own failures.';
  acknowledge(restApi, { 'AwsSolutions-APIG2': 'Functions check every body and query against the schema that describes the API (lambdas/http/requests.ts), and say what is wrong in the words of the contract.' });
  acknowledge(restApi.deploymentStage, {
    'AwsSolutions-APIG6': logging,
    'NIST.800.53.R5-APIGWExecutionLoggingEnabled': logging,
    'NIST.800.53.R5-APIGWCacheEnabledAndEncrypted': 'Answers are of the moment: whether a certificate is revoked must not be remembered here. CloudFront keeps what says for how long.',
    'NIST.800.53.R5-APIGWSSLEnabled': 'There is no server behind it that could look at a client certificate: Lambda is called with IAM.',
  });
  const logRole = restApi.node.tryFindChild('CloudWatchRole');
  if (logRole !== undefined) acknowledge(logRole, {
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]': 'The role that AWS prescribes for API Gateway’s logs, one for the account and Region; only API Gateway can assume it.',
  });
}

const throttling = ({ requestsPerSecond, burst }: Throttle) => ({ throttlingRateLimit: requestsPerSecond, throttlingBurstLimit: burst });

// Who asked for what and how it went; never the API key, nor anything else of what was sent. The route rather than the path, in
// which a client may have put anything.
const accessLogLine = {
  time: '$context.requestTime',
  request_id: '$context.requestId',
  tenant_id: '$context.authorizer.tenantId',
  key_id: '$context.authorizer.keyId',
  source_ip: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  status: '$context.status',
  error: '$context.error.responseType',
  latency_ms: '$context.responseLatency',
  response_bytes: '$context.responseLength',
};
