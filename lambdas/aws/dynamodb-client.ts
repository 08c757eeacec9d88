import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { unqueued } from './connections.ts';

let client: DynamoDBDocumentClient | undefined;

/**
 * The DynamoDB client: one for the life of the process, so that connections outlive an invocation. Attributes that are
 * undefined are left out. Region, credentials and endpoint come from the SDK's own environment variables.
 */
export function dynamodb(): DynamoDBDocumentClient {
  client ??= DynamoDBDocumentClient.from(
    new DynamoDBClient({ requestHandler: { ...unqueued, connectionTimeout: 3_000, requestTimeout: 8_000, throwOnRequestTimeout: true } }),
    { marshallOptions: { removeUndefinedValues: true } },
  );
  return client;
}
