import { ConditionalCheckFailedException, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { GetCommand, UpdateCommand, type DynamoDBDocumentClient, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { callingDynamodb } from './failures.ts';
import type { Item, Key } from './items.ts';
import { retrying } from './retry.ts';
import { contention, isContention } from './transactions.ts';

export interface Table {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
}

/** An item as DynamoDB sends it, for JavaScript; a number that has more digits than that keeps is rounded. */
export const readItem = (item: Record<string, AttributeValue>): Item => unmarshall(item, { wrapNumbers: Number });

/** One strongly consistent GetItem. */
export function getItem({ client, tableName }: Table, key: Readonly<Record<string, string>>): Promise<Item | undefined> {
  return callingDynamodb(async () => (await client.send(new GetCommand({ TableName: tableName, Key: key, ConsistentRead: true }))).Item);
}

export type UpdateOutcome =
  | { readonly updated: true; readonly attributes: Item | undefined }
  | { readonly updated: false; /** The item that failed the condition, if there is one. */ readonly found: Item | undefined };

/** One conditional UpdateItem; a condition that did not hold comes back with the item as it is, without another read. */
export function updateItem({ client, tableName }: Table, key: Key, update: Omit<UpdateCommandInput, 'TableName' | 'Key'>): Promise<UpdateOutcome> {
  return callingDynamodb(async () => {
    try {
      const command = () => new UpdateCommand({ TableName: tableName, Key: key, ReturnValuesOnConditionCheckFailure: 'ALL_OLD', ...update });
      const { Attributes } = await retrying(() => client.send(command()), isContention, contention);
      return { updated: true, attributes: Attributes };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { updated: false, found: error.Item && unmarshall(error.Item) };
    }
  });
}
