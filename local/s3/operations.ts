import { notImplemented, S3Error } from './errors.ts';
import { listObjectsV2 } from './list.ts';
import { deleteObject, getObject, putObject } from './object-operations.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3Request } from './request.ts';

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer | string;
}

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly on: 'bucket' | 'object';
  /** Query parameters beside `x-id`; any other one makes the request one of another operation, or changes what it means. */
  readonly query?: readonly string[];
  /** Headers of S3's own and conditions of HTTP's; those that end in a hyphen begin so. */
  readonly headers?: readonly string[];
  perform(store: ObjectStore, request: S3Request): Answer | Promise<Answer>;
}

const conditions = ['if-match', 'if-none-match'];
const uploadHeaders = [...conditions, 'x-amz-meta-', 'x-amz-checksum-', 'x-amz-sdk-checksum-algorithm', 'x-amz-decoded-content-length', 'x-amz-trailer'];

const operations: readonly Operation[] = [
  { name: 'PutObject', method: 'PUT', on: 'object', headers: uploadHeaders, perform: putObject },
  { name: 'GetObject', method: 'GET', on: 'object', headers: [...conditions, 'x-amz-checksum-mode'], perform: getObject },
  // Node sends no body in the answer to a HEAD.
  { name: 'HeadObject', method: 'HEAD', on: 'object', headers: [...conditions, 'x-amz-checksum-mode'], perform: getObject },
  { name: 'DeleteObject', method: 'DELETE', on: 'object', perform: deleteObject },
  {
    name: 'ListObjectsV2', method: 'GET', on: 'bucket', perform: listObjectsV2,
    query: ['list-type', 'prefix', 'max-keys', 'start-after', 'continuation-token', 'encoding-type'],
  },
];

/** Performs the request's operation; an S3Error where it is none of ours, or asks of it what it cannot do. */
export function perform(store: ObjectStore, request: S3Request): Answer | Promise<Answer> {
  if (request.headers.authorization === undefined) throw new S3Error('AccessDenied', 'Access Denied');
  const operation = findOperation(request);
  if (!store.buckets.has(request.bucket)) {
    throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: request.bucket });
  }
  return operation.perform(store, request);
}

function findOperation(request: S3Request): Operation {
  const { method, bucket, key, query, headers } = request;
  const on = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  // S3 has a POST on an object only together with a query parameter: uploads, restore, select.
  if (!['GET', 'HEAD', 'PUT', 'POST', 'DELETE'].includes(method) || (method === 'POST' && on === 'object' && query.size === 0)) {
    throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', { Method: method, ResourceType: on.toUpperCase() });
  }
  const operation = operations.find((candidate) => candidate.method === method && candidate.on === on);
  // The SDK says which operation it means; nobody else does.
  const meant = query.get('x-id');
  if (operation === undefined || (meant !== null && meant !== operation.name)) throw unknownOperation(meant ?? `${method} on ${on === 'object' ? 'an object' : `a ${on}`}`);
  if (operation.name === 'ListObjectsV2' && query.get('list-type') !== '2') throw unknownOperation(`${method} on a bucket without list-type=2`);

  const parameter = [...query.keys()].find((name) => name !== 'x-id' && !operation.query?.includes(name));
  if (parameter !== undefined) throw unknownOperation(`${operation.name} with the parameter ${parameter}`);
  const header = Object.keys(headers).find((name) => changesMeaning(name) && !operation.headers?.some((known) => (known.endsWith('-') ? name.startsWith(known) : name === known)));
  if (header !== undefined) throw notImplemented(`The ${operation.name} has the header ${header}`, { Header: header });
  return operation;
}

// Headers that any request has, as parts of its signature.
const ofSignature = ['x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token', 'x-amz-user-agent'];
const ofHttp = [...conditions, 'if-modified-since', 'if-unmodified-since', 'range'];

const changesMeaning = (name: string) => (name.startsWith('x-amz-') && !ofSignature.includes(name)) || ofHttp.includes(name);

function unknownOperation(what: string): S3Error {
  const names = operations.map(({ name }) => name).sort().join(', ');
  return new S3Error('NotImplemented', `This S3 does not implement ${what}; it implements ${names}.`);
}
