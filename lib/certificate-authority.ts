import { CustomResource, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { createExecutionRole, createFunction, createLogGroup } from './lambda.ts';
import type { Platform } from './platform.ts';

/**
 * Mints the root and the issuing certificate when the stack is created. Whatever depends on this construct waits until
 * they exist.
 *
 * The handler mints once: where the registry has certificates it leaves them as they are. The properties are the two keys
 * and nothing that changes from one deployment to the next, so CloudFormation does not even ask again; and the resource is
 * retained, because there is nothing to do when it goes: the certificates stay in the registry, the keys in KMS.
 */
export class CertificateAuthority extends Construct {
  constructor(scope: Construct, id: string, platform: Platform) {
    super(scope, id);
    const framework = new Construct(this, 'Framework');
    const logGroup = createLogGroup(framework);
    const provider = new Provider(framework, 'Provider', {
      onEventHandler: createFunction(this, 'mint-authority', platform, { timeout: Duration.minutes(1) }),
      frameworkOnEventRole: createExecutionRole(framework, logGroup),
      logGroup,
    });
    new CustomResource(this, 'Certificates', {
      resourceType: 'Custom::KakuninCertificateAuthority',
      serviceToken: provider.serviceToken,
      properties: { RootKeyId: platform.keys.root.keyArn, IssuingKeyId: platform.keys.issuing.keyArn },
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
