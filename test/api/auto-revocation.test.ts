import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import { awsError, cancelled } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { openRiskTable, type RiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

let runtime: FaultyRuntime;
let risk: RiskTable;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  risk = openRiskTable(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  risk.close();
  await runtime.stop();
});

interface Certified {
  readonly agentId: string;
  readonly id: string;
  readonly serial: string;
  readonly keyArn: string;
}

async function certify(agentId: string): Promise<Certified> {
  const { status, body } = await runtime.certify(agentId);
  if (status !== 201) throw new Error(`No certificate: ${status} ${JSON.stringify(body)}`);
  return { agentId, id: body.data.id, serial: body.data.serial_number, keyArn: body.data.kms_key_arn };
}

const certifiedAgent = async () => certify(await runtime.newAgent());
const statusOf = async ({ serial }: Certified) => (await runtime.verify(serial)).body.data.status as string;
const event = (agentId: string, action_type: string, fields: object = {}) => runtime.call('POST', '/events', { body: { agent_id: agentId, action_type, ...fields } });
const score = (agentId: string, value: number, fields: object = {}, options: object = {}) => runtime.call('POST', '/risk-scores', { ...options, body: { agent_id: agentId, score: value, ...fields } });
const put = (agentId: string, value: string, attributes: Record<string, AttributeValue> = {}) => risk.put(agentId, { score: { N: value }, ...attributes });

/** What the stream's function knows of the time of a record that says nothing of it. */
const timeless = (agentId: string, value: string) => risk.put(agentId, { score: { N: value } }, 'no-time');

/** The first instant at which nothing can be mistaken for having happened in the second of now. */
const nextSecond = () => sleep(1000 - (Date.now() % 1000));

