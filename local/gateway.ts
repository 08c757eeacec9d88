import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Admission } from './gateway/admission.ts';
import { problemAnswer, writeAnswer } from './gateway/answer.ts';
import { writeCrash, type OnCrash } from './gateway/crash.ts';
import { discardRest, readBody } from './gateway/request-body.ts';
import type { Site } from './gateway/site.ts';

export interface GatewayOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** By default it is written to stderr. */
  readonly onCrash?: OnCrash;
}

export interface Gateway {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly origin: string;
  /**
   * Answers requests with the site from here on; before, every one is told to come back (503).
   * @param admission says when that is so again, of requests that have not been read yet
   */
  serve(site: Site, admission?: Pick<Admission, 'isClosed'>): void;
  /** Takes no more requests, and resolves once those under way are answered, or after 5 s without them. */
  close(): Promise<void>;
}

// API Gateway lets 10 MB through and the endpoint wrapper refuses from 64 KiB on; this only protects the process.
const maximumBodyBytes = 1024 * 1024;

const gracePeriodMilliseconds = 5000;

const host = '127.0.0.1';

/** Takes the port, so that its number is known before there is anything to serve. Rejects with one sentence where it is taken. */
export async function openGateway({ port = 0, onCrash = writeCrash }: GatewayOptions = {}): Promise<Gateway> {
  let site: Site = ({ requestId }) => Promise.resolve(problemAnswer('unavailable', requestId));
  let isClosedTo = () => false;
  let closed: Promise<void> | undefined;
  // A server that hangs up on idle clients sooner than they do can cross a request on its way.
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const requestId = randomUUID();
    // Node reads past the body that nobody wants.
    if (isClosedTo()) return writeAnswer(response, problemAnswer('unavailable', requestId), closed !== undefined);
    void (async () => {
      const body = await readBody(request, maximumBodyBytes);
      if (body === undefined) {
        writeAnswer(response, problemAnswer('bodyTooLarge', requestId), true);
        discardRest(request);
      } else {
        const [, path = '', query = ''] = /^(?:https?:\/\/[^/?]*)?([^?]*)\??(.*)$/s.exec(request.url ?? '') ?? [];
        writeAnswer(response, await site({ request, requestId, path, query, body }), closed !== undefined);
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
    if (cause.code === 'EADDRINUSE') throw new PortInUseError(`Port ${port} is already in use: end what uses it, or set PORT to another one (0 takes any free one).`, { cause });
    throw new Error(`Cannot listen on port ${port} (${cause.code ?? cause.message}): set PORT to another one (0 takes any free one).`, { cause });
  });

  return {
    origin: `http://${host}:${(server.address() as AddressInfo).port}`,
    serve(served, admission) {
      site = served;
      isClosedTo = () => admission?.isClosed() === true;
    },
    close: () => (closed ??= end(server)),
  };
}

async function end(server: Server): Promise<void> {
  const ended = once(server, 'close');
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), gracePeriodMilliseconds);
  await ended;
  clearTimeout(timer);
}

/** Somebody else listens on the port. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
}

function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const { status, headers, body } = problemAnswer(error.code === 'HPE_HEADER_OVERFLOW' ? 'headersTooLarge' : 'malformedRequest', randomUUID());
  const lines = Object.entries({ ...headers, 'content-length': body.length, connection: 'close' }).map(([name, value]) => `${name}: ${String(value)}`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body.toString()}`);
}
