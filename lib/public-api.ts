import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { routes, type Route, type RouteName } from '../lambdas/routes.ts';
import { addRoute, refuseTheRest } from './api-routes.ts';
import { createRestApi, urlOf } from './rest-api.ts';

/**
 * The routes that ask for no key once more, beside an API that asks for a client certificate: neither CloudFront nor a relying party has
 * one to show. An API either asks all its callers or none, by its name.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
 */
export class PublicApi extends Construct {
  readonly restApi: RestApi;
  /** Ends in the base path, without a slash. */
  readonly url: string;

  /** @param api whose role for logs is the account's */
  constructor(scope: Construct, id: string, { deployment, dataKey, api }: { readonly deployment: string; readonly dataKey: IKey | undefined; readonly api: RestApi }) {
    super(scope, id);
    this.restApi = createRestApi(this, {
      name: `${deployment}-public`, description: 'X.509 certificates for AI agents: what is asked without a key', dataKey, throttles: {}, besides: { cloudWatchRole: false },
    });
    this.url = urlOf(this.restApi);
    this.restApi.deploymentStage.node.addDependency(api.node.findChild('Account'));
  }

  addRoutes(functions: ReadonlyMap<RouteName, IFunction>): void {
    const open = (Object.entries(routes) as [RouteName, Route][]).filter(([, { access }]) => access === 'public');
    for (const [name, route] of open) addRoute(this.restApi.root, route, functions.get(name) as IFunction);
    refuseTheRest(this.restApi.root, open.map(([, route]) => route));
  }
}
