import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Announcement } from '../../lambdas/authority/announcement.ts';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { answerLost, awsError, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { deliver, streamedRecords } from '../support/stream.ts';

// What is changed is heard of elsewhere: on EventBridge, and by the function that retires keys.

let runtime: FaultyRuntime;
let registry: RegistryView;

beforeAll(async () => {
  process.env['KEY_RETIREMENTS_PER_SECOND'] = '200';
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  await runtime.stop();
});

type Image = Record<string, unknown>;

/** What was published about the agent, oldest first, but for repetitions. */
async function announced(agentId: string): Promise<Announcement[]> {
  await runtime.idle();
  const all = runtime.publishedEvents.map(({ event: { detail } }) => detail as Announcement).filter(({ data }) => data['agent_id'] === agentId);
  return [...new Map(all.map((announcement) => [announcement.id, announcement])).values()];
}

const certified = async () => {
  const agentId = await runtime.newAgent();
  const { body } = await runtime.certify(agentId);
  return { agentId, id: body.data.id as string, keyArn: body.data.kms_key_arn as string };
};

describe('EventBridge is told', () => {
  test('of each change once, in the words of the API', async () => {
    const { agentId, id } = await certified();
    await runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'stolen', reason_code: 'keyCompromise' } });
    const { body } = await runtime.call('GET', `/audit-log?affected_id=${id}`);
    const [revoked] = body.data as { id: string; created_at: string }[];

    const announcements = await announced(agentId);
    expect(announcements.map(({ event }) => event).sort()).toEqual(['agent.created', 'agent.suspended', 'certificate.issued', 'certificate.revoked']);
    const { tenant_id } = (await runtime.call('GET', `/agents/${agentId}`)).body.data;
    expect(announcements.find(({ event }) => event === 'certificate.revoked')).toEqual({
      id: revoked?.id, event: 'certificate.revoked', tenant_id, created_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
      data: { agent_id: agentId, certificate_id: id, serial_number: serialNumberOf(id), reason: 'stolen', revocation_reason: 'stolen', reason_code: 'keyCompromise', revoked_at: expect.any(String) },
    });
    expect(announcements.find(({ event }) => event === 'certificate.issued')?.data).toMatchObject({ agent_id: agentId, certificate_id: id, serial_number: serialNumberOf(id), issued_at: expect.any(String), expires_at: expect.any(String) });
    expect(announcements.find(({ event }) => event === 'agent.suspended')?.data).toMatchObject({ agent_id: agentId, certificate_id: id, status: 'suspended' });
  });

  test('on the deployment’s own bus, by names that rules can match', async () => {
    const agentId = await runtime.newAgent();
    const [announcement] = await announced(agentId);
    expect(runtime.publishedEvents.find(({ event }) => (event.detail as Announcement).id === announcement?.id)).toMatchObject({ eventBusName: 'kakunin', event: { source: 'kakunin', 'detail-type': 'agent.created' } });
  });

  test.each([
    ['an edit', 'PATCH', { name: 'Other' }, 'agent.updated', {}],
    ['a suspension', 'PATCH', { status: 'suspended' }, 'agent.suspended', { status: 'suspended' }],
    ['a retirement', 'DELETE', undefined, 'agent.updated', { status: 'retired' }],
  ] as const)('of %s', async (_, method, body, event, data) => {
    const agentId = await runtime.newAgent();
    await runtime.call(method, `/agents/${agentId}`, { body });
    const last = (await announced(agentId)).at(-1);
    expect(last).toMatchObject({ event, data: { agent_id: agentId, ...data } });
  });

  test('of a risk that stops an agent, and once more of one that has nothing left to stop', async () => {
    const { agentId, id } = await certified();
    for (const score of [0.95, 0.3, 0.9]) await runtime.call('POST', '/risk-scores', { body: { agent_id: agentId, score, source: 'model' } });
    const announcements = await announced(agentId);
    expect(announcements.map(({ event }) => event).sort()).toEqual(['agent.created', 'agent.high_risk', 'agent.suspended', 'certificate.issued', 'certificate.revoked', 'risk.alert', 'risk.alert']);
    const of = (event: string) => announcements.filter((announcement) => announcement.event === event).map(({ data }) => data);
    expect(of('agent.high_risk')).toEqual([{ agent_id: agentId, certificate_id: id, status: 'suspended', risk_score: 0.95, threshold: 0.85, record_id: expect.any(String), observed_at: expect.any(String) }]);
    expect(of('risk.alert').map(({ risk_score }) => risk_score).sort()).toEqual([0.9, 0.95]);
    // A record that comes again is the same alert.
    const records = (await streamedRecords(runtime.dynamodbEndpoint, runtime.tableNames.risk)).filter(({ dynamodb }) => dynamodb?.Keys?.['agent_id']?.S === agentId);
    expect(await deliver('auto-revoke', records)).toEqual([]);
    expect(await announced(agentId)).toEqual(announcements);
  });

  test('of a halt, and not of what was signed', async () => {
    const { agentId } = await certified();
    await runtime.call('POST', `/agents/${agentId}/sign`, { body: { payload: { a: 1 } } });
    await runtime.call('POST', `/agents/${agentId}/halt`, { body: { reason: 'amok' } });
    const events = (await announced(agentId)).map(({ event }) => event).sort();
    expect(events).toEqual(expect.arrayContaining(['agent.halted', 'certificate.revoked']));
    expect(events).not.toContain('message.signed');
  });
});

