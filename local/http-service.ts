import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpService {
  /** E.g. `http://127.0.0.1:4599`. */
  readonly endpoint: string;
  /** Drops open connections and resolves once no request is being worked on. May be called again. */
  close(): Promise<void>;
}

export interface HttpServiceOptions {
  /** TCP port; 0, the default, takes a free one. */
  readonly port?: number | undefined;
  /** The address to listen on; `127.0.0.1` by default. */
  readonly host?: string | undefined;
}

/** Answers a request, errors included: it never rejects. */
export type Respond = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Starts a server for clients that keep their connections, as the SDKs do. Rejects where the port is taken. */
export async function startHttpService(respond: Respond, { port = 0, host = '127.0.0.1' }: HttpServiceOptions): Promise<HttpService> {
  const working = new Set<Promise<void>>();
  // Clients end their connections: a server that ends idle ones can cross a request on its way.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const work = respond(request, response).finally(() => working.delete(work));
    working.add(work);
  });
  server.listen(port, host);
  await once(server, 'listening');

  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      // The SDK keeps connections alive, and a server does not close while it has one.
      server.closeAllConnections();
      await Promise.all([closed, ...working]);
    },
  };
}
