import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { autoRevoke, type ObservedRisk } from '../authority/auto-revoke.ts';
import { readObservedRisk } from '../aws/risk-stream.ts';
import { log } from '../log.ts';
import { environment } from './environment.ts';
import { invocation } from './invocation.ts';
import { measurement } from './metrics.ts';
import { clock, registry, revocationServices } from './services.ts';

/**
 * Consumes the risk table's stream. Records of different agents are worked on side by side, those of one agent in their
 * order. A record that fails is reported, so that Lambda delivers from there again; what was done already is then found
 * done. https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export const handler = invocation('auto-revoke', async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
  const failures = await Promise.all(byAgent(Records).map(handleInOrder));
  return { batchItemFailures: failures.flat().map(({ dynamodb }) => ({ itemIdentifier: dynamodb?.SequenceNumber ?? '' })) };
});

function byAgent(records: readonly DynamoDBRecord[]): DynamoDBRecord[][] {
  const groups = new Map<string, DynamoDBRecord[]>();
  for (const record of records) {
    const agentId = record.dynamodb?.Keys?.['agent_id']?.S ?? '';
    const group = groups.get(agentId);
    if (group === undefined) groups.set(agentId, [record]);
    else group.push(record);
  }
  return [...groups.values()];
}

/** Acts on one agent's records and answers those that failed. The agent is shown with the score observed last, written once. */
async function handleInOrder(records: readonly DynamoDBRecord[]): Promise<DynamoDBRecord[]> {
  const failed: DynamoDBRecord[] = [];
  const attempt = async <Value>(record: DynamoDBRecord, act: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      return await act();
    } catch (error) {
      log.error('auto-revoke', error, { keys: record.dynamodb?.Keys, sequence_number: record.dynamodb?.SequenceNumber });
      failed.push(record);
      return undefined;
    }
  };
  let last: { record: DynamoDBRecord; risk: ObservedRisk } | undefined;
  for (const record of records) {
    const risk = await attempt(record, () => judge(record));
    if (risk !== undefined && !(last !== undefined && last.risk.observedAt > risk.observedAt)) last = { record, risk };
  }
  if (last !== undefined) {
    const { record, risk: { agentId, score, observedAt } } = last;
    await attempt(record, () => registry().noteRiskScore(agentId, score, observedAt));
  }
  return failed;
}

/** Does what the record calls for, and answers the risk it reports, if it reports one. */
async function judge(record: DynamoDBRecord): Promise<ObservedRisk | undefined> {
  const risk = readObservedRisk(record);
  if (risk === undefined) return undefined;
  const { outcome } = await autoRevoke({ ...revocationServices(), threshold: environment('riskThreshold') }, risk);
  if (outcome !== 'below-threshold') {
    log.info('auto-revoke', { outcome, agent_id: risk.agentId, record_id: risk.recordId, score: risk.score, ...(outcome === 'revoked' && measurement({ AutoRevocationLatency: ageOf(record) })) });
  }
  return risk;
}

/** Since the record was written, by the stream, which counts in seconds; of when the risk was observed its writer may say anything. */
const ageOf = ({ dynamodb }: DynamoDBRecord) => Math.max(0, clock().getTime() - (dynamodb?.ApproximateCreationDateTime ?? clock().getTime() / 1000) * 1000);
