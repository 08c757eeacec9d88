import { Duration } from 'aws-cdk-lib';
import { CacheHeaderBehavior, CachePolicy } from 'aws-cdk-lib/aws-cloudfront';
import type { Construct } from 'constructs';

/**
 * Nothing is kept for longer than the origin says, and nothing of which it says nothing. With a minimum above zero
 * CloudFront would keep an answer that says no-store.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
 * @param namePrefix of the deployment and Region, since policies are named once an account
 * @param headers that answers differ by, beside the path; no query, cookie or other header reaches the origin
 */
export function cachePolicy(scope: Construct, id: string, namePrefix: string, name: string, comment: string, ...headers: readonly string[]): CachePolicy {
  return new CachePolicy(scope, id, {
    cachePolicyName: `${namePrefix}-${name}`,
    comment,
    minTtl: Duration.seconds(0),
    defaultTtl: Duration.seconds(0),
    maxTtl: Duration.days(1),
    ...(headers.length > 0 && { headerBehavior: CacheHeaderBehavior.allowList(...headers) }),
  });
}