describe('each door', () => {
  const doors: Record<string, (agentId: string) => Promise<unknown>> = {
    'an event of 0.95': (agentId) => event(agentId, 'unauthorized_access_attempt'),
    'an event of exactly 0.85': (agentId) => event(agentId, 'transaction_anomaly'),
    'a verdict of exactly 0.85': (agentId) => score(agentId, 0.85),
    'a verdict of 1': (agentId) => score(agentId, 1),
    'the least of records, written by the pipeline itself': (agentId) => put(agentId, '0.85'),
    'a record that says nothing of its time': (agentId) => timeless(agentId, '0.85'),
    'a record whose time cannot be read': (agentId) => risk.put(agentId, { score: { N: '0.85' }, observed_at: { S: 'yesterday' } }, 'neither'),
    'a record whose time is a number': (agentId) => put(agentId, '0.85', { observed_at: { N: '1767225600' } }),
    'a record with what JavaScript cannot read': (agentId) => put(agentId, '0.9', { run: { N: '12345678901234567890123456789' }, tags: { SS: ['a'] }, tenant_id: { NULL: true }, observed_at: { NULL: true } }),
    'a score above 1': (agentId) => put(agentId, '42'),
  };

  test.each(Object.entries(doors))('%s revokes', async (_, door) => {
    const certified = await certifiedAgent();
    const reply = (await door(certified.agentId)) as { status?: number; body?: { data: { revocation_check_queued: boolean } } };
    if (reply.body !== undefined) expect([reply.status === 201 || reply.status === 202, reply.body.data.revocation_check_queued]).toEqual([true, true]);
    await runtime.idle();

    const { body } = await runtime.verify(certified.serial);
    expect(body.data).toMatchObject({ status: 'revoked', valid: false, revocation_reason: expect.stringMatching(/^Risk score [\d.]+ reached the threshold of 0.85$/) });
    expect((await runtime.aftermath.agent(certified.agentId))['status']).toBe('suspended');
    expect(await runtime.aftermath.certificate(certified.id)).toMatchObject({ status: 'revoked', reasonCode: 'privilegeWithdrawn' });
    expect((await runtime.aftermath.audit(certified.id)).map(({ eventType, actor }) => [eventType, actor.type])).toEqual([['certificate.issued', 'api_key'], ['certificate.revoked', 'system']]);
    expect(runtime.deadLetters).toEqual([]);
  });

  const harmless: Record<string, (agentId: string) => Promise<unknown>> = {
    'a verdict of 0.8499': (agentId) => score(agentId, 0.8499),
    'a record of 0.8499': (agentId) => put(agentId, '0.8499'),
    'a negative score': (agentId) => put(agentId, '-1'),
    'an event of 0.55': (agentId) => event(agentId, 'authentication_failure'),
    'a day’s volume': (agentId) => risk.put(agentId, { kind: { S: 'volume' }, volume_usd: { N: '1000000' } }),
  };

  test('what is below 0.85 does not revoke', async () => {
    const certified = await certifiedAgent();
    for (const door of Object.values(harmless)) await door(certified.agentId);
    await runtime.idle();
    expect(await statusOf(certified)).toBe('active');
    expect((await runtime.aftermath.agent(certified.agentId))['status']).toBe('active');
    expect(runtime.deadLetters).toEqual([]);
  });

  test('the agent is shown with the score observed last, whatever is written after it', async () => {
    const { agentId } = await certifiedAgent();
    const shown = async () => {
      await runtime.idle();
      return (await runtime.call('GET', `/agents/${agentId}`)).body.data.risk_score;
    };
    await score(agentId, 0.4);
    expect(await shown()).toBe(0.4);
    await score(agentId, 0.1, { observed_at: '2020-01-01T00:00:00Z' });
    expect(await shown()).toBe(0.4);

    // The same in one batch, the last record of which is none.
    const [newer, older] = [new Date(), new Date(Date.now() - 500)];
    await put(agentId, '0.6', { observed_at: { S: newer.toISOString() } });
    await put(agentId, '0.2', { observed_at: { S: older.toISOString() } });
    await runtime.idle();
    await runtime.aftermath.forgetRiskScore(agentId);
    const records = await risk.streamed(agentId);
    await risk.put(agentId, { kind: { S: 'volume' }, volume_usd: { N: '5' } });
    await runtime.idle();
    expect(await risk.deliver([...records, ...(await risk.streamed(agentId)).slice(-1)])).toEqual([]);
    expect(await shown()).toBe(0.6);
  });
});

