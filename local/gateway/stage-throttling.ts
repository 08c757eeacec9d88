import type { Throttle } from '../../lambdas/rate-limits.ts';

/** Takes a request, or not, which is then not counted. */
export type Take = () => boolean;

/**
 * A bucket that holds `burst` requests and fills again at the rate: how API Gateway throttles, if not as exactly.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
 */
export function createBucket({ requestsPerSecond, burst }: Throttle, now: () => number = () => performance.now()): Take {
  let tokens = burst;
  let filledAt = now();
  return () => {
    const time = now();
    tokens = Math.min(burst, tokens + ((time - filledAt) / 1000) * requestsPerSecond);
    filledAt = time;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/**
 * Throttles as the deployed stage does, whoever asks.
 * @param own those of routes that have one of their own
 * @returns whether a request for the function of that name is taken: by its own bucket, where it has one, instead of that of all others
 */
export function createStageThrottling(all: Throttle, own: Readonly<Record<string, Throttle>>, now?: () => number): (functionName: string) => boolean {
  const shared = createBucket(all, now);
  const buckets = new Map(Object.entries(own).map(([name, throttle]) => [name, createBucket(throttle, now)]));
  return (functionName) => (buckets.get(functionName) ?? shared)();
}
