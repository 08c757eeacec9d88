import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { awsError } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlsOf, publishedCrl, shardOf } from '../support/published-crl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';

// A certificate is expired by the clock. That its key is then deleted, and that the audit trail says so, is the work of a
// function that the clock calls.

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

interface Certified {
  readonly agentId: string;
  readonly id: string;
  readonly keyArn: string;
}

async function certify(agentId: string): Promise<Certified> {
  const { status, body } = await runtime.certify(agentId);
  if (status !== 201) throw new Error(`No certificate: ${status} ${JSON.stringify(body)}`);
  return { agentId, id: body.data.id, keyArn: body.data.kms_key_arn };
}

const certified = async () => certify(await runtime.newAgent());
const revoke = (id: string) => runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } });

/** The certificate's expiry, if it is still to come or to be noted. */
async function expiryOf(id: string) {
  return (await registry.partition(`EXPIRY#${shardOf(id)}`)).find(({ certificateId }) => certificateId === id);
}

const aMinuteAgo = () => new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000).toISOString();

/** Makes it a minute since the certificate's end, in all the places where that stands; its agent may not point to it any more. */
async function letExpire({ agentId, id }: Certified): Promise<void> {
  const expiry = await expiryOf(id);
  if (expiry === undefined) throw new Error(`${id} has no expiry.`);
  await registry.remove(expiry['pk'], expiry['sk']);
  await registry.put({ ...expiry, sk: `${aMinuteAgo()}#${id}` });
  const isActive = (await runtime.aftermath.agent(agentId))['activeCertificate']?.id === id;
  await (isActive ? runtime.aftermath.expireCertificate(agentId, id, aMinuteAgo()) : registry.set(`CERT#${id}`, 'CERT', 'expiresAt', aMinuteAgo()));
}

const noteExpired = () => runtime.runSchedule('expire-certificates');
const audited = async (id: string) => (await runtime.aftermath.audit(id)).map(({ eventType }) => eventType);

test('an issued certificate has its end noted from birth', async () => {
  const { agentId, id, keyArn } = await certified();
  const { expiresAt, tenantId } = (await runtime.aftermath.certificate(id)) ?? {};
  expect(await expiryOf(id)).toEqual({ pk: `EXPIRY#${shardOf(id)}`, sk: `${expiresAt}#${id}`, certificateId: id, agentId, tenantId, keyArn });
});

