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

/** Carries the viewer's address: of IPv6 its network. */
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

/**
 * For CloudFront's JavaScript runtime 2.0, which knows neither destructuring nor spreading: a request as it came, with the viewer's address. Of
 * an IPv6 address it is the first 64 bits, since whoever has one has the 2⁶⁴ of that network (RFC 4291, 2.5.1; RFC 6177); of one that stands for
 * an IPv4 address it is that (RFC 4291, 2.5.5.2). local/gateway/address-network.ts says the same.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
 */
export const viewerFunction = `function handler(event) {
  event.request.headers['${viewerHeader}'] = { value: networkOf(event.viewer.ip) };
  return event.request;
}

function networkOf(address) {
  if (!address.includes(':')) return address;
  const halves = address.replace(/(\\d+)\\.(\\d+)\\.(\\d+)\\.(\\d+)$/, (_, a, b, c, d) => (a * 256 + +b).toString(16) + ':' + (c * 256 + +d).toString(16)).split('::');
  const head = groupsOf(halves[0]);
  const tail = groupsOf(halves[1] || '');
  const groups = head.concat(new Array(8 - head.length - tail.length).fill(0), tail);
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') return [groups[6] >> 8, groups[6] & 255, groups[7] >> 8, groups[7] & 255].join('.');
  return groups.slice(0, 4).map((group) => group.toString(16)).join(':') + '::';
}

function groupsOf(half) {
  return half === '' ? [] : half.split(':').map((group) => parseInt(group, 16));
}`;
