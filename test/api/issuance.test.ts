import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import type { Reply } from '../support/runtime.ts';

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  runtime.calm(); // Minting the authorities is not what is counted here.
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

const revoke = (certificateId: string) => runtime.call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' } });
const suspend = (agentId: string) => runtime.call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } });
const retire = (agentId: string) => runtime.call('DELETE', `/agents/${agentId}`);

const codesOf = (replies: readonly Reply[]) => replies.map(({ status, body }) => `${status} ${body.code ?? ''}`.trim());

/** What must hold of an agent at rest, whatever has happened to it. */
async function expectSound(agentId: string): Promise<void> {
  const agent = await runtime.aftermath.agent(agentId);
  const active = await runtime.aftermath.activeCertificates(agentId);
  expect(active.map(({ id }) => id)).toEqual(agent['activeCertificate'] === undefined ? [] : [agent['activeCertificate'].id]);
  expect(agent['status'] === 'active').toBe(active.length === 1);
  expect(agent['lease']).toBeUndefined();

  const { body } = await runtime.call('GET', `/agents/${agentId}`);
  const certificates: { id: string; kms_key_arn: string; status: string }[] = body.data.certificates;
  expect(certificates.filter(({ status }) => status === 'active').map(({ id }) => id)).toEqual(active.map(({ id }) => id));

  // Every key is a certificate's, or on its way out; and an active certificate's can be used.
  const stored = certificates.map(({ kms_key_arn }) => kms_key_arn);
  const keys = await runtime.aftermath.agentKeys(agentId);
  expect(keys.filter(({ arn, state }) => state !== 'PendingDeletion' && !stored.includes(arn))).toEqual([]);
  for (const { keyArn } of active) expect((await runtime.aftermath.sign(keyArn)).length).toBe(256);
}

describe('200 requests for one agent at once', () => {
  test('one is issued a certificate, 199 are refused, and one key is made', async () => {
    const agentId = await runtime.newAgent();
    runtime.calm(); // The authorities' keys have signed before.
    const replies = await Promise.all(Array.from({ length: 200 }, () => runtime.certify(agentId)));

    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(199);
    expect(['201', '409 ISSUANCE_IN_PROGRESS', '409 ACTIVE_CERTIFICATE_EXISTS']).toEqual(expect.arrayContaining([...new Set(codesOf(replies))]));
    for (const { headers, body } of replies.filter(({ body: { code } }) => code === 'ISSUANCE_IN_PROGRESS')) expect([headers.get('retry-after'), body.data]).toEqual(['1', undefined]);

    const issued = replies.find(({ status }) => status === 201)?.body.data;
    const keys = await runtime.aftermath.agentKeys(agentId);
    expect(keys).toEqual([{ arn: issued.kms_key_arn, agentId, certificateId: issued.id, state: 'Enabled' }]);
    expect(runtime.kms.calls.map(({ operation }) => operation)).toEqual(['CreateKey', 'GetPublicKey', 'Sign']);
    await expectSound(agentId);

    const late = await runtime.certify(agentId);
    expect([late.status, late.body.code, late.body.data]).toEqual([409, 'ACTIVE_CERTIFICATE_EXISTS', { certificate_id: issued.id }]);
  });
});

