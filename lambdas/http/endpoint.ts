import middy, { type MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { log, logging, type LogContext } from '../log.ts';
import { routes, type MutationName, type Route, type RouteName } from '../routes.ts';
import { toProxyResult, type Answer } from './answer.ts';
import { runOnce, type IdempotencyServices, type Restore } from './idempotency.ts';
import { problem } from './problem.ts';
import { bodyBytes, readRequest, type Request } from './request.ts';

/** What a route does with a request that was read and checked. */
export type Run<Name extends RouteName> = (request: Request<(typeof routes)[Name]>) => Promise<Answer>;

/**
 * The Lambda handler of a route: reads and checks the request, runs the use case, renders its answer or its error, and
 * logs the outcome in one line. Of routes that change something, mutationEndpoint.
 */
export function endpoint<Name extends Exclude<RouteName, MutationName>>(name: Name, run: Run<Name>) {
  return handling(name, (request) => run(request));
}

/** The same for a route that changes something; a request with an Idempotency-Key is run once, however often it comes. */
export function mutationEndpoint<Name extends MutationName>(name: Name, services: () => IdempotencyServices, run: Run<Name>, restore?: Restore) {
  return handling(name, (request, event, context) => {
    const key = request.header('idempotency-key');
    if (key === undefined) return run(request);
    const call = {
      route: name, pathParameters: event.pathParameters ?? {}, principal: request.principal, key, body: bodyBytes(event),
      requestId: request.requestId, remainingMilliseconds: context.getRemainingTimeInMillis(),
    };
    return runOnce(services(), call, () => run(request), restore);
  });
}

function handling<Name extends RouteName>(name: Name, answer: (request: Request<(typeof routes)[Name]>, event: APIGatewayProxyEvent, context: Context) => Promise<Answer>) {
  const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>()
    .use(outcomeLog(name))
    .use(readableEverywhere(routes[name]))
    .use(problemRenderer)
    .handler(async (event, context) => toProxyResult(await answer(readRequest(routes[name], event), event, context), event.requestContext.requestId));
  return (event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> => logging(originOf(event), () => handler(event, context));
}

function originOf({ requestContext }: APIGatewayProxyEvent): LogContext {
  return { request_id: requestContext.requestId, tenant_id: requestContext.authorizer?.['tenantId'] as string | undefined };
}

type EndpointMiddleware = MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>;

const problemRenderer: EndpointMiddleware = {
  onError: (request) => {
    const { requestId } = request.event.requestContext;
    request.response = toProxyResult(problem(request.error, requestId), requestId);
  },
};

/**
 * Lets any page in a browser read what is public: whoever is shown a certificate there may ask whether it holds. Nothing is
 * given away, for these routes look at no credentials. https://fetch.spec.whatwg.org/#http-responses
 */
function readableEverywhere({ access }: Route): EndpointMiddleware {
  const allow: NonNullable<EndpointMiddleware['after']> = ({ response }) => {
    if (access === 'public' && response) response.headers = { ...response.headers, 'access-control-allow-origin': '*' };
  };
  return { after: allow, onError: allow };
}

/** One line a request, without anything the caller sent; the cause of a 5xx with it. */
function outcomeLog(name: RouteName): EndpointMiddleware {
  const startedAt = new WeakMap<APIGatewayProxyEvent, number>();
  const logOutcome: NonNullable<EndpointMiddleware['after']> = ({ event, response, error }) => {
    const status = response?.statusCode ?? 500;
    const fields = { status, duration_ms: Math.round(performance.now() - (startedAt.get(event) ?? performance.now())) };
    if (status >= 500) log.error(name, error, fields);
    else log.info(name, fields);
  };
  return {
    before: ({ event }) => void startedAt.set(event, performance.now()),
    after: logOutcome,
    onError: logOutcome,
  };
}
