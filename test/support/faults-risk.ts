import { PutItemCommand, DynamoDBClient, QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { localCredentials, region } from '../../local/account.ts';
import type { TestRuntime } from './runtime.ts';
import { deliver, streamedRecords } from './stream.ts';

/** The risk table as the risk pipeline sees it, and its stream as Lambda reads it. */
export function openRiskTable({ dynamodbEndpoint, tableNames }: Pick<TestRuntime, 'dynamodbEndpoint' | 'tableNames'>) {
  const client = new DynamoDBClient({ endpoint: dynamodbEndpoint, region, credentials: localCredentials });

  return {
    /** Writes a record as the pipeline may: with a key, whose time is now unless another is given, and any attributes. Answers its record_id. */
    async put(agentId: string, attributes: Record<string, AttributeValue>, time = new Date().toISOString()): Promise<string> {
      const recordId = `${time}#${randomUUID()}`;
      await client.send(new PutItemCommand({ TableName: tableNames.risk, Item: { agent_id: { S: agentId }, record_id: { S: recordId }, ...attributes } }));
      return recordId;
    },

    /** The agent's records that have a score, in the order of their times: all that a page has room for. */
    async scores(agentId: string): Promise<{ id: string; score: number; observedAt: string }[]> {
      const { Items = [], LastEvaluatedKey } = await client.send(new QueryCommand({
        TableName: tableNames.risk, ConsistentRead: true, KeyConditionExpression: 'agent_id = :agent', FilterExpression: 'attribute_exists(score)', ExpressionAttributeValues: { ':agent': { S: agentId } },
      }));
      if (LastEvaluatedKey !== undefined) throw new Error('The agent has more risk records than fit into one page: fewer, please.');
      return Items.map((item) => {
        const { record_id, score, observed_at } = unmarshall(item);
        const [time = '', id = ''] = (record_id as string).split('#');
        return { id, score, observedAt: observed_at ?? time };
      });
    },

    /** Everything that has ever gone through the stream about the agent, as Lambda would deliver it. */
    streamed: async (agentId: string): Promise<DynamoDBRecord[]> =>
      (await streamedRecords(dynamodbEndpoint, tableNames.risk)).filter(({ dynamodb }) => dynamodb?.Keys?.['agent_id']?.S === agentId),

    /** Hands records to the stream's function, in this order and in one batch; answers the sequence numbers it reports as failed. */
    deliver: (records: readonly DynamoDBRecord[]): Promise<string[]> => deliver('auto-revoke', records),

    close: () => client.destroy(),
  };
}

export type RiskTable = ReturnType<typeof openRiskTable>;
