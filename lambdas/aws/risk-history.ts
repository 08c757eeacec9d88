import { ConditionalCheckFailedException, QueryCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { RiskHistory } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';
import { briefAttributes, readBriefEvent, readRollUp, rollUpItem, rollUpKey } from './risk-items.ts';
import { readItem, type Table } from './table.ts';

export function riskHistory({ client, tableName: TableName }: Table): RiskHistory {
  return {
    // One page, however much there is to tell of the 30 days.
    async listRollUps(agentId, firstDate, lastDate) {
      const [first, last] = [rollUpKey(agentId, firstDate), rollUpKey(agentId, lastDate)].map(({ record_id }) => ({ S: record_id }));
      const { Items = [] } = await callingDynamodb(() => client.send(new QueryCommand({
        TableName,
        KeyConditionExpression: 'agent_id = :agent AND record_id BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':agent': { S: agentId }, ':first': first as AttributeValue, ':last': last as AttributeValue },
      })));
      return Items.map((item) => readRollUp(readItem(item)));
    },

    async *readEvents({ id, tenantId }, after, until) {
      // A key to start behind need not be that of an item.
      let start: Record<string, AttributeValue> | undefined = { agent_id: { S: id }, record_id: { S: after } };
      do {
        const ExclusiveStartKey: Record<string, AttributeValue> = start;
        const { Items = [], LastEvaluatedKey } = await callingDynamodb(() => client.send(new QueryCommand({
          TableName,
          ConsistentRead: true,
          KeyConditionExpression: 'agent_id = :agent AND record_id < :until',
          ExpressionAttributeValues: { ':agent': { S: id }, ':until': { S: until } },
          ProjectionExpression: briefAttributes.join(', '),
          ExclusiveStartKey,
        })));
        yield { events: Items.flatMap((item) => readBriefEvent(readItem(item), tenantId) ?? []), through: LastEvaluatedKey?.['record_id']?.S ?? until };
        start = LastEvaluatedKey;
      } while (start !== undefined);
    },

    async putRollUp(agentId, rollUp) {
      const put = new PutCommand({
        TableName,
        Item: rollUpItem(agentId, rollUp),
        // The past is the same for everybody who counts it, so whoever has come farthest has all that the others have.
        ConditionExpression: 'attribute_not_exists(record_id) OR counted_through < :through',
        ExpressionAttributeValues: { ':through': rollUp.through },
      });
      try {
        await callingDynamodb(() => client.send(put));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
}
