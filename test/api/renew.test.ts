import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, dataOf, fullAgent, unknownId } from '../support/agents.ts';
import { answerLost, awsError, badGateway, cancelled, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { purposeOf, requests } from '../support/faults-requests.ts';
import { openRiskTable, type RiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { openssl } from '../support/openssl.ts';
import { expectProblem } from '../support/problems.ts';
import { crlsOf } from '../support/published-crl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import type { Call, Reply } from '../support/runtime.ts';

// A new key and certificate in the place of the old, in one transaction.

let runtime: FaultyRuntime;
let registry: RegistryView;
let risk: RiskTable;
let call: Call;

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
  risk = openRiskTable(runtime);
  ({ call } = runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  risk.close();
  await runtime.stop();
});

const renew = (certificateId: string) => call('POST', `/certificates/${certificateId}/renew`);
const revoke = (certificateId: string) => call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' } });
const verification = async (serial: string) => dataOf(await runtime.verify(serial), 200);
const agentStatus = async (agentId: string) => (await runtime.aftermath.agent(agentId))['status'];

/** What must hold of an agent at rest with this certificate, and no other active one. */
async function expectActive(agentId: string, certificate: { id: string; serial_number: string; kms_key_arn: string }): Promise<void> {
  const { status, activeCertificate, lease } = await runtime.aftermath.agent(agentId);
  expect([status, activeCertificate.id, lease]).toEqual(['active', certificate.id, undefined]);
  expect((await runtime.aftermath.activeCertificates(agentId)).map(({ id }) => id)).toEqual([certificate.id]);
  expect((await verification(certificate.serial_number)).valid).toBe(true);
  expect((await runtime.aftermath.sign(certificate.kms_key_arn)).length).toBe(256);
}

describe('a renewal', () => {
  test('answers a certificate with a key of its own; the old one is superseded, on its CRLs, and its key goes', async () => {
    const { agent, certificate: old } = await certifiedAgent(call, fullAgent);
    dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { name: 'Renamed' } }), 200);
    const renewed = dataOf(await renew(old.id), 201);
    expect(renewed).toStrictEqual({
      ...old, id: expect.any(String), serial_number: expect.any(String), certificate_pem: expect.any(String), pem: renewed.certificate_pem, kms_key_arn: expect.any(String), issued_at: expect.any(String), expires_at: expect.any(String),
    });
    for (const field of ['id', 'serial_number', 'certificate_pem', 'kms_key_arn']) expect(renewed[field]).not.toBe(old[field]);
    await expectActive(agent.id, renewed);
    // It is issued for what the agent is now.
    expect(await verification(renewed.serial_number)).toMatchObject({ agent_name: 'Renamed', operator_org: fullAgent.operator_org, financial_scope: fullAgent.financial_scope });
    expect(await verification(old.serial_number)).toMatchObject({ status: 'revoked', valid: false, revocation_reason: 'superseded', agent_name: fullAgent.name });

    await runtime.idle();
    const { shard, complete } = await crlsOf(runtime.distributionUrl, old.id);
    expect([shard, complete].map(({ entries }) => entries.get(old.serial_number)?.reasonCode)).toEqual([4, 4]);
    expect(complete.entries.has(renewed.serial_number)).toBe(false);
    const keys = Object.fromEntries((await runtime.aftermath.agentKeys(agent.id)).map(({ arn, state }) => [arn, state]));
    expect(keys).toEqual({ [old.kms_key_arn]: 'PendingDeletion', [renewed.kms_key_arn]: 'Enabled' });
    expect(await registry.outboxEntry(old.id)).toMatchObject({ cause: 'revoked', keyArn: old.kms_key_arn });
    expect(await registry.outboxEntry(renewed.id)).toBeUndefined();
    const { crlShard } = (await runtime.aftermath.certificate(renewed.id)) ?? {};
    expect((await registry.partition(`EXPIRY#${crlShard}`)).map(({ certificateId }) => certificateId)).toContain(renewed.id);
  });

  test('is two entries of the audit trail, and the agent is not suspended meanwhile', async () => {
    const { agent, certificate: old } = await certifiedAgent(call);
    const renewed = dataOf(await renew(old.id), 201);
    expect((await runtime.aftermath.audit(old.id)).map(({ eventType, metadata }) => [eventType, metadata.reason_code])).toEqual([['certificate.issued', undefined], ['certificate.revoked', 'superseded']]);
    expect((await runtime.aftermath.audit(renewed.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued']);
    expect((await runtime.aftermath.audit(agent.id)).map(({ eventType }) => eventType)).toEqual(['agent.created']);
  });

  test('can be renewed itself, time and again', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    let current = certificate;
    for (let round = 0; round < 5; round++) current = dataOf(await renew(current.id), 201);
    await expectActive(agent.id, current);
    expect(openssl(['x509', '-noout', '-subject', '-in', 'agent.pem'], { 'agent.pem': current.certificate_pem }).stdout).toContain(agent.id);
  });
});

