import { ownThrottles, type Throttle, type UsagePlan } from '../../lambdas/rate-limits.ts';
import type { RouteName } from '../../lambdas/routes.ts';

/** Takes a request of a tenant's: undefined where it may go on, otherwise how many seconds to wait. */
export type TenantLimits = (tenantId: string, functionName: string) => number | undefined;

interface Bucket {
  tokens: number;
  /** When that many were in it. */
  at: number;
  readonly throttle: Throttle;
}

/** Buckets that are full again say nothing, and are forgotten once there are this many. */
const bucketsWithoutSweep = 1000;

/**
 * API Gateway's usage plan, the same for every tenant: a token bucket for each, and one more for each route with a throttle of its own.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
 * @param now milliseconds of a clock that never goes back
 */
export function tenantLimits(plan: UsagePlan, now: () => number = () => performance.now()): TenantLimits {
  const own = ownThrottles(plan);
  const buckets = new Map<string, Bucket>();
  let sweepAt = bucketsWithoutSweep;

  return (tenantId, functionName) => {
    const throttle = own[functionName as RouteName];
    const name = throttle === undefined ? tenantId : `${tenantId} ${functionName}`;
    const time = now();
    const bucket = buckets.get(name) ?? { tokens: (throttle ?? plan).burst, at: time, throttle: throttle ?? plan };
    bucket.tokens = tokensIn(bucket, time);
    bucket.at = time;
    buckets.set(name, bucket);
    if (buckets.size > sweepAt) {
      for (const [other, idle] of buckets) if (tokensIn(idle, time) >= idle.throttle.burst) buckets.delete(other);
      // Twice what is left, so that sweeping costs a request no more the more tenants there are.
      sweepAt = Math.max(bucketsWithoutSweep, 2 * buckets.size);
    }
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / bucket.throttle.requestsPerSecond);
    bucket.tokens -= 1;
    buckets.set(name, bucket);
    return undefined;
  };
}

function tokensIn({ tokens, at, throttle: { requestsPerSecond, burst } }: Bucket, time: number): number {
  return Math.min(burst, tokens + ((time - at) / 1000) * requestsPerSecond);
}
