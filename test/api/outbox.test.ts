import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { DynamoDBRecord } from 'aws-lambda';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRiskTable, type RiskTable } from '../support/faults-risk.ts';
import { crlsOf, shardOf } from '../support/published-crl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { deliver, deliverMessages } from '../support/stream.ts';
import { certificateEnd } from '../support/ends.ts';

// What follows from the end of a certificate, by whichever door it came.

let runtime: TestRuntime;
let registry: RegistryView;
let risk: RiskTable;

beforeAll(async () => {
  process.env['KEY_DELETION_DAYS'] = '7';
  process.env['KEY_RETIREMENTS_PER_SECOND'] = '200';
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
  runtime = await startTestRuntime({ automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
  risk = openRiskTable(runtime);
});
afterAll(async () => {
  risk.close();
  registry.close();
  await runtime.stop();
});

async function certified(): Promise<{ agentId: string; id: string; keyArn: string }> {
  const { agent, certificate } = await certifiedAgent(runtime.call);
  return { agentId: agent.id, id: certificate.id, keyArn: certificate.kms_key_arn };
}

/** Everything that was done about the certificate, but for times. */
async function effectsOf(id: string, keyArn: string) {
  const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
  const serialNumber = serialNumberOf(id);
  return {
    outbox: (await registry.outboxEntry(id))?.['cause'],
    key: (await registry.key(keyArn))?.KeyState,
    keyDeletion: await registry.keyDeletion(id),
    crl: await registry.crlEffect(id),
    reasons: [shard, complete].map(({ entries }) => entries.get(serialNumber)?.reasonCode),
  };
}

describe('each door', () => {
  const doors: Record<string, [number, (certificate: { agentId: string; id: string }) => Promise<unknown>]> = {
    'POST /certificates/{id}/revoke': [1, ({ id }) => revoke(runtime.call, id, { body: { reason: 'stolen', reason_code: 'keyCompromise' } })],
    'the same, without a reason code': [0, ({ id }) => revoke(runtime.call, id)],
    'POST /events that shows high risk': [9, ({ agentId }) => runtime.call('POST', '/events', { body: { agent_id: agentId, action_type: 'unauthorized_access_attempt' } })],
    'POST /risk-scores': [9, ({ agentId }) => runtime.call('POST', '/risk-scores', { body: { agent_id: agentId, score: 0.85 } })],
    'a record in the risk table': [9, ({ agentId }) => risk.put(agentId, { score: { N: '0.9' } })],
    'PATCH /agents/{id} to suspended': [9, ({ agentId }) => runtime.call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } })],
    'PATCH /agents/{id} to retired': [5, ({ agentId }) => runtime.call('PATCH', `/agents/${agentId}`, { body: { status: 'retired' } })],
    'DELETE /agents/{id}': [5, ({ agentId }) => runtime.call('DELETE', `/agents/${agentId}`)],
  };

  test.each(Object.entries(doors))('%s leads to a key that is deleted and to CRLs that say so', async (_, [reasonCode, door]) => {
    const { agentId, id, keyArn } = await certified();
    const before = Date.now();
    await door({ agentId, id });
    await runtime.idle();

    expect(await effectsOf(id, keyArn)).toEqual({
      outbox: 'revoked',
      key: 'PendingDeletion',
      keyDeletion: { scheduledAt: expect.any(String), deletionDate: expect.any(String) },
      crl: { crlNumber: expect.any(Number), publishedAt: expect.any(String) },
      reasons: [reasonCode, reasonCode],
    });
    const { tenantId, endedAt } = (await registry.outboxEntry(id)) ?? {};
    expect(await registry.outboxEntry(id)).toEqual({ certificateId: id, agentId, tenantId, keyArn, crlShard: shardOf(id), cause: 'revoked', endedAt });
    expect(Date.parse(endedAt)).toBeGreaterThanOrEqual(before - 1000);
    const { body } = await runtime.call('GET', `/certificates/${id}`);
    expect(body.data).toMatchObject({ status: 'revoked', revoked_at: `${endedAt.slice(0, 19)}Z` });
    expect(runtime.deadLetters).toEqual([]);
  });

  test('a certificate that its agent does not point to leads to the same', async () => {
    const { agentId, id, keyArn } = await certified();
    await registry.set(`AGENT#${agentId}`, 'AGENT', 'activeCertificate', { id: randomUUID(), issuedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2999-01-01T00:00:00.000Z', keyArn, crlShard: 0 });
    await revoke(runtime.call, id);
    await runtime.idle();
    expect(await effectsOf(id, keyArn)).toMatchObject({ outbox: 'revoked', key: 'PendingDeletion', keyDeletion: {}, crl: {}, reasons: [0, 0] });
  });

  test('no certificate, no effects: an agent that was never certified is retired', async () => {
    const { body } = await runtime.call('POST', '/agents', { body: { name: 'Never', model_hash: 'sha256:1' } });
    expect((await runtime.call('DELETE', `/agents/${body.data.id}`)).status).toBe(200);
    await runtime.idle();
    expect(runtime.deadLetters).toEqual([]);
  });
});

test('the key is deleted after as many days as are configured', async () => {
  const { id, keyArn } = await certified();
  await revoke(runtime.call, id);
  await runtime.idle();
  const { scheduledAt, deletionDate } = (await registry.keyDeletion(id)) ?? {};
  const days = (Date.parse(deletionDate) - Date.parse(scheduledAt)) / 86_400_000;
  expect(days).toBeGreaterThan(6.99);
  expect(days).toBeLessThan(7.01);
  expect((await registry.key(keyArn))?.DeletionDate?.toISOString()).toBe(deletionDate);
});

describe('a record', () => {
  const sequenceNumber = ({ dynamodb }: DynamoDBRecord) => dynamodb?.SequenceNumber ?? '';
  const consumers = ['relay-changes', 'publish-crls'] as const;

  test('delivered again, in any order and with others, changes nothing that was done', async () => {
    const certificates = await Promise.all([certified(), certified(), certified()]);
    for (const { id } of certificates) await revoke(runtime.call, id);
    await runtime.idle();
    const before = await Promise.all(certificates.map(({ id, keyArn }) => effectsOf(id, keyArn)));

    const records = (await Promise.all(certificates.map(({ id }) => registry.ends(id)))).flat();
    expect(records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'INSERT', 'INSERT']);
    const jumbled = [...records, ...records].reverse();
    for (const consumer of consumers) expect(await deliver(consumer, jumbled)).toEqual([]);
    await runtime.idle();

    const after = await Promise.all(certificates.map(({ id, keyArn }) => effectsOf(id, keyArn)));
    // The CRL they are on is a later one by now; that they are on one is what is noted.
    expect(after.map(({ crl: _, ...rest }) => rest)).toEqual(before.map(({ crl: _, ...rest }) => rest));
    for (const { id } of certificates) expect((await registry.crlEffect(id))?.['crlNumber']).toBeGreaterThan(0);
  });

  test('that cannot be read fails alone, and so does one that names what is not there', async () => {
    const good = await certified();
    await revoke(runtime.call, good.id);
    await runtime.idle();
    const [record] = (await registry.ends(good.id)) as [DynamoDBRecord];
    const poisoned = (change: (image: Record<string, unknown>) => Record<string, unknown>, sequence: string): DynamoDBRecord => ({
      ...record, dynamodb: { ...record.dynamodb, SequenceNumber: sequence, NewImage: change({ ...record.dynamodb?.NewImage }) as never },
    });
    const malformed = [
      poisoned(({ keyArn: _, ...image }) => image, '1'),
      poisoned((image) => ({ ...image, cause: { S: 'forgotten' } }), '2'),
      poisoned((image) => ({ ...image, crlShard: { N: '1.5' } }), '3'),
      poisoned((image) => ({ ...image, crlShard: { N: '123456789012345678901234567890' } }), '4'),
    ];
    const unknownShard = poisoned((image) => ({ ...image, crlShard: { N: '16' } }), '6');

    expect((await deliver('relay-changes', [...malformed, record])).sort()).toEqual(['1', '2', '3', '4']);
    const end = certificateEnd({ keyArn: `${good.keyArn.slice(0, -36)}${randomUUID()}` });
    const messages = ['no JSON', { ...end, cause: 'forgotten' }, { ...end, keyArn: undefined }, end, certificateEnd({ keyArn: good.keyArn })];
    expect(new Set(await deliverMessages('retire-keys', messages))).toEqual(new Set(messages.slice(0, 4)));
    const number = (await crlsOf(runtime.distributionUrl, good.id)).shard.crlNumber;
    expect((await deliver('publish-crls', [...malformed, unknownShard, record])).sort()).toEqual(['1', '2', '3', '4', '6']);
    expect((await crlsOf(runtime.distributionUrl, good.id)).shard.crlNumber).toBe(number + 1n);
  });

  test('of an entry that was only touched is no end, unless a dead letter is delivered once more', async () => {
    const { id } = await certified();
    await revoke(runtime.call, id);
    await runtime.idle();
    await registry.set(`OUTBOX#${id}`, 'OUTBOX', 'note', 'looked at');
    await registry.set(`OUTBOX#${id}`, 'OUTBOX', 'replayedAt', '2026-06-01T00:00:00.000Z');
    await runtime.idle();
    const [inserted, touched, replayed] = (await registry.ends(id)) as [DynamoDBRecord, DynamoDBRecord, DynamoDBRecord];
    const publications = async (record: DynamoDBRecord) => {
      const { crlNumber } = (await crlsOf(runtime.distributionUrl, id)).complete;
      expect(await deliver('publish-crls', [record])).toEqual([]);
      return Number((await crlsOf(runtime.distributionUrl, id)).complete.crlNumber - crlNumber);
    };
    expect([await publications(inserted), await publications(touched), await publications(replayed)]).toEqual([1, 0, 1]);
  });

  test('of another item, or of a deletion, is no end', async () => {
    const { id } = await certified();
    await revoke(runtime.call, id);
    await runtime.idle();
    const [record] = (await registry.ends(id)) as [DynamoDBRecord];
    const removed: DynamoDBRecord = { ...record, eventName: 'REMOVE' };
    const other: DynamoDBRecord = { ...record, dynamodb: { ...record.dynamodb, Keys: { pk: { S: `CERT#${id}` }, sk: { S: 'CERT' } } } };
    const { crlNumber } = (await crlsOf(runtime.distributionUrl, id)).complete;
    for (const consumer of consumers) expect(await deliver(consumer, [removed, other])).toEqual([]);
    expect((await crlsOf(runtime.distributionUrl, id)).complete.crlNumber).toBe(crlNumber);
    expect(sequenceNumber(record)).not.toBe('');
  });
});

test('a burst of revocations is a handful of publications', async () => {
  const certificates = await Promise.all(Array.from({ length: 40 }, certified));
  const one = certificates[0]?.id ?? '';
  const numberBefore = (await crlsOf(runtime.distributionUrl, one)).complete.crlNumber;
  await Promise.all(certificates.map(({ id }) => revoke(runtime.call, id)));
  await runtime.idle();
  const { complete } = await crlsOf(runtime.distributionUrl, one);
  for (const { id } of certificates) expect(complete.entries.has(serialNumberOf(id))).toBe(true);
  expect(Number(complete.crlNumber - numberBefore)).toBeLessThanOrEqual(6);
});