describe('an issuance under way', () => {
  /** Certifies a new agent and holds the request at the given point. */
  async function underWay(point: 'sign' | 'commit' | 'createKey', prepare: (agentId: string) => Promise<unknown> = () => Promise.resolve()) {
    const agentId = await runtime.newAgent();
    await prepare(agentId);
    const hold = point === 'commit' ? runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 }) : runtime.kms.hold(requests[point], { times: 1 });
    const answer = runtime.certify(agentId);
    await hold.reached;
    return { agentId, answer, hold };
  }

  const points = ['createKey', 'sign', 'commit'] as const;

  test.each(points)('is broken off by a suspension that comes while it is at %s', async (point) => {
    const { agentId, answer, hold } = await underWay(point);
    expect((await suspend(agentId)).body.data.status).toBe('suspended');
    hold.release();

    expect(codesOf([await answer])).toEqual(['409 ISSUANCE_INTERRUPTED']);
    expect((await runtime.aftermath.agent(agentId))['status']).toBe('suspended');
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    await expectSound(agentId);
    expect((await runtime.certify(agentId)).status).toBe(201);
  });

  test('of an agent that is suspended already is broken off by another suspension', async () => {
    const { agentId, answer, hold } = await underWay('sign', suspend);
    expect((await suspend(agentId)).body.data.status).toBe('suspended');
    hold.release();
    expect(codesOf([await answer])).toEqual(['409 ISSUANCE_INTERRUPTED']);
    expect((await runtime.aftermath.agent(agentId))['status']).toBe('suspended');
    await expectSound(agentId);
  });

  test.each(points)('is broken off for ever by a retirement that comes while it is at %s', async (point) => {
    const { agentId, answer, hold } = await underWay(point);
    expect((await retire(agentId)).status).toBe(200);
    hold.release();

    expect(codesOf([await answer])).toEqual(['409 ISSUANCE_INTERRUPTED']);
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    await expectSound(agentId);
    expect(codesOf([await runtime.certify(agentId)])).toEqual(['422 AGENT_RETIRED']);
  });

  test('keeps every other one out until it ends, and tells them so', async () => {
    const { agentId, answer, hold } = await underWay('sign');
    const other = await runtime.certify(agentId);
    expect([codesOf([other]), other.headers.get('retry-after')]).toEqual([['409 ISSUANCE_IN_PROGRESS'], '1']);
    hold.release();
    expect((await answer).status).toBe(201);
    await expectSound(agentId);
  });

  test('loses to one that took over its ended lease, and the key it had noted goes', async () => {
    const { agentId, answer, hold } = await underWay('commit');
    const { id, keyArn } = (await runtime.aftermath.agent(agentId))['lease'];
    expect(keyArn).toMatch(/^arn:aws:kms:/);
    await runtime.aftermath.expireLease(agentId);

    const second = await runtime.certify(agentId);
    expect(second.status).toBe(201);
    expect(await runtime.aftermath.agentKeys(agentId)).toEqual(expect.arrayContaining([expect.objectContaining({ arn: keyArn, certificateId: id, state: 'PendingDeletion' })]));

    hold.release();
    expect(codesOf([await answer])).toEqual(['409 ISSUANCE_INTERRUPTED']);
    expect((await runtime.aftermath.agent(agentId))['activeCertificate'].id).toBe(second.body.data.id);
    await expectSound(agentId);
  });

  test('does not commit under a lease that has ended, even if nobody took it over', async () => {
    const { agentId, answer, hold } = await underWay('sign');
    await runtime.aftermath.expireLease(agentId);
    hold.release();
    expect(codesOf([await answer])).toEqual(['409 ISSUANCE_INTERRUPTED']);
    await expectSound(agentId);
    expect((await runtime.certify(agentId)).status).toBe(201);
  });
});

describe('a lease that nobody gave back', () => {
  test('is taken over once it has ended, and not before', async () => {
    const agentId = await runtime.newAgent();
    const acquiredAt = new Date(Date.now() - 60_000).toISOString();
    await runtime.aftermath.setLease(agentId, { id: 'crashed', acquiredAt, expiresAt: new Date(Date.now() + 60_000).toISOString() });
    expect(codesOf([await runtime.certify(agentId)])).toEqual(['409 ISSUANCE_IN_PROGRESS']);

    await runtime.aftermath.setLease(agentId, { id: 'crashed', acquiredAt, expiresAt: new Date().toISOString() });
    expect((await runtime.certify(agentId)).status).toBe(201);
    await expectSound(agentId);
  });

  test('does not stand in the way with a key that is gone, or that KMS will not take', async () => {
    const agentId = await runtime.newAgent();
    const ended = { id: 'crashed', acquiredAt: '2020-01-01T00:00:00.000Z', expiresAt: '2020-01-01T00:01:00.000Z' };
    await runtime.aftermath.setLease(agentId, { ...ended, keyArn: 'arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-4000-8000-000000000000' });
    expect((await runtime.certify(agentId)).status).toBe(201);
    await expectSound(agentId);
  });
});