describe('which certificate', () => {
  test('one issued after the record was observed stays', async () => {
    const before = new Date().toISOString();
    await sleep(2);
    const certified = await certifiedAgent();
    await score(certified.agentId, 0.99, { observed_at: before });
    await put(certified.agentId, '0.99', { observed_at: { S: before } });
    await put(certified.agentId, '0.99', { observed_at: { S: '2020-01-01T00:00:00+02:00' } });
    await runtime.idle();
    expect(await statusOf(certified)).toBe('active');
    expect(runtime.deadLetters).toEqual([]);
  });

  test('one issued before it goes, to the millisecond', async () => {
    const first = await certifiedAgent();
    const { activeCertificate: { issuedAt } } = await runtime.aftermath.agent(first.agentId);
    const justBefore = new Date(Date.parse(issuedAt) - 1).toISOString();
    await put(first.agentId, '0.9', { observed_at: { S: justBefore } });
    await runtime.idle();
    expect(await statusOf(first)).toBe('active');
    await put(first.agentId, '0.9', { observed_at: { S: issuedAt } });
    await runtime.idle();
    expect(await statusOf(first)).toBe('revoked');
  });

  test('a time in the future counts as the time of writing: the next certificate is not revoked in advance', async () => {
    const first = await certifiedAgent();
    await put(first.agentId, '0.9', { observed_at: { S: '2999-01-01T00:00:00Z' } });
    await score(first.agentId, 0.9, { observed_at: '2999-01-01T00:00:00Z' });
    await runtime.idle();
    expect(await statusOf(first)).toBe('revoked');

    await nextSecond(); // A stream tells the second of writing and no more.
    const second = await certify(first.agentId);
    expect(await risk.deliver(await risk.streamed(first.agentId))).toEqual([]);
    expect(await statusOf(second)).toBe('active');
  });

  test('an expired one is left as it is', async () => {
    const certified = await certifiedAgent();
    await runtime.aftermath.expireCertificate(certified.agentId, certified.id, new Date().toISOString());
    await score(certified.agentId, 0.99);
    await runtime.idle();
    expect(await statusOf(certified)).toBe('expired');
    expect(await runtime.aftermath.audit(certified.id)).toHaveLength(1);
  });

  test('the agent of a tenant, through its own door only', async () => {
    const ours = await certifiedAgent();
    const theirs = await (async () => {
      const agentId = await runtime.newAgent({}, { key: runtime.keys.globex });
      const { body } = await runtime.certify(agentId, { key: runtime.keys.globex });
      return { agentId, id: body.data.id, serial: body.data.serial_number, keyArn: body.data.kms_key_arn } as Certified;
    })();
    expect((await score(theirs.agentId, 1)).status).toBe(404);
    expect((await event(theirs.agentId, 'unauthorized_access_attempt')).status).toBe(404);
    await score(ours.agentId, 1);
    await runtime.idle();
    expect([await statusOf(ours), await statusOf(theirs)]).toEqual(['revoked', 'active']);

    await score(theirs.agentId, 1, {}, { key: runtime.keys.globex });
    await runtime.idle();
    expect(await statusOf(theirs)).toBe('revoked');
  });

  test('nobody’s: an agent never certified, one retired, and a low score of one unknown', async () => {
    const [pending, retired] = [await runtime.newAgent(), await runtime.newAgent()];
    await runtime.call('DELETE', `/agents/${retired}`);
    for (const agentId of [pending, retired]) await put(agentId, '0.99');
    await put('00000000-0000-4000-8000-000000000000', '0.1');
    await runtime.idle();
    expect(runtime.deadLetters).toEqual([]);
    expect([(await runtime.aftermath.agent(pending))['status'], (await runtime.aftermath.agent(retired))['status']]).toEqual(['pending', 'retired']);
    expect((await certify(pending)).agentId).toBe(pending); // Observed before it was issued anything.
  });
});

