import type { AuditChain } from '../authority/ports.ts';
import { readItems } from './batch-read.ts';
import { chainHeadItem, chainHeadKey, chainLinkItem, chainMarkItem, chainMarkKey, readChainHead } from './chain-items.ts';
import { getItem, type Table } from './table.ts';
import { transact, type TransactWrite } from './transactions.ts';

/** The chains in the registry table (lambdas/schema.ts). */
export function auditChain(table: Table): AuditChain {
  const { client, tableName: TableName } = table;
  const absent = { ConditionExpression: 'attribute_not_exists(pk)' };
  return {
    async listChained(entryIds) {
      const ids = [...new Set(entryIds)];
      const marks = await readItems(table, ids.map(chainMarkKey));
      return new Set(ids.filter((_, index) => marks[index] !== undefined));
    },

    getHead: async (tenantId) => readChainHead(await getItem(table, chainHeadKey(tenantId))),

    async append(head, links) {
      const last = links.at(-1);
      if (last === undefined) return true;
      const unmoved = head === undefined ? absent : {
        // The hash as well, which a head that was tampered with and put back would not have.
        ConditionExpression: '#sequence = :sequence AND #hash = :hash',
        ExpressionAttributeNames: { '#sequence': 'sequence', '#hash': 'hash' },
        ExpressionAttributeValues: { ':sequence': head.sequence, ':hash': head.hash },
      };
      const { written } = await transact(client, [
        { Put: { TableName, Item: chainHeadItem(last.tenantId, last), ...unmoved } },
        ...links.flatMap((link): TransactWrite[] => [
          { Put: { TableName, Item: chainLinkItem(link), ...absent } },
          { Put: { TableName, Item: chainMarkItem(link), ...absent } },
        ]),
      ]);
      return written;
    },
  };
}
