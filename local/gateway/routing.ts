/** What the gateway needs of a route of lambdas/routes.ts. */
export interface GatewayRoute {
  readonly method: string;
  /** In API Gateway's notation: `/agents/{id}`, `/ocsp/{request+}`. */
  readonly path: string;
  readonly aliases?: readonly string[];
  readonly access: string;
}

export interface Match {
  readonly functionName: string;
  readonly isPublic: boolean;
  /** The path as declared, API Gateway's `resource`. */
  readonly resource: string;
  readonly pathParameters: Readonly<Record<string, string>>;
}

export type Routing =
  | { readonly outcome: 'found'; readonly match: Match }
  | { readonly outcome: 'unknown-path' }
  | { readonly outcome: 'malformed-path' }
  | { readonly outcome: 'wrong-method'; readonly allowed: readonly string[] };

export type Router = (method: string, path: string) => Routing;

interface Resource {
  readonly path: string;
  readonly segments: readonly string[];
  readonly methods: Map<string, { functionName: string; isPublic: boolean }>;
}

/**
 * Routes as API Gateway does: the path alone decides the resource, literal segments before parameters, and only then is the method looked
 * for; so a method that only a less specific resource has is still wrong here. Paths are given without the stage, undecoded,
 * and so are parameters passed on: a REST API leaves decoding to the function.
 */
export function createRouter(routes: Readonly<Record<string, GatewayRoute>>): Router {
  const resources = collectResources(routes).sort(bySpecificity);
  return (method, path) => {
    if (!isPercentEncoded(path)) return { outcome: 'malformed-path' };
    const segments = path.split('/').slice(1);
    for (const resource of resources) {
      const pathParameters = matchSegments(resource.segments, segments);
      if (pathParameters === undefined) continue;
      const found = resource.methods.get(method);
      if (found === undefined) return { outcome: 'wrong-method', allowed: [...resource.methods.keys()].sort() };
      return { outcome: 'found', match: { ...found, resource: resource.path, pathParameters } };
    }
    return { outcome: 'unknown-path' };
  };
}

function isPercentEncoded(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function collectResources(routes: Readonly<Record<string, GatewayRoute>>): Resource[] {
  const resources = new Map<string, Resource>();
  for (const [functionName, { method, path: ownPath, aliases = [], access }] of Object.entries(routes)) {
    for (const path of [ownPath, ...aliases]) {
      const resource = resources.get(path) ?? { path, segments: path.split('/').slice(1), methods: new Map() };
      resources.set(path, resource);
      resource.methods.set(method, { functionName, isPublic: access === 'public' });
    }
  }
  return [...resources.values()];
}

function bySpecificity(a: Resource, b: Resource): number {
  for (const [index, segment] of a.segments.entries()) {
    const difference = generality(segment) - generality(b.segments[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function generality(segment: string | undefined): number {
  if (segment === undefined || !segment.startsWith('{')) return 0;
  return segment.endsWith('+}') ? 2 : 1;
}

function matchSegments(declared: readonly string[], actual: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, segment] of declared.entries()) {
    const value = actual[index];
    if (value === undefined || value === '') return undefined;
    switch (generality(segment)) {
      case 0:
        if (segment !== value) return undefined;
        break;
      case 1:
        parameters[segment.slice(1, -1)] = value;
        break;
      default:
        parameters[segment.slice(1, -2)] = actual.slice(index).join('/');
        return parameters;
    }
  }
  return declared.length === actual.length ? parameters : undefined;
}
