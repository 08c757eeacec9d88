import { invoke, TimeoutError, type LoadHandler } from '../invocation.ts';
import { problemAnswer, proxyAnswer } from './answer.ts';
import { createAuthorizer } from './authorizer.ts';
import { writeCrash, type OnCrash } from './crash.ts';
import { proxyEvent } from './proxy-event.ts';
import { createRouter, type GatewayRoute } from './routing.ts';
import type { Site } from './site.ts';
import type { TenantLimits } from './tenant-limits.ts';

export interface ApiOptions {
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  /** In front of every path, `/v1`: API Gateway's stage. */
  readonly basePath: string;
  /** The handlers of the routes, by their names, and of `authorize`. */
  readonly load: LoadHandler;
  /** API Gateway's limit of 29 s by default. */
  readonly timeoutSeconds?: number;
  /** How long an authorizer's result stands for its token; by default each request asks anew. */
  readonly authorizerCacheSeconds?: number;
  /** What each tenant may ask; by default as much as it likes. */
  readonly tenantLimits?: TenantLimits;
  /** Whether a request for the function of that name is within what the stage takes; by default all are. */
  readonly isWithinThrottle?: (functionName: string) => boolean;
  /** By default it is written to stderr. */
  readonly onCrash?: OnCrash;
}

/**
 * Answers the routes as API Gateway would: routing, authorizer, proxy event, and its own refusals in the words of the deployed stack's
 * (lib/gateway-responses.ts).
 */
export function createApi(options: ApiOptions): Site {
  const { routes, basePath, load, timeoutSeconds = 29, authorizerCacheSeconds = 0, tenantLimits, isWithinThrottle, onCrash = writeCrash } = options;
  const route = createRouter(routes);
  const authorize = createAuthorizer(() => load('authorize'), { functionName: 'authorize', timeoutSeconds, cacheSeconds: authorizerCacheSeconds });
  const stage = basePath.slice(1);

  return async ({ request, requestId, path: fullPath, query, body }) => {
    if (!fullPath.startsWith(`${basePath}/`)) return problemAnswer('unknownPath', requestId);
    const path = fullPath.slice(basePath.length);
    const method = request.method ?? 'GET';
    const routing = route(method, path);
    switch (routing.outcome) {
      case 'unknown-path': return problemAnswer('unknownPath', requestId);
      case 'malformed-path': return problemAnswer('malformedPath', requestId);
      case 'wrong-method': return problemAnswer('wrongMethod', requestId, { allow: routing.allowed.join(', ') });
      case 'found': break;
    }
    const { match } = routing;

    let authorizer: Readonly<Record<string, string>> | undefined;
    if (!match.isPublic) {
      const methodArn = `arn:aws:execute-api:eu-west-1:000000000000:local/${stage}/${method}${path}`;
      const authorization = await authorize(request.headers.authorization, methodArn, requestId);
      switch (authorization.outcome) {
        case 'unauthorized': return problemAnswer('unauthorized', requestId);
        case 'forbidden': return problemAnswer('forbidden', requestId);
        case 'failed':
          onCrash('authorize', requestId, authorization.cause);
          return problemAnswer('unavailable', requestId);
        case 'allowed': authorizer = authorization.context;
      }
      const secondsToWait = authorization.usageIdentifierKey === undefined ? undefined : tenantLimits?.(authorization.usageIdentifierKey, match.functionName);
      if (secondsToWait !== undefined) return problemAnswer('rateLimited', requestId, { 'retry-after': String(secondsToWait) });
    }

    const { functionName } = match;
    // After the tenant's plan, as API Gateway has it: what one tenant asks beyond its plan is not taken from what there is for all.
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    if (isWithinThrottle?.(functionName) === false) return problemAnswer('rateLimited', requestId);
    try {
      const event = proxyEvent({ request, requestId, stage, path, query, body, match, authorizer });
      return proxyAnswer(await invoke(await load(functionName), event, { functionName, timeoutSeconds }));
    } catch (cause) {
      onCrash(functionName, requestId, cause);
      return problemAnswer(cause instanceof TimeoutError ? 'unavailable' : 'failed', requestId);
    }
  };
}
