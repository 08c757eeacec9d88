import type { Registry } from '../authority/ports.ts';
import { authorityCrlEntryItem, authorityItem, authorityKey, readAuthority } from './items.ts';
import { getItem, type Table } from './table.ts';
import { transact } from './transactions.ts';

type AuthorityRecords = Pick<Registry, 'getAuthority' | 'createAuthorities' | 'replaceAuthority' | 'revokeIssuingAuthority'>;

export function authorityRecords(table: Table): AuthorityRecords {
  const { client, tableName: TableName } = table;
  return {
    getAuthority: async (role, generation = 1) => readAuthority(await getItem(table, authorityKey(role, generation))),

    async createAuthorities(authorities) {
      const { written } = await transact(client, authorities.map((authority) => (
        { Put: { TableName, Item: authorityItem(authority), ConditionExpression: 'attribute_not_exists(pk)' } }
      )));
      return written;
    },

    async replaceAuthority(authority, previous) {
      const condition = previous === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'certificatePem = :previous', ExpressionAttributeValues: { ':previous': previous.certificatePem } };
      const { written } = await transact(client, [{ Put: { TableName, Item: authorityItem(authority), ...condition } }]);
      return written;
    },

    async revokeIssuingAuthority(authority, revocation) {
      const { written } = await transact(client, [
        {
          Update: {
            TableName,
            Key: authorityKey('issuing', authority.generation),
            UpdateExpression: 'SET revocation = :revocation',
            ConditionExpression: 'certificatePem = :certificatePem AND attribute_not_exists(revocation)',
            ExpressionAttributeValues: { ':revocation': revocation, ':certificatePem': authority.certificatePem },
          },
        },
        { Put: { TableName, Item: authorityCrlEntryItem(authority, revocation) } },
      ]);
      return written;
    },
  };
}
