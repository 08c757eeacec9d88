import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { run } from './run.ts';

/*
 * What stands between the emulator and whoever knows only AWS's names, as the outputs of the stack and the certificates have them: a proxy that
 * takes requests for them, by http and by https, and sends them on to the emulator. Whatever else is asked for is refused: nothing that is
 * tested leaves this machine.
 */

export interface Internet {
  /** For programs that heed http_proxy and https_proxy. */
  readonly proxy: string;
  /** The certificate that the proxy shows in the name of AWS, in PEM. */
  readonly certificate: string;
  /** `fetch` by way of the proxy. */
  readonly fetch: typeof fetch;
  close(): Promise<void>;
}

const api = /^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/;
const distribution = /^[a-z0-9]+\.cloudfront\.net$/;

export interface Destination {
  /** The Host that the emulator knows it by. */
  readonly host: string;
  readonly path: string;
}

/**
 * Where the emulator has what AWS has under this name and path. Its CloudFront fetches from buckets, and refuses to ask an API of API Gateway
 * (MiniStack 1.5.33); so what a distribution sends there goes there at once.
 * @param behindDistribution the API behind a distribution, with the stage; undefined before there is one
 */
export function destinationOf(host: string, path: string, behindDistribution: string | undefined): Destination | undefined {
  const [, apiId] = api.exec(host) ?? [];
  if (apiId !== undefined) return { host: `${apiId}.execute-api.localhost`, path };
  if (!distribution.test(host)) return undefined;
  if (!/^\/ocsp(?:\/|$)/.test(path) || behindDistribution === undefined) return { host, path };
  const { hostname, pathname } = new URL(behindDistribution);
  return destinationOf(hostname, `${pathname}${path}`, undefined);
}

export interface InternetProps {
  readonly emulatorUrl: string;
  readonly region: string;
  /** The output ApiUrl, once there is one. */
  readonly apiUrl: () => string | undefined;
}

export async function openInternet({ emulatorUrl, region, apiUrl }: InternetProps, signal: AbortSignal): Promise<Internet> {
  const identity = await amazonIdentity(region, signal);
  const secureContext = createSecureContext({ cert: identity, key: identity });
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // A proxy is asked for a whole URL, by `fetch` below behind a slash, and through a tunnel for a path.
    const url = new URL((incoming.url ?? '/').replace(/^\/(?=https?:\/\/)/, ''), `http://${incoming.headers.host}`);
    const destination = destinationOf(url.hostname, `${url.pathname}${url.search}`, apiUrl());
    if (destination === undefined) {
      outgoing.writeHead(502).end(`${url.hostname} is not part of this test.\n`);
      return;
    }
    // To the emulator an answer is binary only where a request says what it accepts; API Gateway has it so whatever that says, or does not.
    const headers = { accept: '*/*', ...incoming.headers, host: destination.host };
    const onward = request(emulatorUrl, { method: incoming.method, path: destination.path, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    onward.once('error', (error) => outgoing.destroy(error));
    incoming.pipe(onward);
  };
  const server = createServer(answer).on('connect', (_incoming: IncomingMessage, socket) => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    const tunnel = new TLSSocket(socket, { isServer: true, secureContext });
    tunnel.once('error', () => socket.destroy());
    server.emit('connection', tunnel);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    proxy,
    certificate: /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(identity)?.[0] ?? '',
    // Node.js 20 knows no proxies.
    fetch: (input, init) => fetch(`${proxy}/${String(input)}`, init),
    async close() {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A key and a certificate for every API of API Gateway's in the Region, signed by itself, in PEM. */
function amazonIdentity(region: string, signal: AbortSignal): Promise<string> {
  const command = `openssl req -x509 -newkey rsa:2048 -nodes -keyout - -days 2 -subj /CN=kakunin-test-deploy -addext 'subjectAltName=DNS:*.execute-api.${region}.amazonaws.com' 2>/dev/null`;
  return run(command, { cwd: '/', environment: process.env, signal });
}
