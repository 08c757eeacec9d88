import type { Registry } from '../authority/ports.ts';
import { auditItem, certificateKey } from './items.ts';
import type { Table } from './table.ts';
import { transact } from './transactions.ts';

export function signatureWrites({ client, tableName }: Table): Pick<Registry, 'recordSignature'> {
  return {
    async recordSignature(certificateId, audit) {
      const { written } = await transact(client, [
        {
          ConditionCheck: {
            TableName: tableName,
            Key: certificateKey(certificateId),
            ConditionExpression: '#status = :active AND expiresAt > :now',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':active': 'active', ':now': audit.createdAt },
          },
        },
        { Put: { TableName: tableName, Item: auditItem(audit) } },
        // By its token a repetition has the outcome of what it repeats, even if the certificate was revoked in between.
      ], audit.id);
      return written;
    },
  };
}
