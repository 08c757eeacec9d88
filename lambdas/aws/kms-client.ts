import { KMSClient } from '@aws-sdk/client-kms';
import { unqueued } from './connections.ts';

let client: KMSClient | undefined;
let clientWithoutRetries: KMSClient | undefined;

/**
 * The KMS client: one for the life of the process, so that connections outlive an invocation. Region, credentials and
 * endpoint come from the SDK's own environment variables. How long a call may take is for each call to say.
 */
export function kms(): KMSClient {
  client ??= new KMSClient({ requestHandler });
  return client;
}

/** The same for one who says himself how often KMS is asked: the SDK would repeat what is throttled, and be throttled more. */
export function kmsWithoutRetries(): KMSClient {
  clientWithoutRetries ??= new KMSClient({ requestHandler, maxAttempts: 1 });
  return clientWithoutRetries;
}

const requestHandler = { ...unqueued, connectionTimeout: 3_000 };