describe('an entry', () => {
  test('is in its tenant’s chain, and then delivered again is not announced again', async () => {
    const agentId = await runtime.newAgent();
    await runtime.idle();
    const [record] = (await registry.auditRecords(agentId)) as [DynamoDBRecord];
    const { id, tenantId } = unmarshall(record.dynamodb?.NewImage as never);
    const mark = await registry.get(`CHAINED#${id}`, 'CHAINED');
    expect(await registry.get(`CHAIN#${tenantId}`, String(mark?.['sequence']).padStart(12, '0'))).toMatchObject({ entryId: id });
    const before = runtime.publishedEvents.length;
    expect(await deliver('relay-changes', [record, record])).toEqual([]);
    expect(runtime.publishedEvents.length).toBe(before);
  });

  const wrong: [string, (image: Image) => unknown][] = [
    ['has an id that is none', (image) => ({ ...image, id: { S: 'x'.repeat(3000) } })],
    ['lacks what every entry has', ({ actor: _, ...image }) => image],
    ['has metadata that is not text', (image) => ({ ...image, metadata: { M: { reason: { M: {} } } } })],
    ['lies with another tenant than its own', (image) => ({ ...image, tenantId: { S: runtime.tenants[1]?.id ?? '' } })],
    ['lies at another time than its own', (image) => ({ ...image, createdAt: { S: '2020-01-01T00:00:00.000Z' } })],
  ];

  test.each(wrong)('that %s fails alone, and nobody hears of it', async (_, spoil) => {
    const agentId = await runtime.newAgent();
    await runtime.idle();
    const [record] = (await registry.auditRecords(agentId)) as [DynamoDBRecord];
    const replayed = (image: unknown, SequenceNumber: string): DynamoDBRecord => ({ ...record, dynamodb: { ...record.dynamodb, SequenceNumber, NewImage: { ...(image as Image), replayedAt: { S: 'now' } } } });
    const image = record.dynamodb?.NewImage as Image;
    const before = runtime.publishedEvents.length;
    expect(await deliver('relay-changes', [replayed(spoil(image), '1'), replayed(image, '2')])).toEqual(['1']);
    expect(runtime.publishedEvents.slice(before).map(({ event: { detail } }) => detail)).toMatchObject([{ event: 'agent.created', data: { agent_id: agentId } }]);
  });

  test('that nobody could be told of, because of a webhook that nobody can read, comes again', async () => {
    const agentId = await runtime.newAgent();
    await runtime.idle();
    const [record] = (await registry.auditRecords(agentId)) as [DynamoDBRecord];
    const replayed: DynamoDBRecord = { ...record, dynamodb: { ...record.dynamodb, NewImage: { ...record.dynamodb?.NewImage, replayedAt: { S: 'now' } } } };
    const key = { pk: `WEBHOOK#${record.dynamodb?.NewImage?.['tenantId']?.S}`, sk: 'broken' };
    await registry.put({ ...key, id: 'broken', active: true });
    expect(await deliver('relay-changes', [replayed])).toEqual([record.dynamodb?.SequenceNumber]);
    await registry.remove(key.pk, key.sk);
    expect(await deliver('relay-changes', [replayed])).toEqual([]);
  });

  test('whose announcement fails is not chained until it is heard', async () => {
    const fault = runtime.eventBridge.inject({ operation: 'PutEvents' }, awsError('InternalFailure'));
    const agentId = await runtime.newAgent();
    const [record] = await registry.auditRecords(agentId);
    const id = record?.dynamodb?.NewImage?.['id']?.S ?? '';
    expect(await deliver('relay-changes', record === undefined ? [] : [record])).toHaveLength(1);
    expect(await registry.get(`CHAINED#${id}`, 'CHAINED')).toBeUndefined();
    fault.remove();
    await runtime.idle();
    expect(await registry.get(`CHAINED#${id}`, 'CHAINED')).toBeDefined();
  });
});

describe('nothing is lost where', () => {
  const faults: [string, Fault][] = [['refuses', awsError('InternalFailure')], ['cannot be reached', notPerformed], ['did it and the answer was lost', answerLost]];

  test.each(faults)('EventBridge %s', async (_, fault) => {
    runtime.eventBridge.inject({ operation: 'PutEvents' }, fault, { times: 4 }); // The SDK's own three attempts, and one more.
    const agentId = await runtime.newAgent();
    expect((await announced(agentId)).map(({ event }) => event)).toEqual(['agent.created']);
    expect(runtime.deadLetters).toEqual([]);
  });

  test.each(faults)('SQS %s', async (_, fault) => {
    const { id, keyArn } = await certified();
    await runtime.idle();
    runtime.sqs.inject({ operation: 'SendMessageBatch' }, fault, { times: 4 });
    await runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'over' } });
    await runtime.idle();
    expect((await registry.key(keyArn))?.KeyState).toBe('PendingDeletion');
    expect(runtime.deadLetters).toEqual([]);
  });

  test('one event of several is refused: it alone comes again', async () => {
    const agentIds = await Promise.all([runtime.newAgent(), runtime.newAgent()]);
    await runtime.idle();
    const records = (await Promise.all(agentIds.map((agentId) => registry.auditRecords(agentId)))).flat();
    expect(records).toHaveLength(2);
    // They are in their chain already; as dead letters delivered once more they are announced all the same.
    const replayed = records.map((record): DynamoDBRecord => ({ ...record, dynamodb: { ...record.dynamodb, NewImage: { ...record.dynamodb?.NewImage, replayedAt: { S: 'now' } } } }));
    const second = rewritten(({ Entries: [first] }) => ({ FailedEntryCount: 1, Entries: [first, { ErrorCode: 'ThrottlingException', ErrorMessage: 'Slow down' }] }));
    runtime.eventBridge.inject({ operation: 'PutEvents' }, second, { times: 1 });
    expect(await deliver('relay-changes', replayed)).toEqual([records[1]?.dynamodb?.SequenceNumber]);
  });
});