describe('certify against a change that meets it', () => {
  test('a suspension decided before the certificate and written after it revokes that certificate', async () => {
    const agentId = await runtime.newAgent();
    const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 });
    const suspension = suspend(agentId);
    await hold.reached;
    const { body } = await runtime.certify(agentId);
    hold.release();

    expect((await suspension).status).toBe(200);
    expect((await runtime.verify(body.data.serial_number)).body.data.status).toBe('revoked');
    expect((await runtime.aftermath.agent(agentId))['status']).toBe('suspended');
    await expectSound(agentId);
  });

  test('a revocation whose answer is still under way lets the next certificate be issued, and does not touch it', async () => {
    const agentId = await runtime.newAgent();
    const first = (await runtime.certify(agentId)).body.data;
    const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { where: 'before the answer', times: 1 });
    const revocation = revoke(first.id);
    await hold.reached;
    const second = await runtime.certify(agentId);
    hold.release();

    expect([(await revocation).status, second.status]).toEqual([200, 201]);
    expect((await runtime.aftermath.agent(agentId))['activeCertificate'].id).toBe(second.body.data.id);
    await expectSound(agentId);
  });

  test('a revocation not yet written keeps the next certificate out', async () => {
    const agentId = await runtime.newAgent();
    const first = (await runtime.certify(agentId)).body.data;
    const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 });
    const revocation = revoke(first.id);
    await hold.reached;
    expect(codesOf([await runtime.certify(agentId)])).toEqual(['409 ACTIVE_CERTIFICATE_EXISTS']);
    hold.release();
    expect((await revocation).status).toBe(200);
    await expectSound(agentId);
  });

  test('a certificate that its agent does not point to is revoked alone, and the agent keeps what it has', async () => {
    const agentId = await runtime.newAgent();
    const { id, serial_number } = (await runtime.certify(agentId)).body.data;
    await runtime.aftermath.pointElsewhere(agentId);
    expect((await revoke(id)).status).toBe(200);
    expect((await runtime.verify(serial_number)).body.data.status).toBe('revoked');
    expect(await runtime.aftermath.agent(agentId)).toMatchObject({ status: 'active', activeCertificate: { id: 'another' } });
    expect((await runtime.aftermath.audit(id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
    expect((await runtime.aftermath.audit(agentId)).map(({ eventType }) => eventType)).toEqual(['agent.created']);
  });

  test('ten revocations of one certificate at once: one revokes it, and the audit trail has it once', async () => {
    const agentId = await runtime.newAgent();
    const { id } = (await runtime.certify(agentId)).body.data;
    const replies = await Promise.all(Array.from({ length: 10 }, () => revoke(id)));
    expect(codesOf(replies).sort()).toEqual(['200', ...Array.from({ length: 9 }, () => '409 CERTIFICATE_ALREADY_REVOKED')]);
    expect((await runtime.aftermath.audit(id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
    await expectSound(agentId);
  });

  test('everything at once, over and over: never two active certificates, and nothing that contradicts itself', async () => {
    const storm = async (first: 'pending' | 'certified') => {
      const agentId = await runtime.newAgent();
      const current = first === 'certified' ? [revoke((await runtime.certify(agentId)).body.data.id)] : [];
      const replies = await Promise.all([...current, runtime.certify(agentId), suspend(agentId), runtime.certify(agentId), ...(first === 'pending' ? [retire(agentId)] : []), runtime.certify(agentId)]);
      for (const { status, body } of replies) expect([200, 201, 409, 422].includes(status) ? [] : [status, body]).toEqual([]);
      await expectSound(agentId);
    };
    await Promise.all((['pending', 'certified', 'pending', 'certified', 'certified'] as const).map(storm));
  });
});

describe('a certificate past its end', () => {
  test('is no active one: the next is issued, and both say what they are', async () => {
    const agentId = await runtime.newAgent();
    const first = (await runtime.certify(agentId)).body.data;
    await runtime.aftermath.expireCertificate(agentId, first.id, new Date().toISOString());
    expect((await runtime.verify(first.serial_number)).body.data).toMatchObject({ status: 'expired', valid: false });
    expect(codesOf([await revoke(first.id)])).toEqual(['422 CERTIFICATE_EXPIRED']);

    const second = await runtime.certify(agentId);
    expect(second.status).toBe(201);
    expect(second.body.data.id).not.toBe(first.id);
    expect((await runtime.verify(second.body.data.serial_number)).body.data.valid).toBe(true);
    expect((await runtime.aftermath.agent(agentId))['activeCertificate'].id).toBe(second.body.data.id);
    const { body } = await runtime.call('GET', `/agents/${agentId}`);
    expect(body.data.certificates.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([[second.body.data.id, 'active'], [first.id, 'expired']]);
  });

  test('is one until then', async () => {
    const agentId = await runtime.newAgent();
    const { id } = (await runtime.certify(agentId)).body.data;
    await runtime.aftermath.expireCertificate(agentId, id, new Date(Date.now() + 3_600_000).toISOString());
    expect(codesOf([await runtime.certify(agentId)])).toEqual(['409 ACTIVE_CERTIFICATE_EXISTS']);
  });
});
