import { certificateIdOf } from '../../../lambdas/pki/serial-number.ts';
import type { Reply } from '../runtime.ts';
import { grouped, type Item, type World } from './world.ts';

/*
 * What clients were told with a 2xx is true, and stays so whatever happened later. What an answer is about is told by what it
 * has in it, so that every answer of the API can be handed over.
 */

export function violationsOfAcknowledgements(world: World, replies: readonly Pick<Reply, 'status' | 'body'>[]): string[] {
  const entriesById = new Map(world.auditEntries.map((entry) => [entry['id'] as string, entry]));
  const entriesAbout = grouped(world.auditEntries, ({ affectedId }) => affectedId as string);
  const issuances = grouped(world.auditEntries.filter(({ eventType }) => eventType === 'certificate.issued'), ({ metadata }) => metadata.agent_id as string);
  const records = new Set(world.riskRecords.map(({ agent_id, record_id }) => `${agent_id} ${String(record_id).split('#').at(-1)}`));
  return replies.flatMap(({ status, body }) => {
    const data = status >= 200 && status < 300 ? (body?.data as Item | undefined) : undefined;
    if (data === undefined || Array.isArray(data)) return [];
    const untruths = untruthsOf(data, { ...world, entriesById, entriesAbout, issuances, records });
    return untruths.map((untruth) => `Was answered ${status} ${JSON.stringify({ ...data, certificate_pem: undefined })}, and ${untruth}.`);
  });
}

interface Evidence extends World {
  readonly entriesById: ReadonlyMap<string, Item>;
  readonly entriesAbout: ReadonlyMap<string, readonly Item[]>;
  /** Entries that say so, by the agents' ids. */
  readonly issuances: ReadonlyMap<string, readonly Item[]>;
  readonly records: ReadonlySet<string>;
}

function untruthsOf(data: Item, evidence: Evidence): string[] {
  const { certificates, agents, entriesById, entriesAbout, issuances, records } = evidence;
  const about = (id: string) => entriesAbout.get(id) ?? [];
  const problems: string[] = [];
  const expectThat = (holds: boolean, untruth: string) => void (holds || problems.push(untruth));

  if (data['certificate_pem'] !== undefined) {
    const certificate = certificates.get(data['id']);
    expectThat(certificate?.['certificatePem'] === data['certificate_pem'] && certificate?.['keyArn'] === data['kms_key_arn'], 'there is no such certificate');
    expectThat(about(data['id']).some(({ eventType }) => eventType === 'certificate.issued'), 'its issuance is not in the audit trail');
  }
  if (data['status'] === 'revoked' && data['revoked_at'] !== undefined) {
    const certificate = certificates.get(certificateIdOf(data['serial_number']));
    expectThat(certificate?.['status'] === 'revoked' && String(certificate['revokedAt']).slice(0, 19) === String(data['revoked_at']).slice(0, 19), 'the certificate was not revoked then');
  }
  // /verify answers null where there was no halt.
  if (data['halt_receipt'] !== undefined && data['halt_receipt'] !== null) {
    const { agent_id: agentId, halt_event_id: eventId, certificate_serial: serial } = data['halt_receipt'] as Item;
    const entry = entriesById.get(eventId);
    expectThat(entry?.['eventType'] === 'agent.halted' && entry['affectedId'] === agentId, 'the halt is not in the audit trail');
    expectThat(serial === null || certificates.get(certificateIdOf(serial))?.['status'] === 'revoked', 'the halted agent’s certificate is not revoked');
  }
  if (data['payload_hash'] !== undefined && data['certificate_serial'] !== undefined) {
    const { agentId } = certificates.get(certificateIdOf(data['certificate_serial'])) ?? {};
    const isRecorded = about(agentId).some(({ eventType, createdAt, metadata }) => eventType === 'message.signed' && createdAt === data['signed_at'] && metadata.payload_hash === data['payload_hash'] && metadata.certificate_serial === data['certificate_serial']);
    expectThat(isRecorded, 'the signature is not in the audit trail');
  }
  if (data['model_hash'] !== undefined && data['updated_at'] !== undefined) {
    const agent = agents.get(data['id']);
    expectThat(agent !== undefined, 'there is no such agent');
    expectThat(data['status'] !== 'retired' || agent?.['status'] === 'retired', 'the agent is not retired');
    expectThat([...about(data['id']), ...(issuances.get(data['id']) ?? [])].some(({ createdAt }) => createdAt === data['updated_at']), 'the audit trail has no change of that time');
  }
  if (data['url'] !== undefined && data['events'] !== undefined) {
    expectThat(about(data['id']).some(({ createdAt, eventType }) => createdAt === data['updated_at'] || eventType === 'webhook.deleted'), 'the audit trail has no change of that time');
  }
  if (data['risk_score'] !== undefined && data['agent_id'] !== undefined && data['id'] !== undefined) expectThat(records.has(`${data['agent_id']} ${data['id']}`), 'there is no such risk record');
  return problems;
}
