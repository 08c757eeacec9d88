import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/*
 * One client of each kind for the life of the process, so that connections are kept alive between invocations. Region,
 * credentials and endpoints come from the SDK's own environment variables: nothing here knows where it runs.
 */

const connectionTimeoutMilliseconds = 1_000;

let documentClient: DynamoDBDocumentClient | undefined;
let kmsClient: KMSClient | undefined;

/** The DynamoDB client. Attributes that are undefined are left out. */
export function dynamodb(): DynamoDBDocumentClient {
  documentClient ??= DynamoDBDocumentClient.from(
    new DynamoDBClient({ requestHandler: { connectionTimeout: connectionTimeoutMilliseconds, requestTimeout: 8_000, throwOnRequestTimeout: true } }),
    { marshallOptions: { removeUndefinedValues: true } },
  );
  return documentClient;
}

/** The KMS client. It waits longer than DynamoDB's: a CreateKey given up on too early may still have made a key. */
export function kms(): KMSClient {
  kmsClient ??= new KMSClient({ requestHandler: { connectionTimeout: connectionTimeoutMilliseconds, requestTimeout: 25_000, throwOnRequestTimeout: true } });
  return kmsClient;
}
