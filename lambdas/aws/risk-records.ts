import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { RiskRecord, RiskRecords } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';
import type { Item } from './items.ts';
import { getItem } from './table.ts';
import { transact } from './transactions.ts';

/** How long risk records are kept: five years, as MiFID II and MiCA ask of records of orders and transactions. */
const retentionDays = 5 * 366;

/** The risk table. Records of one agent share a partition, those of a tenant do not. */
export function riskRecords(client: DynamoDBDocumentClient, tableName: string): RiskRecords {
  const volumeKey = (agentId: string, date: string) => ({ agent_id: agentId, record_id: `volume#${date}` });
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
            Item: { ...volumeKey(record.agentId, date), kind: 'volume', volume_usd: after, time_to_live: timeToLive(record.observedAt) },
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

function recordItem({ id, agentId, tenantId, kind, score, observedAt, attributes }: RiskRecord): Item {
  return {
    // Free-form JSON is kept as text: DynamoDB would refuse some of its numbers and deep nesting.
    details_json: JSON.stringify(attributes),
    agent_id: agentId,
    record_id: `${observedAt}#${id}`,
    tenant_id: tenantId,
    kind,
    score,
    observed_at: observedAt,
    time_to_live: timeToLive(observedAt),
  };
}

function timeToLive(from: string): number {
  return Math.floor(Date.parse(from) / 1000) + retentionDays * 86_400;
}
