import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Registry } from '../authority/ports.ts';
import { agentWrites } from './agents.ts';
import { authorityRecords } from './authorities.ts';
import { certificateWrites } from './certificates.ts';
import { issuanceWrites } from './issuance.ts';
import { listings } from './listings.ts';
import { signatureWrites } from './signatures.ts';

/** The registry table, as the use cases see it. Every read of a single record is strongly consistent. */
export function dynamodbRegistry(client: DynamoDBDocumentClient, tableName: string): Registry {
  const table = { client, tableName };
  return {
    ...agentWrites(table),
    ...issuanceWrites(table),
    ...certificateWrites(table),
    ...signatureWrites(table),
    ...authorityRecords(table),
    ...listings(table),
  };
}
