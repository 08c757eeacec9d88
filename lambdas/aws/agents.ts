import { activeCertificateOf } from '../authority/certificate-end.ts';
import type { AgentChange, Registry } from '../authority/ports.ts';
import { revocationOf } from './certificates.ts';
import { agentItem, agentKey, alertKey, auditItem, metadataJson, readAgent } from './items.ts';
import { getItem, updateItem, type Table } from './table.ts';
import { transact, type TransactWrite } from './transactions.ts';

/** For as long as a record may come again: a dead letter is kept for 90 days, and was given up within hours. */
const alertMarkSeconds = 100 * 86_400;

export function agentWrites(table: Table): Pick<Registry, 'getAgent' | 'createAgent' | 'updateAgent' | 'recordRiskAlert' | 'noteRiskScore'> {
  const { client, tableName } = table;
  return {
    getAgent: async (agentId) => readAgent(await getItem(table, agentKey(agentId))),

    async createAgent(agent, audit) {
      const { written } = await transact(client, [
        { Put: { TableName: tableName, Item: agentItem(agent), ConditionExpression: 'attribute_not_exists(pk)' } },
        { Put: { TableName: tableName, Item: auditItem(audit) } },
      ], agent.id);
      if (!written) throw new Error(`Agent id ${agent.id} was drawn twice.`);
    },

    async updateAgent(change) {
      const { written } = await transact(client, [
        { Update: { TableName: tableName, Key: agentKey(change.agent.id), ...agentUpdate(change) } },
        ...revocationOfActive(table, change),
        ...change.audit.map((entry): TransactWrite => ({ Put: { TableName: tableName, Item: auditItem(entry) } })),
      ]);
      return written;
    },

    async recordRiskAlert(recordId, audit) {
      const timeToLive = Math.floor(Date.parse(audit.createdAt) / 1000) + alertMarkSeconds;
      await transact(client, [
        { Put: { TableName: tableName, Item: { ...alertKey(audit.affectedId, recordId), timeToLive }, ConditionExpression: 'attribute_not_exists(pk)' } },
        { Put: { TableName: tableName, Item: auditItem(audit) } },
      ]);
    },

    async noteRiskScore(agentId, riskScore, observedAt) {
      // An older record that arrives late does not overwrite a newer one's score.
      await updateItem(table, agentKey(agentId), {
        UpdateExpression: 'SET riskScore = :riskScore, riskObservedAt = :observedAt',
        ConditionExpression: 'attribute_exists(pk) AND (attribute_not_exists(riskObservedAt) OR riskObservedAt <= :observedAt)',
        ExpressionAttributeValues: { ':riskScore': riskScore, ':observedAt': observedAt },
      });
    },
  };
}

function revocationOfActive(table: Table, { agent, revocation }: AgentChange): TransactWrite[] {
  const certificate = activeCertificateOf(agent);
  return revocation === undefined || certificate === undefined ? [] : revocationOf(table, certificate, revocation);
}

/** Applies the change on condition that the agent still is what the change was decided on. */
function agentUpdate({ agent, set, halt, updatedAt }: AgentChange) {
  const { metadata, ...fields } = set;
  const changesStatus = set.status !== undefined && set.status !== agent.status;
  const attributes = {
    ...fields,
    ...('metadata' in set && { metadataJson: metadataJson(metadata ?? {}) }),
    ...((halt !== undefined || changesStatus) && { halt }),
    updatedAt,
  };
  const ends = set.status === 'suspended' || set.status === 'retired';
  const assigned = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const removed = [...Object.entries(attributes).filter(([, value]) => value === undefined).map(([name]) => `#${name}`), ...(ends ? ['activeCertificate', 'lease'] : [])];
  const unchanged = [
    '#status = :statusBefore',
    ...(set.status === undefined ? [] : [agent.activeCertificate === undefined ? 'attribute_not_exists(activeCertificate)' : 'activeCertificate.id = :certificateId']),
    // Of two halts at once the second finds the first, also where there was neither a status to change nor a certificate.
    ...(halt === undefined ? [] : [agent.halt === undefined ? 'attribute_not_exists(halt)' : 'halt.eventId = :haltBefore']),
  ];
  return {
    UpdateExpression: `SET ${assigned.map(([name]) => `#${name} = :${name}`).join(', ')}${removed.length > 0 ? ` REMOVE ${removed.join(', ')}` : ''}`,
    ConditionExpression: unchanged.join(' AND '),
    ExpressionAttributeNames: { ...Object.fromEntries(Object.keys(attributes).map((name) => [`#${name}`, name])), '#status': 'status' },
    ExpressionAttributeValues: {
      ...Object.fromEntries(assigned.map(([name, value]) => [`:${name}`, value])),
      ':statusBefore': agent.status,
      ...(set.status !== undefined && agent.activeCertificate !== undefined && { ':certificateId': agent.activeCertificate.id }),
      ...(halt !== undefined && agent.halt !== undefined && { ':haltBefore': agent.halt.eventId }),
    },
  };
}
