import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KmsError } from './kms/errors.ts';
import { members, type Input } from './kms/input.ts';
import { openKeyStore, type KeyStore } from './kms/key-store.ts';
import type { KeyMaterialSource } from './kms/key.ts';
import { findOperation } from './kms/operations.ts';
import { createQuotas } from './kms/quotas.ts';

export interface EmbeddedKms {
  /** What `AWS_ENDPOINT_URL_KMS` is to be, e.g. `http://127.0.0.1:4599`. */
  readonly endpoint: string;
  /** Drops open connections and resolves once no request is being worked on. */
  close(): Promise<void>;
}

export interface EmbeddedKmsOptions {
  /** TCP port on 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Of the keys' ARNs; `eu-west-1` by default. */
  region?: string;
  /** Of the keys' ARNs, 12 digits; `000000000000` by default. */
  accountId?: string;
  /** Where keys are kept, readable by this user only; without it they live in memory. One KMS at a time. */
  dataDirectory?: string;
  /** The time of creation and deletion dates; the machine's by default. */
  clock?: () => Date;
  /** For tests that need more keys than there is time to generate: where the material of new keys comes from. Nobody's keys are safe then. */
  keyMaterial?: KeyMaterialSource;
  /** Whether requests beyond the quotas of AWS are throttled, or only those of these operations; none are by default. */
  quotas?: boolean | readonly string[];
}

// Ample for the largest request there is: a CreateKey with a policy of 32 KiB, a description and 50 tags.
const maximumBodyBytes = 256 * 1024;

/**
 * Starts a KMS on 127.0.0.1 that speaks AWS's JSON 1.1 protocol. Its private keys never leave it, it has AWS's key states and errors, and
 * with a data directory an answered request survives a crash. It checks that requests are signed, not by whom. Throws an Error that says
 * what to do if the port is taken or the data directory cannot be trusted.
 */
export async function startKms(options: EmbeddedKmsOptions = {}): Promise<EmbeddedKms> {
  const { port = 0, region = 'eu-west-1', accountId = '000000000000', dataDirectory, clock = () => new Date(), keyMaterial, quotas = false } = options;
  const keys = await openKeyStore({ owner: { region, accountId }, clock, source: keyMaterial }, dataDirectory);
  const count = createQuotas();
  const admit = (operation: string) => {
    if (typeof quotas === 'boolean' ? quotas : quotas.includes(operation)) count(operation);
  };

  const working = new Set<Promise<void>>();
  // Clients end their connections: a server that ends idle ones can cross a request on its way.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const work = respond(keys, admit, request, response).finally(() => working.delete(work));
    working.add(work);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      // The SDK keeps connections alive, and a server does not close while it has one.
      server.closeAllConnections();
      await Promise.all([closed, ...working]);
    },
  };
}

/** Throws ThrottlingException where a request of that name is one too many. */
type Admit = (operation: string) => void;

async function respond(keys: KeyStore, admit: Admit, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('x-amzn-RequestId', randomUUID());
  response.setHeader('content-type', 'application/x-amz-json-1.1');
  try {
    const answer = await perform(keys, admit, request);
    response.end(answer === undefined ? '' : JSON.stringify(answer));
  } catch (cause) {
    const error = cause instanceof KmsError ? cause : new KmsError('KMSInternalException', String(cause));
    response.statusCode = error.status;
    response.setHeader('x-amzn-ErrorType', error.type);
    response.end(JSON.stringify({ __type: error.type, message: error.message }));
  }
}

async function perform(keys: KeyStore, admit: Admit, request: IncomingMessage): Promise<unknown> {
  // Read whole even when refused, or the client sees a broken connection instead of the error.
  const body = await readBody(request);
  if (request.method !== 'POST' || request.url !== '/') throw new KmsError('UnknownOperationException', 'KMS is spoken to by POST /.');
  const { name, operation } = findOperation(request.headers['x-amz-target']?.toString());
  if (request.headers.authorization === undefined) throw new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  admit(name);
  const input = parseBody(body);
  await keys.destroyDeleted();
  return operation(keys, input);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maximumBodyBytes) chunks.push(chunk);
  }
  if (bytes > maximumBodyBytes) throw new KmsError('RequestEntityTooLargeException', `A request has at most ${maximumBodyBytes} bytes.`);
  return Buffer.concat(chunks);
}

function parseBody(body: Buffer): Input {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new KmsError('SerializationException', 'The request is not JSON in UTF-8.');
  }
  return members(value, 'The request');
}
