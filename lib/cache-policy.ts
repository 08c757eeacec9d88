import { Duration } from 'aws-cdk-lib';
import { CacheHeaderBehavior, CachePolicy, CacheQueryStringBehavior } from 'aws-cdk-lib/aws-cloudfront';
import type { Construct } from 'constructs';

export interface Differences {
  readonly headers?: readonly string[];
  readonly query?: boolean;
}

/**
 * Nothing is kept for longer than the origin says, and nothing of which it says nothing. With a minimum above zero
 * CloudFront would keep an answer that says no-store.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
 * @param namePrefix of the deployment and Region, since policies are named once an account
 * @param differences what answers differ by, beside the path: headers by their names, and the query; nothing else of a request, cookies
 * neither, reaches the origin by this
 */
export function cachePolicy(scope: Construct, id: string, namePrefix: string, name: string, comment: string, { headers = [], query = false }: Differences = {}): CachePolicy {
  return new CachePolicy(scope, id, {
    cachePolicyName: `${namePrefix}-${name}`,
    comment,
    minTtl: Duration.seconds(0),
    defaultTtl: Duration.seconds(0),
    maxTtl: Duration.days(1),
    ...(query && { queryStringBehavior: CacheQueryStringBehavior.all() }),
    ...(headers.length > 0 && { headerBehavior: CacheHeaderBehavior.allowList(...headers) }),
  });
}