describe('is refused', () => {
  test('404 for a certificate that is not there, or another’s', async () => {
    const { certificate } = await certifiedAgent(call, {}, { key: runtime.keys.globex });
    for (const id of [unknownId, certificate.id, 'x']) expectProblem(await renew(id), 404, 'CERTIFICATE_NOT_FOUND');
  });

  test('409 for one that was superseded, with the one that is active', async () => {
    const { certificate } = await certifiedAgent(call);
    const renewed = dataOf(await renew(certificate.id), 201);
    expectProblem(await renew(certificate.id), 409, 'CERTIFICATE_ALREADY_REVOKED', { data: { certificate_id: renewed.id } });
  });

  test('409 for one that was revoked, and its agent stays suspended', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    await revoke(certificate.id);
    expectProblem(await renew(certificate.id), 409, 'CERTIFICATE_ALREADY_REVOKED');
    expect(await agentStatus(agent.id)).toBe('suspended');
  });

  test('409 while another issuance is under way', async () => {
    const { certificate } = await certifiedAgent(call);
    const hold = runtime.kms.hold(requests.createKey, { times: 1 });
    const first = renew(certificate.id);
    await hold.reached;
    const second = await renew(certificate.id);
    expectProblem(second, 409, 'ISSUANCE_IN_PROGRESS');
    expect(second.headers.get('retry-after')).toBe('1');
    hold.release();
    expect((await first).status).toBe(201);
  });

  test('422 for one that has expired', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    await runtime.aftermath.expireCertificate(agent.id, certificate.id, new Date().toISOString());
    expectProblem(await renew(certificate.id), 422, 'CERTIFICATE_EXPIRED');
    dataOf(await runtime.certify(agent.id), 201);
    expectProblem(await renew(certificate.id), 422, 'CERTIFICATE_EXPIRED');
  });

  test('422 for one of a retired agent', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    await call('DELETE', `/agents/${agent.id}`);
    expectProblem(await renew(certificate.id), 422, 'AGENT_RETIRED');
  });

  test('without a key made, and without a change', async () => {
    const { certificate } = await certifiedAgent(call);
    await revoke(certificate.id);
    await runtime.idle();
    runtime.calm();
    expect((await renew(certificate.id)).status).toBe(409);
    expect(runtime.kms.calls).toEqual([]);
    expect(runtime.dynamodb.calls.map(purposeOf).filter((purpose) => purpose !== 'findApiKey')).toEqual(['readCertificate', 'reserve']);
  });
});

describe('while a renewal is under way', () => {
  /** Holds the renewal of a new agent's certificate at the given point. */
  async function underWay(point: 'createKey' | 'sign' | 'transaction') {
    const { agent, certificate } = await certifiedAgent(call);
    const hold = point === 'transaction' ? runtime.dynamodb.hold({ ...requests.transaction, concerning: agent.id }, { times: 1 }) : runtime.kms.hold(requests[point], { times: 1 });
    const answer = renew(certificate.id);
    await hold.reached;
    return { agentId: agent.id as string, old: certificate, answer, hold };
  }
  const points = ['createKey', 'sign', 'transaction'] as const;

  test.each(points)('at %s, the old certificate holds, and certify is told so', async (point) => {
    const { agentId, old, answer, hold } = await underWay(point);
    await expect(verification(old.serial_number)).resolves.toMatchObject({ valid: true });
    expectProblem(await runtime.certify(agentId), 409, 'ACTIVE_CERTIFICATE_EXISTS', { data: { certificate_id: old.id } });
    hold.release();
    await expectActive(agentId, dataOf(await answer, 201));
  });

  const changes: Record<string, (agentId: string, certificateId: string) => Promise<Reply>> = {
    'a revocation': (_, certificateId) => revoke(certificateId),
    'a suspension': (agentId) => call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } }),
    'a halt': (agentId) => call('POST', `/agents/${agentId}/halt`),
    'a retirement': (agentId) => call('DELETE', `/agents/${agentId}`),
  };
  const cases = Object.keys(changes).flatMap((name) => points.map((point) => [name, point] as const));

  test.each(cases)('%s that comes at %s breaks it off, and its key goes', async (name, point) => {
    const { agentId, old, answer, hold } = await underWay(point);
    expect((await changes[name]?.(agentId, old.id))?.status).toBe(200);
    hold.release();
    expectProblem(await answer, 409, 'ISSUANCE_INTERRUPTED');
    expect(await runtime.aftermath.activeCertificates(agentId)).toEqual([]);
    expect(await agentStatus(agentId)).toBe(name === 'a retirement' ? 'retired' : 'suspended');
    await runtime.idle();
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion', 'PendingDeletion']);
    expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
    if (name !== 'a retirement') expect((await runtime.certify(agentId)).status).toBe(201);
  });

  test.each(points)('a high risk score that is observed at %s revokes the old one and breaks it off', async (point) => {
    const { agentId, old, answer, hold } = await underWay(point);
    dataOf(await call('POST', '/risk-scores', { body: { agent_id: agentId, score: 0.95 } }), 202);
    await runtime.idle();
    expect(await verification(old.serial_number)).toMatchObject({ status: 'revoked', revocation_reason: expect.stringContaining('0.95') });
    hold.release();
    expectProblem(await answer, 409, 'ISSUANCE_INTERRUPTED');
    expect(await agentStatus(agentId)).toBe('suspended');
    expect(await runtime.aftermath.activeCertificates(agentId)).toEqual([]);
  });
});

