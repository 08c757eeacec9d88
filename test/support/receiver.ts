import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openssl } from './openssl.ts';
import type { Identity } from './tls.ts';

/* Receivers of webhooks on this machine, over TLS, under certificates of an authority of their own. */

export interface ReceiverAuthority {
  /** PEM. */
  readonly certificate: string;
  /** @param subjectAltName such as `DNS:hooks.test,IP:127.0.0.1` */
  issue(subjectAltName: string, validityDays?: number): Identity;
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '-'];

export function receiverAuthority(): ReceiverAuthority {
  const authority = run(['req', '-x509', ...curve, '-days', '2', '-subj', '/CN=receivers']);
  const [certificate, key] = [pem(authority, 'CERTIFICATE'), pem(authority, 'PRIVATE KEY')];
  return {
    certificate,
    issue(subjectAltName, validityDays = 2) {
      const request = run(['req', ...curve, '-subj', '/CN=receiver']);
      const files = { 'ca.pem': certificate, 'ca.key': key, request: pem(request, 'CERTIFICATE REQUEST'), extensions: `subjectAltName=${subjectAltName}` };
      const issued = run(['x509', '-req', '-in', 'request', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', String(validityDays), '-extfile', 'extensions'], files);
      return { certificate: pem(issued, 'CERTIFICATE'), key: pem(request, 'PRIVATE KEY') };
    },
  };
}

function run(args: readonly string[], files: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = openssl(args, files);
  if (status !== 0) throw new Error(`openssl ${args[0] ?? ''} failed: ${stderr}`);
  return stdout;
}

function pem(text: string, label: string): string {
  const found = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(text)?.[0];
  if (found === undefined) throw new Error(`openssl made no ${label}.`);
  return found;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
}

export type Answering = (response: ServerResponse, received: Received) => unknown;

export interface Receiver {
  readonly port: number;
  /** What has come, in its order. */
  readonly received: Received[];
  /** How many have connected, whether or not they then said anything. */
  readonly connections: number;
  /** 204 unless a test wants something else. */
  answering: Answering;
  close(): Promise<void>;
}

export const noContent: Answering = (response) => response.writeHead(204).end();

export async function startReceiver(identity: Identity, { host = '127.0.0.1', port = 0 } = {}): Promise<Receiver> {
  const received: Received[] = [];
  let connections = 0;
  const server = createServer({ cert: identity.certificate, key: identity.key }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.once('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body, at: performance.now() };
      received.push(one);
      receiver.answering(response, one);
    });
  });
  server.on('connection', () => connections++);
  server.listen(port, host);
  await once(server, 'listening');
  const receiver: Receiver = {
    port: (server.address() as AddressInfo).port,
    received,
    get connections() {
      return connections;
    },
    answering: noContent,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return receiver;
}