test('an expired certificate’s key is deleted, the trail says so, and no CRL does', async () => {
  const certificate = await certified();
  const { id, keyArn, agentId } = certificate;
  const before = await crlsOf(runtime.distributionUrl, id);
  await letExpire(certificate);
  await noteExpired();
  await runtime.idle();

  expect((await registry.key(keyArn))?.KeyState).toBe('PendingDeletion');
  expect(await registry.keyDeletion(id)).toEqual({ scheduledAt: expect.any(String), deletionDate: expect.any(String) });
  const { expiresAt, tenantId, status, expiryNotedAt } = (await runtime.aftermath.certificate(id)) ?? {};
  expect([status, expiryNotedAt > expiresAt]).toEqual(['active', true]);
  expect(await registry.outboxEntry(id)).toEqual({ certificateId: id, agentId, tenantId, keyArn, crlShard: shardOf(id), cause: 'expired', endedAt: expiresAt });
  expect(await expiryOf(id)).toBeUndefined();
  const trail = await runtime.aftermath.audit(id);
  expect(trail.map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.expired']);
  expect(trail[1]).toMatchObject({ tenantId, actor: { type: 'system', id: 'expire-certificates' }, affectedId: id, metadata: { agent_id: agentId, expires_at: expiresAt } });
  expect(runtime.publishedEvents.map(({ event: { detail } }) => detail)).toContainEqual({
    id: trail[1]?.id, event: 'certificate.expired', tenant_id: tenantId, created_at: trail[1]?.createdAt,
    data: { agent_id: agentId, certificate_id: id, serial_number: serialNumberOf(id), expires_at: expiresAt },
  });

  const after = await crlsOf(runtime.distributionUrl, id);
  expect([after.shard.crlNumber, after.complete.crlNumber]).toEqual([before.shard.crlNumber, before.complete.crlNumber]);
  expect(await registry.crlEffect(id)).toBeUndefined();
  expect((await runtime.call('GET', `/certificates/${id}`)).body.data.status).toBe('expired');
  expect((await revoke(id)).body.code).toBe('CERTIFICATE_EXPIRED');
});

test('it is noted once, however often and by however many it is looked for', async () => {
  const certificates = await Promise.all(Array.from({ length: 5 }, certified));
  for (const certificate of certificates) await letExpire(certificate);
  await Promise.all([noteExpired(), noteExpired(), noteExpired()]);
  await noteExpired();
  await runtime.idle();
  for (const { id } of certificates) {
    expect(await audited(id)).toEqual(['certificate.issued', 'certificate.expired']);
    expect(await registry.ends(id)).toHaveLength(1);
  }
});

test('a certificate that holds is left alone', async () => {
  const { id, keyArn } = await certified();
  await noteExpired();
  await runtime.idle();
  expect([(await registry.key(keyArn))?.KeyState, await audited(id), await registry.outboxEntry(id), (await expiryOf(id))?.['certificateId']]).toEqual(['Enabled', ['certificate.issued'], undefined, id]);
});

test('one that was revoked before has nothing more to come', async () => {
  const certificate = await certified();
  const { id } = certificate;
  await revoke(id);
  await runtime.idle();
  const outboxEntry = await registry.outboxEntry(id);
  await letExpire(certificate);
  await noteExpired();
  await runtime.idle();
  expect([await expiryOf(id), await audited(id), await registry.outboxEntry(id)]).toEqual([undefined, ['certificate.issued', 'certificate.revoked'], outboxEntry]);
  expect((await runtime.aftermath.certificate(id))?.['expiryNotedAt']).toBeUndefined();
});

test('an agent that was certified again keeps its new certificate and key', async () => {
  const old = await certified();
  await letExpire(old);
  const renewed = await certify(old.agentId);
  await noteExpired();
  await runtime.idle();
  expect([(await registry.key(old.keyArn))?.KeyState, (await registry.key(renewed.keyArn))?.KeyState]).toEqual(['PendingDeletion', 'Enabled']);
  const agent = await runtime.aftermath.agent(old.agentId);
  expect([agent['status'], agent['activeCertificate'].id]).toEqual(['active', renewed.id]);
  expect([await audited(renewed.id), await registry.outboxEntry(renewed.id)]).toEqual([['certificate.issued'], undefined]);
  expect((await runtime.verify(serialNumberOf(renewed.id))).body.data.valid).toBe(true);
});

test('a revocation that was under way when the certificate ended still reaches the CRLs', async () => {
  const certificate = await certified();
  const { id } = certificate;
  const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: id }, { times: 1 });
  const answer = revoke(id);
  await hold.reached;
  await letExpire(certificate);
  await noteExpired();
  hold.release();
  expect((await answer).status).toBe(200);
  await runtime.idle();
  expect((await registry.outboxEntry(id))?.['cause']).toBe('revoked');
  const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
  expect([shard, complete].map(({ entries }) => entries.has(serialNumberOf(id)))).toEqual([true, true]);
});

describe('what fails', () => {
  test('keeps no other certificate from being noted, is reported, and is done the next time', async () => {
    const [failing, ...others] = (await Promise.all(Array.from({ length: 4 }, certified))) as [Certified, ...Certified[]];
    for (const certificate of [failing, ...others]) await letExpire(certificate);
    const injection = runtime.dynamodb.inject({ ...requests.transaction, concerning: failing.id }, awsError('InternalServerError'));
    await expect(noteExpired()).rejects.toThrow('The registry is not available at the moment.');
    injection.remove();
    for (const { id } of others) expect(await audited(id)).toContain('certificate.expired');
    expect(await audited(failing.id)).toEqual(['certificate.issued']);

    await noteExpired();
    expect(await audited(failing.id)).toEqual(['certificate.issued', 'certificate.expired']);
  });

  test('whatever of it: an expired certificate is expired', async () => {
    const certificate = await certified();
    await letExpire(certificate);
    const serial = serialNumberOf(certificate.id);
    expect((await runtime.verify(serial)).body.data.status).toBe('expired');
    const { entries } = await publishedCrl(`${runtime.distributionUrl}/crl/complete.crl`);
    expect(entries.has(serial)).toBe(false);
    expect((await certify(certificate.agentId)).id).not.toBe(certificate.id);
  });
});
