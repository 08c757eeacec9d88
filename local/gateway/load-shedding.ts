import type { Admission } from './admission.ts';
import { problemAnswer } from './answer.ts';
import { createRouter, type GatewayRoute } from './routing.ts';
import type { Site } from './site.ts';

export interface LoadSheddingOptions {
  readonly api: Site;
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  /** In front of every path, `/v1`. */
  readonly basePath: string;
  /** By default everybody is let in. */
  readonly admission?: Admission | undefined;
}

/**
 * Stands before the API and refuses what is too much for it, before anything is done for it: 503 beyond what can be worked on at once, as the
 * stack does where Lambda throttles a function (lib/gateway-responses.ts).
 */
export function sheddingLoad({ api, routes, basePath, admission }: LoadSheddingOptions): Site {
  const route = createRouter(routes);
  return async (visit) => {
    const { request, requestId, path } = visit;
    const routing = path.startsWith(`${basePath}/`) ? route(request.method ?? 'GET', path.slice(basePath.length)) : undefined;
    // What leads nowhere is refused by the API without a function.
    if (routing?.outcome !== 'found') return api(visit);
    if (admission === undefined) return api(visit);
    const leave = admission.enter(routing.match.functionName);
    if (leave === undefined) return problemAnswer('unavailable', requestId);
    try {
      return await api(visit);
    } finally {
      leave();
    }
  };
}
