import type { Registry } from '../authority/ports.ts';
import { authorityItem, authorityKey, readAuthority } from './items.ts';
import { getItem, type Table } from './table.ts';
import { transact } from './transactions.ts';

export function authorityRecords(table: Table): Pick<Registry, 'getAuthority' | 'createAuthorities' | 'replaceAuthority'> {
  return {
    getAuthority: async (role) => readAuthority(await getItem(table, authorityKey(role))),

    async createAuthorities(authorities) {
      const { written } = await transact(table.client, authorities.map((authority) => (
        { Put: { TableName: table.tableName, Item: authorityItem(authority), ConditionExpression: 'attribute_not_exists(pk)' } }
      )));
      return written;
    },

    async replaceAuthority(authority, previous) {
      const condition = previous === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'certificatePem = :previous', ExpressionAttributeValues: { ':previous': previous.certificatePem } };
      const { written } = await transact(table.client, [{ Put: { TableName: table.tableName, Item: authorityItem(authority), ...condition } }]);
      return written;
    },
  };
}
