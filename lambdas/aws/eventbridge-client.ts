import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { unqueued } from './connections.ts';

let client: EventBridgeClient | undefined;

/**
 * The EventBridge client: one for the life of the process, so that connections outlive an invocation. Region, credentials
 * and endpoint come from the SDK's own environment variables.
 */
export function eventBridge(): EventBridgeClient {
  client ??= new EventBridgeClient({ requestHandler: { ...unqueued, connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true } });
  return client;
}
