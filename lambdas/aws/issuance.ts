import type { Agent } from '../authority/agent.ts';
import type { Registry } from '../authority/ports.ts';
import { agentKey, auditItem, certificateItem, expiryItem, readAgent } from './items.ts';
import { updateItem, type Table } from './table.ts';
import { transact } from './transactions.ts';

/*
 * The conditions that make one active certificate per agent an invariant of the database. The lease on the agent item is
 * the lock: it can be taken only while there is neither an unexpired certificate nor another live lease, and only its
 * holder can commit.
 */

const holdsLease = 'lease.id = :leaseId';

export function issuanceWrites(table: Table): Pick<Registry, 'reserveIssuance' | 'noteLeaseKey' | 'releaseLease' | 'forgetLease' | 'commitIssuance'> {
  return {
    async reserveIssuance(agentId, tenantId, lease) {
      const outcome = await updateItem(table, agentKey(agentId), {
        UpdateExpression: 'SET lease = :lease',
        ConditionExpression: [
          'tenantId = :tenantId',
          '#status <> :retired',
          '(attribute_not_exists(activeCertificate) OR activeCertificate.expiresAt <= :now)',
          '(attribute_not_exists(lease) OR lease.expiresAt <= :now)',
        ].join(' AND '),
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':lease': lease, ':tenantId': tenantId, ':retired': 'retired', ':now': lease.acquiredAt },
        // The old image rather than the new: it differs by the lease alone, and the lease it shows is one that never ended.
        ReturnValues: 'ALL_OLD',
      });
      const agent = readAgent(outcome.updated ? outcome.attributes : outcome.found);
      if (outcome.updated) {
        const abandonedKeyArn = agent?.lease?.keyArn;
        return { reserved: true, agent: { ...(agent as Agent), lease }, ...(abandonedKeyArn !== undefined && { abandonedKeyArn }) };
      }
      // Our own lease in the way: an earlier attempt of this very request was performed and only its answer was lost.
      return agent?.lease?.id === lease.id ? { reserved: true, agent } : { reserved: false, agent };
    },

    async noteLeaseKey(agentId, leaseId, keyArn) {
      // Where the lease is lost there is nothing to note it on; the commit will find out.
      await updateItem(table, agentKey(agentId), {
        UpdateExpression: 'SET lease.keyArn = :keyArn',
        ConditionExpression: holdsLease,
        ExpressionAttributeValues: { ':leaseId': leaseId, ':keyArn': keyArn },
      });
    },

    async releaseLease(agentId, lease) {
      const { keyArn } = lease;
      await updateItem(table, agentKey(agentId), keyArn === undefined
        ? { UpdateExpression: 'REMOVE lease', ConditionExpression: holdsLease, ExpressionAttributeValues: { ':leaseId': lease.id } }
        : {
            // A lease of another id that ended when it began: nobody can commit under it or is kept out by it, and the next
            // issuance finds the key in it.
            UpdateExpression: 'SET lease = :released',
            ConditionExpression: holdsLease,
            ExpressionAttributeValues: { ':leaseId': lease.id, ':released': { id: releasedId(lease.id), acquiredAt: lease.acquiredAt, expiresAt: lease.acquiredAt, keyArn } },
          });
    },

    async forgetLease(agentId, leaseId) {
      await updateItem(table, agentKey(agentId), {
        UpdateExpression: 'REMOVE lease',
        ConditionExpression: holdsLease,
        ExpressionAttributeValues: { ':leaseId': releasedId(leaseId) },
      });
    },

    async commitIssuance(certificate, issuedAt, audit) {
      const { id, agentId, expiresAt, keyArn, crlShard } = certificate;
      const { written } = await transact(table.client, [
        {
          Update: {
            TableName: table.tableName,
            Key: agentKey(agentId),
            UpdateExpression: 'SET #status = :active, activeCertificate = :certificate, updatedAt = :updatedAt REMOVE lease',
            // A lease that has ended protects nobody: a risk observed since then would find nothing to break off.
            ConditionExpression: `${holdsLease} AND lease.expiresAt > :now`,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':active': 'active', ':certificate': { id, issuedAt, expiresAt, keyArn, crlShard }, ':updatedAt': audit.createdAt, ':leaseId': id, ':now': audit.createdAt },
          },
        },
        { Put: { TableName: table.tableName, Item: certificateItem(certificate), ConditionExpression: 'attribute_not_exists(pk)' } },
        { Put: { TableName: table.tableName, Item: expiryItem(certificate) } },
        { Put: { TableName: table.tableName, Item: auditItem(audit) } },
      ], id);
      return written;
    },
  };
}

const releasedId = (leaseId: string) => `released:${leaseId}`;
