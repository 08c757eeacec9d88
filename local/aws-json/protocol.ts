import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Respond } from '../http-service.ts';
import { ServiceError, serializationError } from './errors.ts';
import { members, type Input } from './input.ts';

/** What an operation may want to know of the request beside its members. */
export interface Call {
  /** `host:port`, as the client named it. */
  readonly host: string;
  /** Aborted when the client goes away before it has its answer. */
  readonly signal: AbortSignal;
}

/** An operation takes the members of the request and returns those of the answer, or undefined if it has none; or a promise of them. */
export type Operation = (input: Input, call: Call) => unknown;

/** A service of AWS that is spoken to in JSON. */
export interface JsonService {
  /** How it calls itself in errors: `KMS`. */
  readonly name: string;
  readonly version: '1.0' | '1.1';
  /** What stands before the operation's name in `X-Amz-Target`. */
  readonly targetPrefix: string;
  readonly maximumBodyBytes: number;
  readonly operations: ReadonlyMap<string, Operation>;
  /** Throws where a request for this operation is one too many. */
  admit?(operation: string): void;
  /** Its name for a failure of its own. */
  readonly internalErrorType: string;
  /** Its error for an operation it has on AWS and not here. */
  unsupported(message: string): ServiceError;
  /** Headers that its errors have beside those of all. */
  errorHeaders?(error: ServiceError): Readonly<Record<string, string>>;
}

/**
 * Speaks AWS's JSON protocol for the service. It checks that requests are signed, not by whom.
 * https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function jsonResponder(service: JsonService): Respond {
  return async (request, response) => {
    response.setHeader('x-amzn-RequestId', randomUUID());
    response.setHeader('content-type', `application/x-amz-json-${service.version}`);
    try {
      const answer = await perform(service, request, response);
      response.end(answer === undefined ? '' : JSON.stringify(answer));
    } catch (cause) {
      const error = cause instanceof ServiceError ? cause : new ServiceError(service.internalErrorType, 500, String(cause));
      response.statusCode = error.status;
      response.setHeader('x-amzn-ErrorType', error.type);
      for (const [name, value] of Object.entries(service.errorHeaders?.(error) ?? {})) response.setHeader(name, value);
      response.end(JSON.stringify({ __type: error.type, message: error.message }));
    }
  };
}

async function perform(service: JsonService, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  // Read whole even when refused, or the client sees a broken connection instead of the error.
  const body = await readBody(request, service.maximumBodyBytes);
  if (request.method !== 'POST' || request.url !== '/') throw unknownOperation(`${service.name} is spoken to by POST /.`);
  const { name, operation } = findOperation(service, request.headers['x-amz-target']?.toString());
  if (request.headers.authorization === undefined) throw new ServiceError('MissingAuthenticationTokenException', 400, 'Missing Authentication Token');
  service.admit?.(name);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return operation(parseBody(body), { host: request.headers.host ?? '', signal: gone.signal });
}

function findOperation(service: JsonService, target = ''): { name: string; operation: Operation } {
  const { targetPrefix, operations } = service;
  const [prefix, name = '', ...rest] = target.split('.');
  if (prefix !== targetPrefix || !/^\w+$/.test(name) || rest.length > 0) throw unknownOperation(`The X-Amz-Target header must be ${targetPrefix}.<Operation>.`);
  const operation = operations.get(name);
  if (operation === undefined) throw service.unsupported(`This ${service.name} does not implement ${name}; it implements ${[...operations.keys()].join(', ')}.`);
  return { name, operation };
}

async function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maximumBytes) chunks.push(chunk);
  }
  if (bytes > maximumBytes) throw new ServiceError('RequestEntityTooLargeException', 413, `A request has at most ${maximumBytes} bytes.`);
  return Buffer.concat(chunks);
}

function parseBody(body: Buffer): Input {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw serializationError('The request is not JSON in UTF-8.');
  }
  return members(value, 'The request');
}

function unknownOperation(message: string): ServiceError {
  return new ServiceError('UnknownOperationException', 400, message);
}
