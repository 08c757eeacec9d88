import { basePath, routes, type Route, type RouteName } from './routes.ts';

/*
 * How often who may ask: the one place of these numbers, for API Gateway and its firewall (lib/) as for the local gateway
 * (local/gateway/). What a deployment may choose for itself is in lib/settings.ts, and these are the defaults.
 */

/** A token bucket, as API Gateway has it: so much for long, and so much at once after a quiet time. */
export interface Throttle {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

/** What a tenant may ask, all its keys together. */
export interface UsagePlan extends Throttle {
  /** To certify, and as often again to renew. */
  readonly issuancesPerSecond: number;
  readonly issuanceBurst: number;
}

/** What an address may ask, with any key or none, within `addressWindowSeconds`. */
export interface AddressLimits {
  readonly requests: number;
  /** Of them, on paths that ask for no key. */
  readonly publicRequests: number;
}

/** For all callers of all other routes together. Called more often than they end, functions would take the account's 1,000 concurrent executions from those that revoke. */
export const stageThrottle: Throttle = { requestsPerSecond: 200, burst: 400 };

/**
 * For certifying and for renewing. KMS makes 5 keys a second (https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html).
 * A request more would occupy a function while the SDK repeats CreateKey, take the place of one that has waited, and be refused all the
 * same. Of a burst of 10, those repetitions carry nearly all through.
 */
export const stageIssuanceThrottle: Throttle = { requestsPerSecond: 5, burst: 10 };

/**
 * For halting and for revoking: apart from `stageThrottle`, so that no flood of other requests, with keys or without, takes the place of those
 * that end one. It is what five tenants may ask at once by their plans (`stoppingThrottle`), and the bursts of four.
 */
const stageStoppingThrottle: Throttle = { requestsPerSecond: 100, burst: 400 };

/**
 * The routes that the stage throttles by themselves. What is set for a method stands instead of what is set for all, and is looked at after
 * the tenant's plan: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
 */
export const stageThrottles: Readonly<Partial<Record<RouteName, Throttle>>> = {
  'certify-agent': stageIssuanceThrottle,
  'renew-certificate': stageIssuanceThrottle,
  'halt-agent': stageStoppingThrottle,
  'revoke-certificate': stageStoppingThrottle,
};

/** The plan of a tenant of which nothing else was said. */
export const standardPlan = 'standard';

export const usagePlans = {
  // A quarter of what the stage takes: three others can do as much at the same time. Of KMS's 5 keys a second a tenant that both certifies
  // and renews asks for 4; a second one that does both exceeds them. The burst certifies a team's agents without a wait.
  [standardPlan]: { requestsPerSecond: 50, burst: 100, issuancesPerSecond: 2, issuanceBurst: 10 },
  // For the one tenant that matters most, or the only one: half of the stage, and every key that KMS can make, to certify as to renew:
  // both at once are twice what it makes, and leave nothing to others.
  large: { requestsPerSecond: 100, burst: 200, issuancesPerSecond: 5, issuanceBurst: 10 },
} as const satisfies Record<string, UsagePlan>;

/**
 * Apart from the rest of a plan, and the same in each: a tenant whose reports of events use up what it may ask can still stop its agents.
 * For the same reason no plan has a quota for the day, which would be over for everything alike.
 */
const stoppingThrottle: Throttle = { requestsPerSecond: 20, burst: 100 };

/** The firewall's longest look back but one. */
export const addressWindowSeconds = 300;

export const addressLimits: AddressLimits = {
  // 120 a second: above what any plan admits, so that a tenant that sends everything from one address meets its plan first.
  requests: 36_000,
  // 10 a second. An OCSP answer is a signature of KMS, of which the account has 1,000 a second for everything; a verification is a
  // function and a read. It takes a hundred addresses to use that up, and a payment service that verifies each of its customers stays below.
  publicRequests: 3_000,
};

/** The routes that a plan throttles by themselves; API Gateway counts these apart from the rest of the plan. */
export function ownThrottles({ issuancesPerSecond, issuanceBurst }: UsagePlan): Readonly<Partial<Record<RouteName, Throttle>>> {
  const issuing = { requestsPerSecond: issuancesPerSecond, burst: issuanceBurst };
  return { 'certify-agent': issuing, 'renew-certificate': issuing, 'halt-agent': stoppingThrottle, 'revoke-certificate': stoppingThrottle };
}

/**
 * Matches the decoded paths that ask for no key, and those below them: an expression that the firewall takes, too.
 * https://docs.aws.amazon.com/waf/latest/developerguide/waf-regex-pattern-support.html
 */
export const publicPathPattern = `^${basePath}/(${publicSegments().join('|')})(/|$)`;

function publicSegments(): string[] {
  const paths = Object.values<Route>(routes).filter(({ access }) => access === 'public').map(({ path }) => path);
  return [...new Set(paths.map((path) => (path.split('/')[1] ?? '').replaceAll('.', '\\.')))].sort();
}
