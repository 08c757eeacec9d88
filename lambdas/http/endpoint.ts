import { Logger } from '@aws-lambda-powertools/logger';
import middy, { type MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { routes, type RouteName } from '../routes.ts';
import { toProxyResult, type Answer } from './answer.ts';
import { problem } from './problem.ts';
import { readRequest, type Request } from './request.ts';

const logger = new Logger({ serviceName: 'kakunin' });

/**
 * The Lambda handler of a route: reads and checks the request, runs the use case, renders its answer or its error, and
 * logs the outcome in one line.
 */
export function endpoint<Name extends RouteName>(name: Name, run: (request: Request<(typeof routes)[Name]>) => Promise<Answer>) {
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>()
    .use(outcomeLog(name))
    .use(problemRenderer)
    .handler(async (event) => toProxyResult(await run(readRequest(routes[name], event)), event.requestContext.requestId));
}

type EndpointMiddleware = MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>;

const problemRenderer: EndpointMiddleware = {
  onError: (request) => {
    const { requestId } = request.event.requestContext;
    request.response = toProxyResult(problem(request.error, requestId), requestId);
  },
};

/** One line a request, without anything the caller sent; the cause of a 5xx with it. */
function outcomeLog(name: RouteName): EndpointMiddleware {
  const startedAt = new WeakMap<APIGatewayProxyEvent, number>();
  const log: NonNullable<EndpointMiddleware['after']> = ({ event, response, error }) => {
    const status = response?.statusCode ?? 500;
    const line = {
      message: name,
      request_id: event.requestContext.requestId,
      tenant_id: event.requestContext.authorizer?.['tenantId'] as string | undefined,
      status,
      duration_ms: Math.round(performance.now() - (startedAt.get(event) ?? performance.now())),
    };
    if (status >= 500) logger.error(line, { error: error ?? undefined } as { error: Error });
    else logger.info(line);
  };
  return {
    before: ({ event }) => void startedAt.set(event, performance.now()),
    after: log,
    onError: log,
  };
}
