import { QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { SevereRisks } from '../authority/reconciler-ports.ts';
import { callingDynamodb } from './failures.ts';
import { claimedTime } from './risk-stream.ts';
import { readItem, type Table } from './table.ts';

/**
 * Reads an agent's records in their order, all that there are of the time: half a read unit for each 8 KB, so about 30 for
 * a thousand events. What is looked for was written minutes ago, and so is read eventually consistently.
 */
export function severeRisks({ client, tableName: TableName }: Table): SevereRisks {
  return {
    async find({ id, tenantId }, threshold, { recordsFrom, since, until }) {
      let start: Record<string, AttributeValue> | undefined;
      do {
        const ExclusiveStartKey: Record<string, AttributeValue> | undefined = start;
        const { Items = [], LastEvaluatedKey } = await callingDynamodb(() => client.send(new QueryCommand({
          TableName,
          KeyConditionExpression: 'agent_id = :agent AND record_id >= :from',
          // What is only counted of a day has no score, and one that names another tenant is a mistake.
          FilterExpression: 'score >= :threshold AND (attribute_not_exists(tenant_id) OR tenant_id = :tenant)',
          ExpressionAttributeValues: { ':agent': { S: id }, ':from': { S: recordsFrom }, ':threshold': { N: String(threshold) }, ':tenant': { S: tenantId } },
          ProjectionExpression: 'record_id, score, observed_at',
          ExclusiveStartKey,
        })));
        for (const item of Items) {
          const { record_id, score, observed_at } = readItem(item);
          const record = { record_id: record_id as string, observed_at };
          // One that does not say when it was observed was when it was written, which only the stream knows.
          const claimed = claimedTime(record);
          const observedAt = claimed === undefined ? undefined : new Date(claimed).toISOString();
          if (observedAt === undefined || observedAt < since || observedAt > until) continue;
          return { recordId: record.record_id, agentId: id, tenantId, score: score as number, observedAt };
        }
        start = LastEvaluatedKey;
      } while (start !== undefined);
      return undefined;
    },
  };
}
