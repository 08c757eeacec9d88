import { Duration, Stack } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { basePath } from '../lambdas/routes.ts';
import { acknowledge } from './acknowledge.ts';
import { edgeHeader, viewerFunction, viewerHeader } from './edge-mark.ts';
import { createPrivateBucket } from './private-bucket.ts';
import type { Settings } from './settings.ts';

export interface DistributionProps {
  readonly settings: Settings;
  /** Answers OCSP requests. */
  readonly restApi: RestApi;
  /** Where S3 notes who asked its bucket for what. */
  readonly accessLogs: IBucket;
  /** What the API's firewall knows CloudFront by; left out where there is no firewall. */
  readonly edgeSecret?: ISecret | undefined;
}

/**
 * What every relying party can reach: CRLs and CA certificates out of a private bucket, and the OCSP responder. All of it
 * is signed, and fetched by software that has yet to find out whom it may trust, so plain http is allowed (RFC 5280 §8:
 * a CRL behind https may need itself to be verified). Everything else is redirected to https and answered 404.
 */
export class Distribution extends Construct {
  readonly bucket: IBucket;
  /** Without a slash at its end; certificates carry it for as long as they live (lambdas/pki/distribution-urls.ts). */
  readonly url: string;
  // CloudFront's policies are named once an account, whatever their Region.
  private readonly namePrefix: string;

  constructor(scope: Construct, id: string, { settings, restApi, accessLogs, edgeSecret }: DistributionProps) {
    super(scope, id);
    this.namePrefix = `${settings.deployment}-${settings.region}`;
    // A CRL is written over once a day and with every revocation; a month shows what was published when.
    this.bucket = createPrivateBucket(this, 'Bucket', { versioned: true, lifecycle: { noncurrentVersionExpiration: Duration.days(30) }, accessLogs });
    const cachePolicy = this.createCachePolicy();
    const files: cloudfront.BehaviorOptions = {
      origin: this.filesOrigin(),
      cachePolicy,
      // Pages in browsers verify certificates too.
      responseHeadersPolicy: cloudfront.ResponseHeadersPolicy.CORS_ALLOW_ALL_ORIGINS,
      compress: false,
      allowedMethods: cloudfront.AllowedMethods.ALLOW_GET_HEAD,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.ALLOW_ALL,
    };
    const ocsp: cloudfront.BehaviorOptions = {
      origin: apiOrigin(restApi, edgeSecret),
      cachePolicy,
      originRequestPolicy: this.createOcspRequestPolicy(edgeSecret === undefined ? [] : [viewerHeader]),
      ...(edgeSecret !== undefined && { functionAssociations: [{ function: this.createViewerFunction(), eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }] }),
      compress: false,
      // There is no smaller set with POST in it; the API answers 405 to the rest.
      allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.ALLOW_ALL,
    };
    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: `Kakunin ${settings.deployment}: CRLs, CA certificates, OCSP`,
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      defaultBehavior: {
        ...files,
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        functionAssociations: [{ function: this.createRefusal(), eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
      },
      additionalBehaviors: { '/crl/*': files, '/ca/*': files, '/ocsp': ocsp, '/ocsp/*': ocsp },
    });
    acknowledge(distribution, {
      'AwsSolutions-CFR1': 'Whoever is shown a certificate has to find out whether it holds, wherever he is.',
      'AwsSolutions-CFR2': 'What it serves by itself is public, signed and cached; OCSP requests go to the API, whose firewall counts the viewer’s address.',
      'AwsSolutions-CFR3': 'A log of who looked up which certificate would tell of business between others, and nothing of an attack on what is public and signed; OCSP requests are in the API’s access log.',
      'AwsSolutions-CFR4': 'CloudFront’s own certificate leaves the versions of TLS to CloudFront, and what is served is signed and may come by plain http.',
    });
    this.url = `http://${distribution.distributionDomainName}`;
  }

  /**
   * Reads the bucket with signed requests. With all of them signed CloudFront speaks https to S3 even for a viewer who
   * came by http, which the bucket insists on.
   * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
   */
  private filesOrigin(): cloudfront.IOrigin {
    const originAccessControl = new cloudfront.S3OriginAccessControl(this, 'OriginAccess', {
      originAccessControlName: this.namePrefix,
      signing: cloudfront.Signing.SIGV4_ALWAYS,
    });
    return S3BucketOrigin.withOriginAccessControl(this.bucket, { originAccessControl, originAccessLevels: [cloudfront.AccessLevel.READ] });
  }

  /**
   * Nothing is kept for longer than the origin says, and nothing of which it says nothing. With a minimum above zero
   * CloudFront would keep an answer that says no-store.
   * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
   */
  private createCachePolicy(): cloudfront.CachePolicy {
    return new cloudfront.CachePolicy(this, 'AsTheOriginSays', {
      cachePolicyName: `${this.namePrefix}-as-the-origin-says`,
      comment: 'Caches by path, for as long as Cache-Control says',
      minTtl: Duration.seconds(0),
      defaultTtl: Duration.seconds(0),
      maxTtl: Duration.days(1),
    });
  }

  /**
   * OCSP requests are their path or their body, and the body's type; nothing else a caller sends may change an answer that others get from the cache.
   * @param forTheFirewall further headers, that no answer depends on
   */
  private createOcspRequestPolicy(forTheFirewall: readonly string[]): cloudfront.OriginRequestPolicy {
    return new cloudfront.OriginRequestPolicy(this, 'OcspRequest', {
      originRequestPolicyName: `${this.namePrefix}-ocsp-request`,
      comment: 'The type of a body, beside the path and the body',
      headerBehavior: cloudfront.OriginRequestHeaderBehavior.allowList('Content-Type', ...forTheFirewall),
    });
  }

  private createViewerFunction(): cloudfront.Function {
    return new cloudfront.Function(this, 'Viewer', {
      functionName: `${this.namePrefix}-viewer`,
      comment: 'Tells the firewall of the API who asks',
      code: cloudfront.FunctionCode.fromInline(viewerFunction),
      runtime: cloudfront.FunctionRuntime.JS_2_0,
    });
  }

  private createRefusal(): cloudfront.Function {
    return new cloudfront.Function(this, 'NothingElse', {
      functionName: `${this.namePrefix}-nothing-else`,
      comment: 'Answers 404 to every path but those of CRLs, CA certificates and OCSP',
      code: cloudfront.FunctionCode.fromInline("function handler() { return { statusCode: 404, statusDescription: 'Not Found' }; }"),
    });
  }
}

/**
 * The API's stage, by the API's id alone: its own URL depends on the deployment, which depends on the functions, which
 * are told the distribution's domain name.
 */
function apiOrigin(restApi: RestApi, edgeSecret: ISecret | undefined): HttpOrigin {
  const { region, urlSuffix } = Stack.of(restApi);
  return new HttpOrigin(`${restApi.restApiId}.execute-api.${region}.${urlSuffix}`, {
    originPath: basePath,
    protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
    originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
    ...(edgeSecret !== undefined && { customHeaders: { [edgeHeader]: edgeSecret.secretValue.unsafeUnwrap() } }),
  });
}
