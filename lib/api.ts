import { Duration } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct, type IDependable } from 'constructs';
import { stageThrottles } from '../lambdas/rate-limits.ts';
import { basePath, routes, type Route, type RouteName } from '../lambdas/routes.ts';
import { addRoute, refuseTheRest } from './api-routes.ts';
import { createFunction } from './lambda.ts';
import type { Platform } from './platform.ts';
import { createRestApi, urlOf } from './rest-api.ts';
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
    const { deployment, apiDomain, mutualTls } = settings;
    this.restApi = createRestApi(this, {
      name: deployment,
      description: 'X.509 certificates for AI agents',
      dataKey,
      throttles: stageThrottles,
      besides: {
        // Logs can only be delivered through a role that is set once for the account and Region; it stays when this stack goes.
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
        cloudWatchRole: true,
        // Whose usage plan a request counts towards is said by the authorizer, and never by the header x-api-key.
        apiKeySourceType: apigateway.ApiKeySourceType.AUTHORIZER,
        // There nobody is asked for a client certificate.
        ...(mutualTls !== undefined && { disableExecuteApiEndpoint: true }),
      },
    });
    this.domainTarget = apiDomain && this.addDomain(apiDomain, mutualTls);
    this.url = apiDomain ? `https://${apiDomain.name}${basePath}` : urlOf(this.restApi);
  }

  /**
   * Apart from the constructor, because functions are told the distribution's URL, and the distribution leads to this API.
   * @param authority what functions are updated after: those that issue are told who does when that authority is there
   * @returns the functions
   */
  addRoutes(platform: Platform, authority: IDependable): ReadonlyMap<RouteName, IFunction> {
    const authorizer = new apigateway.TokenAuthorizer(this, 'Authorizer', {
      handler: createFunction(this, 'authorize', platform),
      identitySource: apigateway.IdentitySource.header('Authorization'),
      validationRegex: apiKeyExpression,
      resultsCacheTtl: Duration.seconds(platform.settings.authorizerCacheSeconds),
    });
    const callers = { authorizer, apiKeyRequired: platform.settings.tenantLimits === 'enforced' };
    const functions = new Map<RouteName, IFunction>();
    for (const name of Object.keys(routes) as RouteName[]) {
      const handler = createFunction(this, name, platform);
      handler.node.addDependency(authority);
      addRoute(this.restApi.root, routes[name], handler, callers);
      functions.set(name, handler);
    }
    addUsagePlans(this, this.restApi, platform.settings);
    refuseTheRest(this.restApi.root, Object.values<Route>(routes));
    return functions;
  }

  /** The same paths below a name of the deployment's own. Without mutual TLS API Gateway's own name stays, which CloudFront asks by. */
  private addDomain({ name, certificateArn }: NonNullable<Settings['apiDomain']>, mutualTls: Settings['mutualTls']): string {
    const domain = new apigateway.DomainName(this, 'Domain', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: apigateway.EndpointType.REGIONAL,
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
      // A base path stands where API Gateway's own name has the stage.
      mapping: this.restApi as apigateway.IRestApi,
      basePath: basePath.slice(1),
      ...(mutualTls !== undefined && { mtls: this.truststore(mutualTls) }),
    });
    return domain.domainNameAliasDomainName;
  }

  private truststore({ truststoreUri, truststoreVersion }: NonNullable<Settings['mutualTls']>): apigateway.MTLSConfig {
    const [bucketName = '', ...key] = truststoreUri.replace('s3://', '').split('/');
    return { bucket: Bucket.fromBucketName(this, 'Truststore', bucketName), key: key.join('/'), ...(truststoreVersion !== undefined && { version: truststoreVersion }) };
  }
}
