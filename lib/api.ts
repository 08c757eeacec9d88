import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { stageThrottle, stageThrottles, type Throttle } from '../lambdas/rate-limits.ts';
import { basePath, routes, type Route, type RouteName } from '../lambdas/routes.ts';
import { acknowledge } from './acknowledge.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import { createFunction, encryptedLogGroup } from './lambda.ts';
import type { Platform } from './platform.ts';
import { refuseAllMethods, refuseOtherMethods } from './refusals.ts';
import type { Settings } from './settings.ts';
import { addUsagePlans } from './usage-plans.ts';

// What no API key looks like is refused before a function runs. API Gateway does not say whether the expression has to
// match all of the header, hence the anchors; both it and the authorizer are exact about case.
// https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
const apiKeyExpression = '^Bearer kak_(live|test)_[A-Za-z0-9_-]{1,128}$';

/** The REST API: each route of lambdas/routes.ts is a Lambda function of its own. */
export class Api extends Construct {
  readonly restApi: apigateway.RestApi;
  /** Ends in the base path, without a slash. */
  readonly url: string;
  /** What the DNS record of a domain of the deployment's own has to lead to; undefined without one. */
  readonly domainTarget: string | undefined;

  constructor(scope: Construct, id: string, settings: Settings, dataKey: IKey | undefined) {
    super(scope, id);
    this.restApi = this.createApi(settings, dataKey);
    acknowledgeFindings(this.restApi);
    addGatewayResponses(this.restApi);
    const { apiDomain } = settings;
    this.domainTarget = apiDomain && this.addDomain(apiDomain);
    this.url = apiDomain ? `https://${apiDomain.name}${basePath}` : this.restApi.urlForPath('/').replace(/\/$/, '');
  }

  /** Apart from the constructor, because functions are told the distribution's URL, and the distribution leads to this API. */
  addRoutes(platform: Platform): void {
    const { root } = this.restApi;
    const authorizer = new apigateway.TokenAuthorizer(this, 'Authorizer', {
      handler: createFunction(this, 'authorize', platform),
      identitySource: apigateway.IdentitySource.header('Authorization'),
      validationRegex: apiKeyExpression,
      resultsCacheTtl: Duration.seconds(platform.settings.authorizerCacheSeconds),
    });
    for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
      const integration = new apigateway.LambdaIntegration(createFunction(this, name, platform), { allowTestInvoke: false });
      for (const path of pathsOf(route)) {
        const method = root.resourceForPath(path).addMethod(route.method, integration, route.access === 'public'
          ? { authorizationType: apigateway.AuthorizationType.NONE }
          : { authorizationType: apigateway.AuthorizationType.CUSTOM, authorizer, apiKeyRequired: platform.settings.tenantLimits === 'enforced' });
        acknowledge(method, route.access === 'public'
          ? { 'AwsSolutions-APIG4': `Public by the contract: ${route.summary}.`, 'AwsSolutions-COG4': 'Public by the contract.' }
          : { 'AwsSolutions-COG4': 'Callers are programs of tenants, and no users of a pool: a Lambda authorizer looks at their API keys.' });
      }
    }
    addUsagePlans(this, this.restApi, platform.settings);
    root.addResource('{proxy+}');
    refuseTheRest(root);
  }

  /** The same paths below a name of the deployment's own. API Gateway's own name stays, which CloudFront asks by. */
  private addDomain({ name, certificateArn }: NonNullable<Settings['apiDomain']>): string {
    const domain = new apigateway.DomainName(this, 'Domain', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: apigateway.EndpointType.REGIONAL,
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
      // A base path stands where API Gateway's own name has the stage.
      mapping: this.restApi as apigateway.IRestApi,
      basePath: basePath.slice(1),
    });
    return domain.domainNameAliasDomainName;
  }

  private createApi(settings: Settings, dataKey: IKey | undefined): apigateway.RestApi {
    const accessLog = encryptedLogGroup(this, 'AccessLog', dataKey, { retention: logs.RetentionDays.ONE_YEAR, removalPolicy: RemovalPolicy.RETAIN });
    return new apigateway.RestApi(this, 'RestApi', {
      restApiName: settings.deployment,
      description: 'X.509 certificates for AI agents',
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      // A function's base64 answer becomes bytes only where the request's first Accept type is on this list, and clients
      // that fetch a CRL or ask an OCSP responder send any Accept or none.
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
      binaryMediaTypes: ['*/*'],
      // Logs can only be delivered through a role that is set once for the account and Region; it stays when this stack goes.
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
      cloudWatchRole: true,
      // Whose usage plan a request counts towards is said by the authorizer, and never by the header x-api-key.
      apiKeySourceType: apigateway.ApiKeySourceType.AUTHORIZER,
      deployOptions: {
        stageName: basePath.slice(1),
        ...throttling(stageThrottle),
        methodOptions: Object.fromEntries(Object.entries(stageThrottles).map(([name, throttle]) => [`${routes[name as RouteName].path}/${routes[name as RouteName].method}`, throttling(throttle)])),
        tracingEnabled: true,
        accessLogDestination: new apigateway.LogGroupLogDestination(accessLog),
        accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(accessLogLine)),
      },
    });
  }
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
  acknowledge(restApi.node.findChild('CloudWatchRole'), {
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

function pathsOf({ path, aliases = [] }: Route): readonly string[] {
  return [path, ...aliases];
}

/** Answers 405 where there are routes, and 404 everywhere else. */
function refuseTheRest(resource: apigateway.IResource): void {
  const methods = Object.values<Route>(routes).filter((route) => pathsOf(route).includes(resource.path)).map(({ method }) => method);
  if (methods.length > 0) refuseOtherMethods(resource, methods);
  else refuseAllMethods(resource);
  for (const child of resource.node.children) if (child instanceof apigateway.Resource) refuseTheRest(child);
}
