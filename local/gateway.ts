import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { problemAnswer, proxyAnswer, writeAnswer, type Answer } from './gateway/answer.ts';
import { createAuthorizer } from './gateway/authorizer.ts';
import { proxyEvent } from './gateway/proxy-event.ts';
import { discardRest, readBody } from './gateway/request-body.ts';
import { createRouter, type GatewayRoute } from './gateway/routing.ts';
import { invoke, TimeoutError, type LoadHandler } from './invocation.ts';

export interface GatewayOptions {
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  /** In front of every path, `/v1`: API Gateway's stage. */
  readonly basePath: string;
  /** The handlers of the routes, by their names, and of `authorize`. */
  readonly load: LoadHandler;
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** API Gateway's limit of 29 s by default. */
  readonly timeoutSeconds?: number;
  /** How long an authorizer's result stands for its token; by default each request asks anew. */
  readonly authorizerCacheSeconds?: number;
  /** Told of every handler that crashed; by default it is written to stderr. */
  readonly onCrash?: (functionName: string, requestId: string, cause: unknown) => void;
}

export interface Gateway {
  /** Of the API, with the base path. */
  readonly url: string;
  /** Takes no more requests, and resolves once those under way are answered, or after 5 s without them. */
  close(): Promise<void>;
}

// API Gateway lets 10 MB through and the endpoint wrapper refuses from 64 KiB on; this only protects the process.
const maximumBodyBytes = 1024 * 1024;

const gracePeriodMilliseconds = 5000;

/**
 * Serves the routes as API Gateway would: routing, authorizer, proxy event, and its own refusals in the words of the deployed stack's
 * (lib/gateway-responses.ts). Rejects with one sentence where the port is taken.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { routes, basePath, load, host = '127.0.0.1', port = 0, timeoutSeconds = 29, onCrash = writeCrash } = options;
  const route = createRouter(routes);
  const authorize = createAuthorizer(() => load('authorize'), { functionName: 'authorize', timeoutSeconds, cacheSeconds: options.authorizerCacheSeconds ?? 0 });
  const stage = basePath.slice(1);

  async function answer(request: IncomingMessage, requestId: string, body: Buffer): Promise<Answer> {
    const [, fullPath = '', query = ''] = /^(?:https?:\/\/[^/?]*)?([^?]*)\??(.*)$/s.exec(request.url ?? '') ?? [];
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
    }

    const { functionName } = match;
    try {
      const event = proxyEvent({ request, requestId, stage, path, query, body, match, authorizer });
      return proxyAnswer(await invoke(await load(functionName), event, { functionName, timeoutSeconds }));
    } catch (cause) {
      onCrash(functionName, requestId, cause);
      return problemAnswer(cause instanceof TimeoutError ? 'unavailable' : 'failed', requestId);
    }
  }

  let closing = false;
  // A server that hangs up on idle clients sooner than they do can cross a request on its way.
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const requestId = randomUUID();
    void (async () => {
      const body = await readBody(request, maximumBodyBytes);
      if (body === undefined) {
        writeAnswer(response, problemAnswer('bodyTooLarge', requestId), true);
        discardRest(request);
      } else {
        writeAnswer(response, await answer(request, requestId, body), closing);
      }
    })().catch((cause: unknown) => {
      // The client is gone, or a handler's header cannot be written.
      if (!request.complete || response.headersSent) return void request.socket.destroy();
      onCrash('gateway', requestId, cause);
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      writeAnswer(response, problemAnswer('failed', requestId), true);
    });
  });
  server.on('clientError', refuseMalformed);
  server.listen(port, host);
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EADDRINUSE') throw new Error(`Port ${port} is already in use: end what uses it, or set PORT to another one (0 takes any free one).`, { cause });
    throw new Error(`Cannot listen on ${host}:${port} (${cause.code ?? cause.message}): set PORT to another one (0 takes any free one).`, { cause });
  });

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}${basePath}`,
    async close() {
      closing = true;
      const closed = once(server, 'close');
      server.close();
      const timer = setTimeout(() => server.closeAllConnections(), gracePeriodMilliseconds);
      await closed;
      clearTimeout(timer);
    },
  };
}

function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const { status, headers, body } = problemAnswer(error.code === 'HPE_HEADER_OVERFLOW' ? 'headersTooLarge' : 'malformedRequest', randomUUID());
  const lines = Object.entries({ ...headers, 'content-length': body.length, connection: 'close' }).map(([name, value]) => `${name}: ${String(value)}`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body.toString()}`);
}

function writeCrash(functionName: string, requestId: string, cause: unknown): void {
  process.stderr.write(`${functionName} failed (request ${requestId}): ${cause instanceof Error ? cause.stack : String(cause)}\n`);
}
