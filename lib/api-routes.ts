import { AuthorizationType, LambdaIntegration, Resource, type IAuthorizer, type IResource } from 'aws-cdk-lib/aws-apigateway';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Route } from '../lambdas/routes.ts';
import { acknowledge } from './acknowledge.ts';
import { refuseAllMethods, refuseOtherMethods } from './refusals.ts';

/** Who may call what is not public. */
export interface Callers {
  readonly authorizer: IAuthorizer;
  readonly apiKeyRequired: boolean;
}

/** Leads a route, under each of its paths, to its function. */
export function addRoute(root: IResource, route: Route, handler: IFunction, callers?: Callers): void {
  const integration = new LambdaIntegration(handler, { allowTestInvoke: false });
  for (const path of pathsOf(route)) {
    const resource = root.resourceForPath(path);
    if (route.access === 'public') {
      const method = resource.addMethod(route.method, integration, { authorizationType: AuthorizationType.NONE });
      acknowledge(method, { 'AwsSolutions-APIG4': `Public by the contract: ${route.summary}.`, 'AwsSolutions-COG4': 'Public by the contract.' });
    } else {
      const method = resource.addMethod(route.method, integration, { authorizationType: AuthorizationType.CUSTOM, ...callers });
      acknowledge(method, { 'AwsSolutions-COG4': 'Callers are programs of tenants, and no users of a pool: a Lambda authorizer looks at their API keys.' });
    }
  }
}

/** Answers 405 where there are routes, and 404 everywhere else. */
export function refuseTheRest(root: IResource, routes: readonly Route[]): void {
  root.addResource('{proxy+}');
  refuseBelow(root, routes);
}

function refuseBelow(resource: IResource, routes: readonly Route[]): void {
  const methods = routes.filter((route) => pathsOf(route).includes(resource.path)).map(({ method }) => method);
  if (methods.length > 0) refuseOtherMethods(resource, methods);
  else refuseAllMethods(resource);
  for (const child of resource.node.children) if (child instanceof Resource) refuseBelow(child, routes);
}

function pathsOf({ path, aliases = [] }: Route): readonly string[] {
  return [path, ...aliases];
}
