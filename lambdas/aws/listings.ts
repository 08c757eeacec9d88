import { QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Page, Registry } from '../authority/ports.ts';
import { readAll } from './batch-read.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { callingDynamodb } from './failures.ts';
import { certificatesOf, collectionOf, readAgent, readCertificate, type Item, type Key } from './items.ts';
import type { Table } from './table.ts';

/*
 * Lists, newest first. An index says which records and in which order; the records themselves are then read strongly
 * consistently from the table, so that a list never shows a status that has just changed.
 */

type IndexQuery = Pick<QueryCommandInput, 'IndexName' | 'FilterExpression' | 'ExpressionAttributeNames'> & {
  readonly partition: Readonly<Record<'name' | 'value', string>>;
  readonly values?: Readonly<Record<string, unknown>>;
};

export function listings(table: Table): Pick<Registry, 'listAgents' | 'countAgents' | 'listCertificates'> {
  return {
    async listAgents(tenantId, { status, limit, offset, cursor }) {
      const { keys, nextCursor } = await page(table, agentsOf(tenantId, status), { limit, offset, cursor });
      return pageOf(await readAll(table, keys), readAgent, nextCursor);
    },

    /** Reads the tenant's part of the index once: half a read unit for some forty agents. */
    async countAgents(tenantId, status) {
      let count = 0;
      let start: Item | undefined;
      do {
        const answer = await query(table, agentsOf(tenantId, status), { Select: 'COUNT', ExclusiveStartKey: start });
        count += answer.Count ?? 0;
        start = answer.LastEvaluatedKey;
      } while (start !== undefined);
      return count;
    },

    async listCertificates(tenantId, { agentId, status, limit, cursor, now }) {
      const partition = agentId === undefined
        ? { IndexName: 'by-tenant', partition: { name: 'tenantCollection', value: collectionOf(tenantId, 'CERTIFICATE') } }
        : { IndexName: 'by-agent', partition: { name: 'agentCollection', value: certificatesOf(tenantId, agentId) } };
      const { keys, nextCursor } = await page(table, { ...partition, ...certificateFilter(status, now) }, { limit, offset: 0, cursor });
      return pageOf(await readAll(table, keys), readCertificate, nextCursor);
    },
  };
}

function agentsOf(tenantId: string, status: string | undefined): IndexQuery {
  return {
    IndexName: 'by-tenant',
    partition: { name: 'tenantCollection', value: collectionOf(tenantId, 'AGENT') },
    ...(status !== undefined && { FilterExpression: '#status = :status', ExpressionAttributeNames: { '#status': 'status' }, values: { ':status': status } }),
  };
}

/** Expired is not a stored status: it is an active certificate past its end. */
function certificateFilter(status: 'active' | 'revoked' | 'expired' | undefined, now: string): Partial<IndexQuery> {
  if (status === undefined) return {};
  const ExpressionAttributeNames = { '#status': 'status' };
  if (status === 'revoked') return { FilterExpression: '#status = :revoked', ExpressionAttributeNames, values: { ':revoked': 'revoked' } };
  const comparison = status === 'active' ? '>' : '<=';
  return { FilterExpression: `#status = :active AND expiresAt ${comparison} :now`, ExpressionAttributeNames, values: { ':active': 'active', ':now': now } };
}

function query({ client, tableName }: Table, { partition, values, ...index }: IndexQuery, parameters: Partial<QueryCommandInput>) {
  const after = parameters.ExpressionAttributeValues;
  return callingDynamodb(() => client.send(new QueryCommand({
    TableName: tableName,
    ...index,
    KeyConditionExpression: `${partition.name} = :partition${after === undefined ? '' : ' AND creation < :after'}`,
    ScanIndexForward: false,
    ...parameters,
    ExpressionAttributeValues: { ':partition': partition.value, ...values, ...after },
  })));
}

// 20 MB of the index, far from what a request has time for.
const maximumQueries = 20;

/** The keys of one page, and the cursor of the next: the place of the last record in the index, and nothing else. */
async function page(table: Table, index: IndexQuery, { limit, offset, cursor }: { limit: number; offset: number; cursor: string | undefined }) {
  const after = cursor === undefined ? undefined : readCursor(cursor);
  const wanted = offset + limit + 1; // one more tells whether there is a next page
  const entries: Item[] = [];
  let start: Item | undefined;
  let queries = 0;
  do {
    const answer = await query(table, index, {
      ExclusiveStartKey: start,
      // With a filter, DynamoDB counts what it reads, not what it returns: then a query reads 1 MB, some 5,000 entries.
      ...(index.FilterExpression === undefined && { Limit: wanted - entries.length }),
      ...(after !== undefined && { ExpressionAttributeValues: { ':after': after } }),
    });
    entries.push(...(answer.Items ?? []));
    start = answer.LastEvaluatedKey;
    queries += 1;
  } while (start !== undefined && entries.length < wanted && queries < maximumQueries);
  const shown = entries.slice(offset, offset + limit);
  // Where a filter left too little of all that was read, the next page goes on from there.
  const last = entries.length >= wanted ? shown.at(-1) : start;
  return {
    keys: shown.map(({ pk, sk }) => ({ pk, sk }) as Key),
    ...(last !== undefined && { nextCursor: writeCursor(last['creation'] as string) }),
  };
}

function pageOf<Kind>(items: (Item | undefined)[], read: (item: Item | undefined) => Kind | undefined, nextCursor: string | undefined): Page<Kind> {
  return { items: items.flatMap((item) => read(item) ?? []), ...(nextCursor !== undefined && { nextCursor }) };
}
