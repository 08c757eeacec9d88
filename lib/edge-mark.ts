import { Secret, type ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/*
 * How the firewall before the API knows what came through CloudFront, and from whom. To the API such a request comes from one of CloudFront's
 * addresses, which thousands of viewers share. The first address in X-Forwarded-For, which is all that a rate rule looks at, is the
 * viewer's to write, through CloudFront as well; so a function of CloudFront's writes a header of ours, over whatever the viewer sent. And
 * since anybody may send that header to the API itself, it is believed beside a secret that CloudFront alone adds.
 * https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-forwarded-ip-address.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
 */

/** Carries the secret. */
export const edgeHeader = 'x-kakunin-edge';

/** Carries the viewer's address. */
export const viewerHeader = 'x-kakunin-viewer';

/** Known to CloudFront and the firewall, which are given it when they are deployed; to the template it is a reference. */
export function createEdgeSecret(scope: Construct): ISecret {
  const secret = new Secret(scope, 'EdgeSecret', {
    description: 'Tells the firewall of the API that a request came through CloudFront',
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
  });
  acknowledge(secret, {
    'AwsSolutions-SMG4': 'CloudFront and the firewall are given it when they are deployed: rotated between deployments, it would be two secrets. It opens nothing, and only tells whose address counts.',
    'NIST.800.53.R5-SecretsManagerRotationEnabled': 'CloudFront and the firewall are given it when they are deployed: rotated between deployments, it would be two secrets. It opens nothing, and only tells whose address counts.',
    'NIST.800.53.R5-SecretsManagerUsingKMSKey': 'It opens nothing, and stands in the configuration of CloudFront and the firewall as well; the key that AWS manages encrypts it.',
  });
  // CDK's declarations do not hold under exactOptionalPropertyTypes.
  return secret as ISecret;
}

/** For CloudFront's JavaScript runtime 2.0: a request as it came, with the viewer's address. */
export const viewerFunction = `function handler(event) {
  event.request.headers['${viewerHeader}'] = { value: event.viewer.ip };
  return event.request;
}`;
