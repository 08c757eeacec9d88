import { certificateEnd, type EndingCertificate } from '../authority/certificate-end.ts';
import type { Registry, Revocation } from '../authority/ports.ts';
import { agentKey, auditItem, certificateKey, crlEntryItem, outboxItem, readCertificate } from './items.ts';
import { getItem, type Table } from './table.ts';
import { transact, type TransactWrite } from './transactions.ts';

export function certificateWrites(table: Table): Pick<Registry, 'getCertificate' | 'revokeCertificate'> {
  return {
    getCertificate: async (certificateId) => readCertificate(await getItem(table, certificateKey(certificateId))),

    async revokeCertificate(certificate, revocation, audit) {
      const revoke = revocationOf(table, certificate, revocation);
      const trail = audit.map((entry): TransactWrite => ({ Put: { TableName: table.tableName, Item: auditItem(entry) } }));
      const outcome = await transact(table.client, [...revoke, suspensionOf(table, certificate, revocation), ...trail]);
      if (outcome.written) return true;
      if (outcome.failedConditions.includes(0)) return false;
      // Active, but the agent points elsewhere: it goes alone, and the agent keeps what it has.
      return (await transact(table.client, [...revoke, ...trail.slice(0, 1)])).written;
    },
  };
}

/**
 * The part of a transaction that revokes an active certificate, puts it on its CRL and says so in the outbox. Its first
 * action fails where the certificate is revoked already.
 */
export function revocationOf({ tableName }: Table, certificate: EndingCertificate, revocation: Revocation): TransactWrite[] {
  const { revokedAt, reason, reasonCode } = revocation;
  return [
    {
      Update: {
        TableName: tableName,
        Key: certificateKey(certificate.id),
        UpdateExpression: 'SET #status = :revoked, revokedAt = :revokedAt, revocationReason = :reason, reasonCode = :reasonCode',
        ConditionExpression: '#status = :active',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':revoked': 'revoked', ':active': 'active', ':revokedAt': revokedAt, ':reason': reason, ':reasonCode': reasonCode },
      },
    },
    { Put: { TableName: tableName, Item: crlEntryItem(certificate, revocation) } },
    { Put: { TableName: tableName, Item: outboxItem(certificateEnd(certificate, 'revoked', revokedAt)) } },
  ];
}

function suspensionOf({ tableName }: Table, { id, agentId }: EndingCertificate, { revokedAt }: Revocation): TransactWrite {
  return {
    Update: {
      TableName: tableName,
      Key: agentKey(agentId),
      UpdateExpression: 'SET #status = :suspended, updatedAt = :revokedAt REMOVE activeCertificate',
      ConditionExpression: 'activeCertificate.id = :certificateId',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':suspended': 'suspended', ':revokedAt': revokedAt, ':certificateId': id },
    },
  };
}
