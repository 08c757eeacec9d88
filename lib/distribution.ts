import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { apiBehaviors } from './api-behaviors.ts';
import { cachePolicy } from './cache-policy.ts';
import { createPrivateBucket } from './private-bucket.ts';
import type { Settings } from './settings.ts';

export interface DistributionProps {
  readonly settings: Settings;
  /** Answers OCSP requests, and what counterparties ask without a key. */
  readonly restApi: RestApi;
  /** Where S3 notes who asked its bucket for what. */
  readonly accessLogs: IBucket;
  /** What the API's firewall knows CloudFront by; left out where there is no firewall. */
  readonly edgeSecret?: ISecret | undefined;
}

/**
 * What every relying party can reach: CRLs and CA certificates out of a private bucket, and the OCSP responder. All of it
 * is signed, and fetched by software that has yet to find out whom it may trust, so plain http is allowed (RFC 5280 §8:
 * a CRL behind https may need itself to be verified). What the API answers without a key is here too, nearer to whoever asks and
 * out of caches, by https. Everything else is redirected to https and answered 404.
 */
export class Distribution extends Construct {
  readonly bucket: IBucket;
  /** Without a slash at its end; certificates carry it for as long as they live (lambdas/pki/distribution-urls.ts). */
  readonly url: string;
  /** The same by https, for what people and programs ask before they trust. */
  readonly secureUrl: string;
  /** What the DNS record of a domain of the deployment's own has to lead to. */
  readonly domainTarget: string;
  // CloudFront's policies are named once an account, whatever their Region.
  private readonly namePrefix: string;

  constructor(scope: Construct, id: string, { settings, restApi, accessLogs, edgeSecret }: DistributionProps) {
    super(scope, id);
    this.namePrefix = `${settings.deployment}-${settings.region}`;
    // A CRL is written over once a day and with every revocation; a month shows what was published when.
    this.bucket = createPrivateBucket(this, 'Bucket', { versioned: true, lifecycle: { noncurrentVersionExpiration: Duration.days(30) }, accessLogs });
    const byPath = cachePolicy(this, 'AsTheOriginSays', this.namePrefix, 'as-the-origin-says', 'Caches by path, for as long as Cache-Control says');
    const files: cloudfront.BehaviorOptions = {
      origin: this.filesOrigin(),
      cachePolicy: byPath,
      // Pages in browsers verify certificates too.
      responseHeadersPolicy: cloudfront.ResponseHeadersPolicy.CORS_ALLOW_ALL_ORIGINS,
      compress: false,
      allowedMethods: cloudfront.AllowedMethods.ALLOW_GET_HEAD,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.ALLOW_ALL,
    };
    const { distributionDomain } = settings;
    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: `Kakunin ${settings.deployment}: CRLs, CA certificates, OCSP, verification`,
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      ...(distributionDomain !== undefined && {
        domainNames: [distributionDomain.name],
        certificate: Certificate.fromCertificateArn(this, 'Certificate', distributionDomain.certificateArn),
        minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
      }),
      defaultBehavior: {
        ...files,
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        functionAssociations: [{ function: this.createRefusal(), eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
      },
      additionalBehaviors: { '/crl/*': files, '/ca/*': files, ...apiBehaviors(this, { namePrefix: this.namePrefix, restApi, edgeSecret, byPath }) },
      errorResponses: rememberedErrors.map((httpStatus) => ({ httpStatus, ttl: Duration.seconds(0) })),
    });
    acknowledge(distribution, {
      'AwsSolutions-CFR1': 'Whoever is shown a certificate has to find out whether it holds, wherever he is.',
      'AwsSolutions-CFR2': 'What it serves by itself is public, signed and cached; what goes on to the API meets its firewall, which counts the viewer’s address.',
      'AwsSolutions-CFR3': 'A log of who looked up which certificate would tell of business between others, and nothing of an attack on what is public; what goes on to the API is in its access log.',
      ...(distributionDomain === undefined && { 'AwsSolutions-CFR4': 'CloudFront’s own certificate leaves the versions of TLS to CloudFront; with a domain of the deployment’s own it is TLS 1.2 at least.' }),
    });
    this.domainTarget = distribution.distributionDomainName;
    const name = distributionDomain?.name ?? this.domainTarget;
    this.url = `http://${name}`;
    this.secureUrl = `https://${name}`;
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

  private createRefusal(): cloudfront.Function {
    return new cloudfront.Function(this, 'NothingElse', {
      functionName: `${this.namePrefix}-nothing-else`,
      comment: 'Answers 404 to every path but those of CRLs, CA certificates, OCSP and verification',
      code: cloudfront.FunctionCode.fromInline("function handler() { return { statusCode: 404, statusDescription: 'Not Found' }; }"),
    });
  }
}

/**
 * What CloudFront would remember for ten seconds, even of an answer that says no-store: that a certificate was never issued, when it is
 * now; that the service could not answer, when it can.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
 */
const rememberedErrors = [400, 403, 404, 405, 414, 500, 501, 502, 503, 504];
