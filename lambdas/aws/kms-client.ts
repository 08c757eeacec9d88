import { KMSClient } from '@aws-sdk/client-kms';
import { unqueued } from './connections.ts';

let client: KMSClient | undefined;

/**
 * The KMS client: one for the life of the process, so that connections outlive an invocation. Region, credentials and
 * endpoint come from the SDK's own environment variables. How long a call may take is for each call to say.
 */
export function kms(): KMSClient {
  client ??= new KMSClient({ requestHandler: { ...unqueued, connectionTimeout: 3_000 } });
  return client;
}