describe('the same record more than once', () => {
  test('and in any order comes to the same', async () => {
    const first = await certifiedAgent();
    await score(first.agentId, 0.2);
    await score(first.agentId, 0.9);
    await score(first.agentId, 0.3);
    await score(first.agentId, 0.95);
    await runtime.idle();
    expect(await statusOf(first)).toBe('revoked');
    const second = await certify(first.agentId);
    const state = async () => [await statusOf(first), await statusOf(second), (await runtime.aftermath.agent(first.agentId))['riskScore'], (await runtime.aftermath.audit(first.id)).length, (await runtime.aftermath.audit(second.id)).length];
    const expected = ['revoked', 'active', 0.95, 2, 1];
    expect(await state()).toEqual(expected);

    const records = await risk.streamed(first.agentId);
    expect(records).toHaveLength(4);
    for (const order of [records, [...records].reverse(), [...records, ...records], records.slice(1, 2)]) {
      expect(await risk.deliver(order)).toEqual([]);
      expect(await state()).toEqual(expected);
    }
  });

  test('at the same time is acted upon once', async () => {
    const certified = await certifiedAgent();
    const hold = runtime.dynamodb.hold({ ...requests.readAgent, concerning: certified.agentId });
    await put(certified.agentId, '0.9');
    await hold.reached;
    const records = await risk.streamed(certified.agentId);
    const deliveries = Array.from({ length: 10 }, () => risk.deliver(records));
    while (hold.held < 11) await sleep(1);
    hold.release();
    expect((await Promise.all(deliveries)).flat()).toEqual([]);
    await runtime.idle();
    expect((await runtime.aftermath.audit(certified.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
  });
});

describe('an issuance under way when the risk is observed', () => {
  const doors = {
    'an event': (agentId: string) => event(agentId, 'unauthorized_access_attempt'),
    'a verdict': (agentId: string) => score(agentId, 0.85),
    'a record': (agentId: string) => put(agentId, '0.85'),
    'a record without a time': (agentId: string) => timeless(agentId, '0.85'),
  };

  test.each(Object.entries(doors))('is broken off by %s: no certificate, no usable key, and the next one is issued', async (_, door) => {
    const agentId = await runtime.newAgent();
    const signing = runtime.kms.hold(requests.sign);
    const answer = runtime.certify(agentId);
    await signing.reached;
    await door(agentId);
    await runtime.idle();
    signing.release();

    expect([(await answer).status, (await answer).body.code]).toEqual([409, 'ISSUANCE_INTERRUPTED']);
    expect(await runtime.aftermath.activeCertificates(agentId)).toEqual([]);
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();

    await nextSecond(); // A record without a time of its own counts for the whole second it was written in.
    expect(await statusOf(await certify(agentId))).toBe('active');
    expect(await risk.deliver(await risk.streamed(agentId))).toEqual([]);
    expect(await runtime.aftermath.activeCertificates(agentId)).toHaveLength(1);
  });

  test.each(['createKey', 'getPublicKey'] as const)('is broken off at %s too', async (call) => {
    const agentId = await runtime.newAgent();
    const hold = runtime.kms.hold({ ...requests[call], concerning: agentId });
    const answer = runtime.certify(agentId);
    await hold.reached;
    await score(agentId, 0.9);
    await runtime.idle();
    hold.release();
    expect((await answer).body.code).toBe('ISSUANCE_INTERRUPTED');
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
  });

  test('that commits between the look at the agent and the breaking off has its certificate revoked', async () => {
    const agentId = await runtime.newAgent();
    const commit = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 });
    const answer = runtime.certify(agentId);
    await commit.reached;
    const release = runtime.dynamodb.hold({ ...requests.releaseLease, concerning: agentId });
    await score(agentId, 0.9);
    await release.reached; // The record's function has seen the lease, and no certificate.
    commit.release();
    const { status, body } = await answer;
    expect(status).toBe(201);
    release.release();
    await runtime.idle();
    expect((await runtime.verify(body.data.serial_number)).body.data.status).toBe('revoked');
    expect((await runtime.aftermath.agent(agentId))['status']).toBe('suspended');
  });

  test('that began after it goes on', async () => {
    const agentId = await runtime.newAgent();
    const observed_at = new Date().toISOString();
    await sleep(2);
    const signing = runtime.kms.hold(requests.sign);
    const answer = runtime.certify(agentId);
    await signing.reached;
    await score(agentId, 0.9, { observed_at });
    await runtime.idle();
    signing.release();
    expect((await answer).status).toBe(201);
  });
});

describe('trouble while a record is acted upon', () => {
  test('that passes costs time and nothing else', async () => {
    const troubles = [[requests.readAgent, awsError('InternalServerError')], [requests.transaction, cancelled('TransactionConflict', 'None', 'None', 'None')], [requests.noteRiskScore, awsError('AccessDeniedException')]] as const;
    for (const [request, fault] of troubles) {
      const certified = await certifiedAgent();
      const injection = runtime.dynamodb.inject({ ...request, concerning: certified.agentId }, fault, { times: 5 });
      await put(certified.agentId, '0.91');
      await runtime.idle();
      expect(await statusOf(certified)).toBe('revoked');
      expect((await runtime.aftermath.agent(certified.agentId))['riskScore']).toBe(0.91);
      expect((await runtime.aftermath.audit(certified.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
      expect(injection.hits).toBe(5);
    }
    expect(runtime.deadLetters).toEqual([]);
  });
});
