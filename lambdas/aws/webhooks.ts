import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Webhooks } from '../authority/ports.ts';
import type { Webhook } from '../authority/webhook.ts';
import { callingDynamodb } from './failures.ts';
import { auditItem, creationOf, webhookCountKey, webhookKey, webhooksOf, type Item } from './items.ts';
import { getItem, type Table } from './table.ts';
import { transact, type TransactWrite } from './transactions.ts';

/** Webhooks in the registry table, a tenant's in one partition, and how many there are counted in the transactions that make and remove them. */
export function webhooks(table: Table): Webhooks {
  const { client, tableName: TableName } = table;

  const count = (tenantId: string, change: 1 | -1, condition: Partial<Update> = {}): TransactWrite => ({
    Update: {
      TableName,
      Key: webhookCountKey(tenantId),
      UpdateExpression: 'ADD webhookCount :change',
      ...condition,
      ExpressionAttributeValues: { ':change': change, ...condition.ExpressionAttributeValues },
    },
  });

  return {
    async create(webhook, audit, limit) {
      const outcome = await transact(client, [
        count(webhook.tenantId, 1, { ConditionExpression: 'attribute_not_exists(webhookCount) OR webhookCount < :limit', ExpressionAttributeValues: { ':limit': limit } }),
        { Put: { TableName, Item: webhookItem(webhook), ConditionExpression: 'attribute_not_exists(pk)' } },
        { Put: { TableName, Item: auditItem(audit) } },
      ], webhook.id);
      if (outcome.written) return true;
      if (outcome.failedConditions.includes(1)) throw new Error(`Webhook id ${webhook.id} was drawn twice.`);
      return false;
    },

    async get(tenantId, id) {
      const item = await getItem(table, webhookKey({ tenantId, id }));
      return item && readWebhook(item);
    },

    async list(tenantId) {
      const found: Webhook[] = [];
      let start: Item | undefined;
      do {
        const page = await callingDynamodb(() => client.send(new QueryCommand({
          TableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :webhooks',
          ExpressionAttributeValues: { ':webhooks': webhooksOf(tenantId) },
          ExclusiveStartKey: start,
        })));
        found.push(...(page.Items ?? []).map(readWebhook));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return found.sort((one, other) => (creationOf(one) < creationOf(other) ? 1 : -1));
    },

    async replace(webhook, previous, audit) {
      const { written } = await transact(client, [
        {
          Put: {
            TableName,
            Item: webhookItem(webhook),
            ConditionExpression: 'updatedAt = :previous',
            ExpressionAttributeValues: { ':previous': previous.updatedAt },
          },
        },
        { Put: { TableName, Item: auditItem(audit) } },
      ]);
      return written;
    },

    async remove(webhook, audit) {
      const { written } = await transact(client, [
        { Delete: { TableName, Key: webhookKey(webhook), ConditionExpression: 'attribute_exists(pk)' } },
        count(webhook.tenantId, -1),
        { Put: { TableName, Item: auditItem(audit) } },
      ]);
      return written;
    },
  };
}

type Update = NonNullable<TransactWrite['Update']>;

const webhookItem = (webhook: Webhook): Item => ({ ...webhookKey(webhook), ...webhook });

function readWebhook({ pk: _partition, sk: _id, ...webhook }: Item): Webhook {
  return webhook as unknown as Webhook;
}