describe('what was observed before a renewal', () => {
  test('and is judged after it ends the renewed certificate: a renewal is no way around a revocation', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const observedAt = new Date().toISOString();
    const renewed = dataOf(await renew(dataOf(await renew(certificate.id), 201).id), 201);
    await risk.put(agent.id, { score: { N: '0.9' } }, observedAt);
    await runtime.idle();
    expect(await verification(renewed.serial_number)).toMatchObject({ status: 'revoked' });
    expect(await agentStatus(agent.id)).toBe('suspended');
  });

  test('is over for an agent that was certified anew, whether or not it was renewed since', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const observedAt = new Date().toISOString();
    await revoke(dataOf(await renew(certificate.id), 201).id);
    const renewed = dataOf(await renew(dataOf(await runtime.certify(agent.id), 201).id), 201);
    await risk.put(agent.id, { score: { N: '0.9' } }, observedAt);
    await runtime.idle();
    await expectActive(agent.id, renewed);
  });
});

describe('with a fault at', () => {
  const calls = ['readCertificate', 'reserve', 'createKey', 'getPublicKey', 'noteLeaseKey', 'sign', 'transaction'] as const;
  const proxyOf = (name: (typeof calls)[number]) => (/Key$|sign|getPublicKey/.test(name) && name !== 'noteLeaseKey' ? runtime.kms : runtime.dynamodb);
  const passing: Record<string, Fault> = { 'not performed': notPerformed, 'answer lost': answerLost, throttled: awsError('ThrottlingException'), 'load balancer': badGateway };

  test.each(calls)('%s, once: it costs time and nothing else', async (name) => {
    for (const fault of Object.values(passing)) {
      const { agent, certificate } = await certifiedAgent(call);
      await runtime.idle();
      const injection = proxyOf(name).inject({ ...requests[name], ...(name !== 'sign' && { concerning: name === 'readCertificate' ? certificate.id : agent.id }) }, fault, { times: 1 });
      const renewed = dataOf(await renew(certificate.id), 201);
      expect(injection.hits).toBe(1);
      injection.remove();
      await expectActive(agent.id, renewed);
      expect(await verification(certificate.serial_number)).toMatchObject({ status: 'revoked', revocation_reason: 'superseded' });
    }
  }, 60_000);

  const lasting: Record<string, Fault> = { 'not performed': notPerformed, 'fault of its own': awsError('InternalServerError'), throttled: awsError('ThrottlingException') };

  test.each(calls)('%s, for as long as its cause lasts: 503, the old one stays, and a new key goes', async (name) => {
    for (const fault of Object.values(lasting)) {
      const { agent, certificate } = await certifiedAgent(call);
      await runtime.idle();
      const injection = proxyOf(name).inject({ ...requests[name], ...(name !== 'sign' && { concerning: name === 'readCertificate' ? certificate.id : agent.id }) }, fault);
      const refused = await renew(certificate.id);
      injection.remove();
      expect([name, refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([name, 503, true]);
      expectDiscreet(refused);
      await expectActive(agent.id, certificate);
      await expectActive(agent.id, dataOf(await renew(certificate.id), 201));
      await runtime.idle();
      expect((await runtime.aftermath.agentKeys(agent.id)).filter(({ state }) => state !== 'PendingDeletion')).toHaveLength(1);
    }
  }, 90_000);

  test('the commit, whose answer is lost for good: the renewed certificate is there, and is answered', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    runtime.dynamodb.inject({ ...requests.transaction, concerning: agent.id }, answerLost);
    const renewed = dataOf(await renew(certificate.id), 201);
    runtime.calm();
    await expectActive(agent.id, renewed);
  });

  test('the commit, which meets other transactions: it is tried again', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const injection = runtime.dynamodb.inject({ ...requests.transaction, concerning: agent.id }, cancelled('TransactionConflict', ...Array.from({ length: 7 }, () => 'None')), { times: 5 });
    await expectActive(agent.id, dataOf(await renew(certificate.id), 201));
    expect(injection.hits).toBe(5);
  });

  test('KMS, which signs wrong: 500, and the old one stays', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    await runtime.idle();
    runtime.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(384, 7).toString('base64') })));
    expect((await renew(certificate.id)).status).toBe(500);
    runtime.calm();
    await expectActive(agent.id, certificate);
    expect((await runtime.aftermath.agentKeys(agent.id)).filter(({ state }) => state === 'Enabled')).toHaveLength(1);
  });
});
