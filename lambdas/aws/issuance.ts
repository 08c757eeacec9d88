import type { UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import type { ActiveCertificate, Agent, Lease } from '../authority/agent.ts';
import type { Certificate } from '../authority/certificate.ts';
import type { Registry, Reservation } from '../authority/ports.ts';
import { pemToDer } from '../pki/pem.ts';
import { revocationOf } from './certificates.ts';
import { agentKey, auditItem, certificateItem, expiryItem, readAgent } from './items.ts';
import { updateItem, type Table } from './table.ts';
import { transact, type TransactWrite } from './transactions.ts';

/*
 * The conditions that make one active certificate per agent an invariant of the database. The lease on the agent item is
 * the lock: it can be taken only while there is neither an unexpired certificate, or just the one that is to be renewed,
 * nor another live lease, and only its holder can commit.
 */

const isFree = '(attribute_not_exists(lease) OR lease.expiresAt <= :now)';
const holdsLease = 'lease.id = :leaseId';
// A lease that has ended protects nobody: a risk observed since then would find nothing to break off.
const holdsLiveLease = `${holdsLease} AND lease.expiresAt > :now`;
const pointsTo = 'activeCertificate.id = :certificateId';

type IssuanceWrites = Pick<Registry, 'reserveIssuance' | 'reserveRenewal' | 'noteLeaseKey' | 'releaseLease' | 'forgetLease' | 'forgetDeadLease' | 'commitIssuance' | 'commitRenewal'>;

export function issuanceWrites(table: Table): IssuanceWrites {
  return {
    reserveIssuance: (agentId, tenantId, lease) =>
      reserve(table, agentId, lease, {
        ConditionExpression: `tenantId = :tenantId AND #status <> :retired AND (attribute_not_exists(activeCertificate) OR activeCertificate.expiresAt <= :now) AND ${isFree}`,
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':tenantId': tenantId, ':retired': 'retired' },
      }),

    reserveRenewal: ({ id, agentId, tenantId }, lease) =>
      reserve(table, agentId, lease, {
        ConditionExpression: `tenantId = :tenantId AND #status = :active AND ${pointsTo} AND activeCertificate.expiresAt > :now AND ${isFree}`,
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':tenantId': tenantId, ':active': 'active', ':certificateId': id },
      }),

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

    async forgetDeadLease(agentId, leaseId, now) {
      await updateItem(table, agentKey(agentId), {
        UpdateExpression: 'REMOVE lease',
        ConditionExpression: `${holdsLease} AND lease.expiresAt <= :now`,
        ExpressionAttributeValues: { ':leaseId': leaseId, ':now': now },
      });
    },

    async commitIssuance(certificate, issuedAt, audit) {
      const { written } = await transact(table.client, [
        {
          Update: {
            TableName: table.tableName,
            Key: agentKey(certificate.agentId),
            UpdateExpression: 'SET #status = :active, activeCertificate = :certificate, updatedAt = :now REMOVE lease, halt',
            ConditionExpression: holdsLiveLease,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':active': 'active', ':certificate': pointerTo(certificate, issuedAt), ':leaseId': certificate.id, ':now': audit.createdAt },
          },
        },
        ...issuanceOf(table, certificate),
        { Put: { TableName: table.tableName, Item: auditItem(audit) } },
      ], certificate.id);
      return written;
    },

    async commitRenewal(certificate, { issuedAt, superseded, revocation, audit }) {
      const pointer = { ...pointerTo(certificate, issuedAt), activeSince: superseded.activeSince ?? superseded.issuedAt };
      const { written } = await transact(table.client, [
        {
          Update: {
            TableName: table.tableName,
            Key: agentKey(certificate.agentId),
            UpdateExpression: 'SET activeCertificate = :certificate, updatedAt = :now REMOVE lease',
            ConditionExpression: `${holdsLiveLease} AND ${pointsTo}`,
            ExpressionAttributeValues: { ':certificate': pointer, ':leaseId': certificate.id, ':certificateId': superseded.id, ':now': revocation.revokedAt },
          },
        },
        ...revocationOf(table, superseded, revocation),
        ...issuanceOf(table, certificate),
        ...audit.map((entry): TransactWrite => ({ Put: { TableName: table.tableName, Item: auditItem(entry) } })),
      ], certificate.id);
      return written;
    },
  };
}

/** Takes the lease, if nobody else has it and what else the condition says holds of the agent. */
async function reserve(table: Table, agentId: string, lease: Lease, condition: Pick<UpdateCommandInput, 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'>): Promise<Reservation> {
  const outcome = await updateItem(table, agentKey(agentId), {
    UpdateExpression: 'SET lease = :lease',
    ...condition,
    ExpressionAttributeValues: { ...condition.ExpressionAttributeValues, ':lease': lease, ':now': lease.acquiredAt },
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
}

/** The part of a transaction that writes a new certificate. */
function issuanceOf({ tableName }: Table, certificate: Certificate): TransactWrite[] {
  return [
    { Put: { TableName: tableName, Item: certificateItem(certificate), ConditionExpression: 'attribute_not_exists(pk)' } },
    { Put: { TableName: tableName, Item: expiryItem(certificate) } },
  ];
}

function pointerTo({ id, expiresAt, keyArn, grantId, crlShard, certificatePem }: Certificate, issuedAt: string): ActiveCertificate {
  return { id, issuedAt, expiresAt, keyArn, ...(grantId !== undefined && { grantId }), crlShard, certificateDer: pemToDer(certificatePem) };
}

const releasedId = (leaseId: string) => `released:${leaseId}`;
