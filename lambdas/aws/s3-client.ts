import { S3Client } from '@aws-sdk/client-s3';
import { unqueued } from './connections.ts';

let client: S3Client | undefined;

/**
 * The S3 client: one for the life of the process, so that connections outlive an invocation. Region, credentials and
 * endpoint come from the SDK's own environment variables.
 */
export function s3(): S3Client {
  client ??= new S3Client({
    // The bucket goes in the path and not in the host's name: the local endpoint has no name that a bucket could stand
    // before, and AWS takes either.
    forcePathStyle: true,
    requestHandler: { ...unqueued, connectionTimeout: 1_000, requestTimeout: 8_000, throwOnRequestTimeout: true },
  });
  return client;
}
