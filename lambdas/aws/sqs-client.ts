import { SQSClient } from '@aws-sdk/client-sqs';
import { unqueued } from './connections.ts';

let client: SQSClient | undefined;

/**
 * The SQS client: one for the life of the process, so that connections outlive an invocation. Region, credentials and
 * endpoint come from the SDK's own environment variables.
 */
export function sqs(): SQSClient {
  client ??= new SQSClient({ requestHandler: { ...unqueued, connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true } });
  return client;
}
