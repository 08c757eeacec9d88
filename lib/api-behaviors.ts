import { Stack } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { basePath } from '../lambdas/routes.ts';
import { cachePolicy } from './cache-policy.ts';
import { edgeHeader, viewerFunction, viewerHeader } from './edge-mark.ts';

export interface ApiBehaviorsProps {
  /** What CloudFront's policies and functions are called by, once an account. */
  readonly namePrefix: string;
  readonly restApi: RestApi;
  /** What the API's firewall knows CloudFront by; left out where there is no firewall. */
  readonly edgeSecret: ISecret | undefined;
  /** Caches by the path alone. */
  readonly byPath: cloudfront.ICachePolicy;
}

/**
 * What CloudFront asks of the API, by its pattern of paths: OCSP, below no base path and by http as well, since certificates name it; and,
 * by https, what anybody may get without a key. No Authorization header or cookie goes along, and a query only where the route reads one.
 */
export function apiBehaviors(scope: Construct, { namePrefix, restApi, edgeSecret, byPath }: ApiBehaviorsProps): Record<string, cloudfront.BehaviorOptions> {
  const forTheFirewall = edgeSecret === undefined ? [] : [viewerHeader];
  const viewerIsTold = edgeSecret !== undefined && {
    functionAssociations: [{ function: createViewerFunction(scope, namePrefix), eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
  };
  const ocsp: cloudfront.BehaviorOptions = {
    origin: apiOrigin(restApi, edgeSecret, basePath),
    cachePolicy: byPath,
    originRequestPolicy: createOcspRequestPolicy(scope, namePrefix, forTheFirewall),
    ...viewerIsTold,
    compress: false,
    // There is no smaller set with POST in it; the API answers 405 to the rest.
    allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.ALLOW_ALL,
  };
  const answers: cloudfront.BehaviorOptions = {
    origin: apiOrigin(restApi, edgeSecret),
    // JSON, PEM, DER or a page for people.
    cachePolicy: cachePolicy(scope, 'AsTheOriginSaysByType', namePrefix, 'as-the-origin-says-by-type', 'Caches by path and Accept, for as long as Cache-Control says', { headers: ['Accept'] }),
    ...(edgeSecret !== undefined && { originRequestPolicy: createViewerPolicy(scope, namePrefix, forTheFirewall) }),
    ...viewerIsTold,
    // Pages in browsers verify certificates too.
    responseHeadersPolicy: cloudfront.ResponseHeadersPolicy.CORS_ALLOW_ALL_ORIGINS,
    compress: false,
    allowedMethods: cloudfront.AllowedMethods.ALLOW_GET_HEAD,
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
  };
  const answersToQueries: cloudfront.BehaviorOptions = {
    ...answers,
    cachePolicy: cachePolicy(scope, 'AsTheOriginSaysByQuery', namePrefix, 'as-the-origin-says-by-query', 'Caches by path, query and Accept, for as long as Cache-Control says', { headers: ['Accept'], query: true }),
  };
  return {
    '/ocsp': ocsp,
    '/ocsp/*': ocsp,
    ...Object.fromEntries(['/verify/*', '/ca', '/ca/chain'].map((path) => [`${basePath}${path}`, answers])),
    // Of which CA.
    [`${basePath}/crl`]: answersToQueries,
  };
}

/**
 * OCSP requests are their path or their body, and the body's type; nothing else a caller sends may change an answer that others get from the cache.
 * @param forTheFirewall further headers, that no answer depends on
 */
function createOcspRequestPolicy(scope: Construct, namePrefix: string, forTheFirewall: readonly string[]): cloudfront.OriginRequestPolicy {
  return new cloudfront.OriginRequestPolicy(scope, 'OcspRequest', {
    originRequestPolicyName: `${namePrefix}-ocsp-request`,
    comment: 'The type of a body, beside the path and the body',
    headerBehavior: cloudfront.OriginRequestHeaderBehavior.allowList('Content-Type', ...forTheFirewall),
  });
}

function createViewerPolicy(scope: Construct, namePrefix: string, forTheFirewall: readonly string[]): cloudfront.OriginRequestPolicy {
  return new cloudfront.OriginRequestPolicy(scope, 'ViewerRequest', {
    originRequestPolicyName: `${namePrefix}-viewer-request`,
    comment: 'Who asks, for the firewall, beside what answers differ by',
    headerBehavior: cloudfront.OriginRequestHeaderBehavior.allowList(...forTheFirewall),
  });
}

function createViewerFunction(scope: Construct, namePrefix: string): cloudfront.Function {
  return new cloudfront.Function(scope, 'Viewer', {
    functionName: `${namePrefix}-viewer`,
    comment: 'Tells the firewall of the API who asks',
    code: cloudfront.FunctionCode.fromInline(viewerFunction),
    runtime: cloudfront.FunctionRuntime.JS_2_0,
  });
}

/**
 * The API's stage, by the API's id alone: its own URL depends on the deployment, which depends on the functions, which
 * are told the distribution's domain name.
 * @param originPath put before the viewer's
 */
function apiOrigin(restApi: RestApi, edgeSecret: ISecret | undefined, originPath?: string): HttpOrigin {
  const { region, urlSuffix } = Stack.of(restApi);
  return new HttpOrigin(`${restApi.restApiId}.execute-api.${region}.${urlSuffix}`, {
    ...(originPath !== undefined && { originPath }),
    protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
    originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
    ...(edgeSecret !== undefined && { customHeaders: { [edgeHeader]: edgeSecret.secretValue.unsafeUnwrap() } }),
  });
}
