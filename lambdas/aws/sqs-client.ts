import { SQSClient } from '@aws-sdk/client-sqs';
import { unqueued } from './connections.ts';

let client: SQSClient | undefined;

/**
 * The SQS client: one for the life of the process, so that connections outlive an invocation. Region and credentials come
 * from the SDK's own environment variables; the endpoint is the host of a queue's URL.
 */
export function sqs(): SQSClient {
  client ??= new SQSClient({ requestHandler: { ...unqueued, connectionTimeout: 3_000, requestTimeout: 8_000, throwOnRequestTimeout: true } });
  return client;
}
