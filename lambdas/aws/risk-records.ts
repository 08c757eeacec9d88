import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { RiskRecords } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';
import { recordItem, volumeItem, volumeKey } from './risk-items.ts';
import { getItem } from './table.ts';
import { transact } from './transactions.ts';

/** What is written to the risk table. Records of one agent share a partition, those of a tenant do not. */
export function riskRecords(client: DynamoDBDocumentClient, tableName: string): RiskRecords {
  return {
    put: (record) =>
      callingDynamodb(async () => void (await client.send(new PutCommand({ TableName: tableName, Item: recordItem(record) })))),

    async dailyVolumeUsd(agentId, date) {
      const item = await getItem({ client, tableName }, volumeKey(agentId, date));
      return (item?.['volume_usd'] as number | undefined) ?? 0;
    },

    async putWithDailyVolume(record, { date, before, after }) {
      const { written } = await transact(client, [
        {
          Put: {
            TableName: tableName,
            Item: volumeItem(record.agentId, date, after),
            ConditionExpression: before === 0 ? 'attribute_not_exists(agent_id) OR volume_usd = :before' : 'volume_usd = :before',
            ExpressionAttributeValues: { ':before': before },
          },
        },
        { Put: { TableName: tableName, Item: recordItem(record) } },
      ]);
      return written;
    },
  };
}
