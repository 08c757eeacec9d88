import { PutCommand, UpdateCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { RiskRecords } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';

/** How long risk records are kept: five years, as MiFID II and MiCA ask of records of orders and transactions. */
const retentionDays = 5 * 366;

/** The risk table. Records of one agent share a partition, those of a tenant do not. */
export function riskRecords(client: DynamoDBDocumentClient, tableName: string): RiskRecords {
  return {
    put: ({ id, agentId, tenantId, kind, score, observedAt, attributes }) =>
      callingDynamodb(async () => void (await client.send(new PutCommand({
        TableName: tableName,
        Item: {
          // Free-form JSON is kept as text: DynamoDB would refuse some of its numbers and deep nesting.
          details_json: JSON.stringify(attributes),
          agent_id: agentId,
          record_id: `${observedAt}#${id}`,
          tenant_id: tenantId,
          kind,
          score,
          observed_at: observedAt,
          time_to_live: timeToLive(observedAt),
        },
      })))),

    addDailyVolumeUsd: (agentId, date, amountUsd) =>
      callingDynamodb(async () => {
        const { Attributes } = await client.send(new UpdateCommand({
          TableName: tableName,
          Key: { agent_id: agentId, record_id: `volume#${date}` },
          UpdateExpression: 'ADD volume_usd :amount SET kind = :volume, time_to_live = if_not_exists(time_to_live, :timeToLive)',
          ExpressionAttributeValues: { ':amount': amountUsd, ':volume': 'volume', ':timeToLive': timeToLive(`${date}T00:00:00Z`) },
          ReturnValues: 'UPDATED_NEW',
        }));
        return Attributes?.['volume_usd'] as number;
      }),
  };
}

function timeToLive(from: string): number {
  return Math.floor(Date.parse(from) / 1000) + retentionDays * 86_400;
}
