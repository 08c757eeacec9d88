import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ownThrottles, type Throttle } from '../lambdas/rate-limits.ts';
import { basePath, routes, type RouteName } from '../lambdas/routes.ts';
import type { Settings } from './settings.ts';

/**
 * What tenants may ask. A tenant is in the plan that has its API key of API Gateway's, which is none of Kakunin's keys but a name that the
 * authorizer answers for all of them; bin/admin/usage-plans.ts makes it and finds the plans by their tags.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
 */
export function addUsagePlans(scope: Construct, restApi: apigateway.RestApi, { deployment, usagePlans }: Settings): void {
  const { root, deploymentStage: stage } = restApi;
  for (const [name, plan] of Object.entries(usagePlans)) {
    const throttle = Object.entries(ownThrottles(plan)).map(([route, own]) => ({ method: methodOf(root, route as RouteName), throttle: throttleSettings(own) }));
    const usagePlan = new apigateway.UsagePlan(scope, `UsagePlan-${name}`, {
      name: `${deployment}-${name}`,
      description: `Kakunin ${deployment}: what a tenant of the plan ${name} may ask of ${basePath}`,
      throttle: throttleSettings(plan),
      // CDK's declarations do not hold under exactOptionalPropertyTypes.
      apiStages: [{ api: restApi as apigateway.IRestApi, stage, throttle }],
    });
    Tags.of(usagePlan).add('kakunin:plan', name);
  }
}

const throttleSettings = ({ requestsPerSecond, burst }: Throttle) => ({ rateLimit: requestsPerSecond, burstLimit: burst });

function methodOf(root: apigateway.IResource, route: RouteName): apigateway.Method {
  const { path, method } = routes[route];
  return root.resourceForPath(path).node.findChild(method) as apigateway.Method;
}
