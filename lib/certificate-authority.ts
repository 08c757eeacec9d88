import { CustomResource, RemovalPolicy } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { createExecutionRole, createFunction, createLogGroup } from './lambda.ts';
import type { Platform } from './platform.ts';
import { justifyWildcard } from './wildcards.ts';

/**
 * Mints the root and the issuing certificate when the stack is created, and sees that whatever certificates point to is
 * there. Whatever depends on this construct waits for that.
 *
 * The handler mints once: where the registry has certificates it leaves them as they are. CloudFormation asks again only
 * where one of the properties changes: keys and URL, which the handler then refuses, because certificates out there depend
 * on them; the generations of the issuing CA, of which it mints those that there are not yet, and lets none go that still
 * serves (docs/ca-rotation.md); or the number of shards, each of which needs a CRL before a certificate can name it. The resource is retained,
 * because there is nothing to do when it goes: the certificates stay in the registry, the keys in KMS.
 */
export class CertificateAuthority extends Construct {
  /** Also to be called daily (schedules.ts). */
  readonly mintAuthority: LambdaFunction;

  constructor(scope: Construct, id: string, platform: Platform) {
    super(scope, id);
    const { settings, keys, distribution } = platform;
    this.mintAuthority = createFunction(this, 'mint-authority', platform);
    const framework = new Construct(this, 'Framework');
    const logGroup = createLogGroup(framework, platform);
    const frameworkOnEventRole = createExecutionRole(framework);
    logGroup.grantWrite(frameworkOnEventRole);
    justifyWildcard(frameworkOnEventRole, ['lambda:InvokeFunction'], `${this.mintAuthority.functionArn}:*`, 'CDK lets its provider call any version of the one function that it was given.');
    const provider = new Provider(framework, 'Provider', { onEventHandler: this.mintAuthority, frameworkOnEventRole, logGroup });
    acknowledge(framework, {
      'NIST.800.53.R5-LambdaInsideVPC': 'CDK’s provider calls Lambda and answers CloudFormation, over TLS.',
      'NIST.800.53.R5-LambdaConcurrency': 'CloudFormation calls it, once a deployment.',
      'NIST.800.53.R5-LambdaDLQ': 'CloudFormation waits for its answer, and fails the deployment without one.',
    });
    new CustomResource(this, 'Certificates', {
      resourceType: 'Custom::KakuninCertificateAuthority',
      serviceToken: provider.serviceToken,
      properties: {
        RootKeyId: keys.root.keyArn,
        IssuingGenerations: settings.issuingGenerations.join(','),
        IssuingKeyIds: keys.issuing.map(({ key }) => key.keyArn),
        OcspKeyId: keys.ocsp.keyArn,
        AttestationKeyId: keys.attestation.keyArn,
        DistributionUrl: distribution.url,
        CrlShards: settings.crlShards,
      },
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
