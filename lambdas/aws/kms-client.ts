import { KMSClient } from '@aws-sdk/client-kms';

let client: KMSClient | undefined;

/**
 * The KMS client: one for the life of the process, so that connections outlive an invocation. Region, credentials and
 * endpoint come from the SDK's own environment variables. It waits longer than DynamoDB's, because a CreateKey that was
 * given up on may still have made a key.
 */
export function kms(): KMSClient {
  client ??= new KMSClient({ requestHandler: { connectionTimeout: 1_000, requestTimeout: 25_000, throwOnRequestTimeout: true } });
  return client;
}
