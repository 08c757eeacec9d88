import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type SecureVersion, type TLSSocket } from 'node:tls';
import { openssl } from './openssl.ts';

/* Two TLS servers that ask for a client certificate, and a client that has one. */

export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** Whom a server lets in: PEM. */
export interface ClientTrust {
  readonly root: string;
  /** Of the issuing CA and of the root, one after the other. */
  readonly crls: string;
}

export interface TlsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A server's certificate, signed by itself, for 127.0.0.1. */
export function serverIdentity(): Identity {
  const { status, stdout, stderr } = openssl(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', '-', '-days', '2', '-subj', '/CN=server', '-addext', 'subjectAltName=IP:127.0.0.1']);
  const pem = (label: string) => new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(stdout)?.[0];
  const [certificate, key] = [pem('CERTIFICATE'), pem('PRIVATE KEY')];
  if (status !== 0 || certificate === undefined || key === undefined) throw new Error(`openssl makes no server certificate: ${stderr}`);
  return { certificate, key };
}

/**
 * `openssl s_server`, which answers a GET with a page that has the client's certificate in words.
 * @param check `-crl_check` for the leaf alone, `-crl_check_all` for the whole chain
 */
export async function startOpensslServer(identity: Identity, { root, crls }: ClientTrust, check: '-crl_check' | '-crl_check_all'): Promise<TlsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  // Its -CRL takes one; what is in the file of CA certificates counts as well.
  const files = { 'server.pem': identity.certificate + identity.key, 'ca.pem': root + crls };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, { mode: 0o600 });
  const server = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-cert', 'server.pem', '-CAfile', 'ca.pem', '-Verify', '1', '-verify_return_error', check, '-www'], { cwd: directory });
  const exited = once(server, 'exit');
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    server.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      const [, found] = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(output) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    server.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    void exited.then(() => reject(new Error(`openssl s_server ended: ${output}`)));
  });
  return {
    port,
    async close() {
      server.kill();
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Node's TLS server. It answers with the client's subjectAltName.
 * @param rejectUnauthorized whether whoever is not authorized is cut off; otherwise told why
 */
export async function startNodeServer(identity: Identity, { root, crls }: ClientTrust, rejectUnauthorized = true): Promise<TlsServer> {
  // One CRL each: of a text with several, Node reads the first.
  const server = createServer({ cert: identity.certificate, key: identity.key, ca: root, crl: crls.split(/(?<=-----END X509 CRL-----\n)/), requestCert: true, rejectUnauthorized }, (socket) => {
    // The answer is what the test looks at; a client that is gone does not get it.
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(socket.authorized ? `authorized ${socket.getPeerCertificate().subjectaltname}` : `not authorized: ${String(socket.authorizationError)}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

export type Handshake =
  | { readonly accepted: true; /** What the server sent. */ readonly answer: string; readonly protocol: string | null }
  | { readonly accepted: false; /** Node's code of the error, which names the alert; `closed` where the server just hung up. */ readonly reason: string };

/**
 * Connects, presents the certificate chain, sends a GET and reads until the server is done. With TLS 1.3 a client learns
 * that it was refused only when it reads.
 */
export async function handshake(port: number, server: Identity, client: Identity, version: SecureVersion): Promise<Handshake> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1', port, ca: server.certificate, cert: client.certificate, key: client.key, minVersion: version, maxVersion: version,
  });
  socket.setEncoding('utf8').setTimeout(10_000, () => socket.destroy(new Error('The server does not answer.')));
  socket.once('secureConnect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
  return new Promise((resolve) => {
    let answer = '';
    let protocol: string | null = null;
    socket.once('secureConnect', () => (protocol = socket.getProtocol()));
    socket.on('data', (chunk: unknown) => (answer += String(chunk)));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve({ accepted: false, reason: error.code ?? error.message }));
    socket.once('close', () => resolve(answer === '' ? { accepted: false, reason: 'closed' } : { accepted: true, answer, protocol }));
  });
}
