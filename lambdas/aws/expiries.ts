import { DeleteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { EndingCertificate } from '../authority/certificate-end.ts';
import type { Expiries } from '../authority/ports.ts';
import { callingDynamodb } from './failures.ts';
import { auditItem, behind, certificateKey, expiriesOf, expiryKey, outboxItem, readExpiry, type Item } from './items.ts';
import type { Table } from './table.ts';
import { transact } from './transactions.ts';

export function expiries(table: Table): Expiries {
  const { client, tableName: TableName } = table;
  return {
    async hasUnexpired(crlShard) {
      const { Items = [] } = await callingDynamodb(() => client.send(new QueryCommand({
        TableName,
        ConsistentRead: true,
        Limit: 1,
        KeyConditionExpression: 'pk = :shard',
        ExpressionAttributeValues: { ':shard': expiriesOf(crlShard) },
      })));
      return Items.length > 0;
    },

    async listExpired(crlShard, now) {
      const expired: EndingCertificate[] = [];
      let start: Item | undefined;
      do {
        const page = await callingDynamodb(() => client.send(new QueryCommand({
          TableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :shard AND sk < :due',
          ExpressionAttributeValues: { ':shard': expiriesOf(crlShard), ':due': behind(now) },
          ExclusiveStartKey: start,
        })));
        expired.push(...(page.Items ?? []).map((item) => readExpiry(item, crlShard)));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return expired;
    },

    async noteExpiry(certificate, end, audit) {
      const key = expiryKey(certificate);
      const outcome = await transact(client, [
        { Delete: { TableName, Key: key, ConditionExpression: 'attribute_exists(pk)' } },
        {
          Update: {
            TableName,
            Key: certificateKey(certificate.id),
            UpdateExpression: 'SET expiryNotedAt = :now',
            ConditionExpression: '#status = :active',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':now': audit.createdAt, ':active': 'active' },
          },
        },
        { Put: { TableName, Item: auditItem(audit) } },
        { Put: { TableName, Item: outboxItem(end), ConditionExpression: 'attribute_not_exists(pk)' } },
      ]);
      if (outcome.written) return true;
      // Revoked before it expired, so that all that its end entails is under way.
      if (!outcome.failedConditions.includes(0)) await callingDynamodb(() => client.send(new DeleteCommand({ TableName, Key: key })));
      return false;
    },
  };
}
