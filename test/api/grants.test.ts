import { GetKeyPolicyCommand, KMSClient, ListGrantsCommand } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { localCredentials, region } from '../../local/account.ts';
import { certifiedAgent, dataOf, registerAgent } from '../support/agents.ts';
import { answerLost, awsError, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { isOfConsumers, purposeOf, requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { expectProblem } from '../support/problems.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import type { Call } from '../support/runtime.ts';
import { deliverMessages } from '../support/stream.ts';

// An agent's own role in AWS signs with the agent's key, and with no other.

let runtime: FaultyRuntime;
let registry: RegistryView;
let kms: KMSClient;
let call: Call;

const accounts = ['123456789012', '000000000001'] as const;
const role = `arn:aws:iam::${accounts[0]}:role/agents/trader`;

/** The handlers read what is allowed when they first issue, which is below. */
beforeAll(async () => {
  process.env['GRANTEE_ACCOUNTS'] = accounts.join(',');
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
  kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
  ({ call } = runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  Reflect.deleteProperty(process.env, 'GRANTEE_ACCOUNTS');
  kms.destroy();
  registry.close();
  await runtime.stop();
});

const certifyFor = (agentId: string, granteePrincipalArn: unknown = role, name = 'grantee_principal_arn') => call('POST', `/agents/${agentId}/certify`, { body: { [name]: granteePrincipalArn } });
const grantsOf = async (KeyId: string) =>
  ((await kms.send(new ListGrantsCommand({ KeyId }))).Grants ?? []).map(({ GranteePrincipal, Operations, Name, Constraints, RetiringPrincipal }) => ({ GranteePrincipal, Operations, Name, Constraints, RetiringPrincipal }));
const signingGrant = (certificateId: string, GranteePrincipal = role) => ({ GranteePrincipal, Operations: ['Sign'], Name: certificateId, Constraints: undefined, RetiringPrincipal: undefined });

describe('a grantee', () => {
  test.each(['grantee_principal_arn', 'granteePrincipalArn'])('in %s may sign with the new key, and nothing else', async (name) => {
    const { id: agentId } = await registerAgent(call);
    const certificate = dataOf(await certifyFor(agentId, role, name), 201);
    expect(certificate.grantee_principal_arn).toBe(role);
    expect(await grantsOf(certificate.kms_key_arn)).toEqual([signingGrant(certificate.id)]);
    expect(dataOf(await call('GET', `/certificates/${certificate.id}`), 200).grantee_principal_arn).toBe(role);
    expect(JSON.stringify((await runtime.verify(certificate.serial_number)).body)).not.toContain(role);
    expect((await runtime.aftermath.audit(certificate.id))[0]?.['metadata']).toMatchObject({ grantee_principal_arn: role });
  });

  test('has no part in another agent’s key', async () => {
    const [{ certificate }, { id }] = await Promise.all([certifiedAgent(call), registerAgent(call)]);
    dataOf(await certifyFor(id), 201);
    expect(certificate.grantee_principal_arn).toBeNull();
    expect(await grantsOf(certificate.kms_key_arn)).toEqual([]);
  });

  test('is granted beside the calls of every issuance: one call more, and none more to wait for', async () => {
    const agentId = await runtime.newAgent();
    runtime.calm();
    const [publicKey, grant] = [runtime.kms.hold(requests.getPublicKey), runtime.kms.hold(requests.createGrant)];
    const answer = certifyFor(agentId);
    await Promise.all([publicKey.reached, grant.reached]); // Each is under way while the other is.
    publicKey.release();
    grant.release();
    dataOf(await answer, 201);
    const purposes = [...runtime.dynamodb.calls, ...runtime.kms.calls].filter((call) => !isOfConsumers(call)).map(purposeOf).filter((purpose) => purpose !== 'findApiKey');
    expect(purposes.sort()).toEqual(['createGrant', 'createKey', 'getPublicKey', 'noteLeaseKey', 'reserve', 'sign', 'transaction']);
  });

  test('is named in the policy that the key is born with, which lets nobody else be granted anything', async () => {
    const statementsOf = async (KeyId: string) => {
      const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId }));
      return (JSON.parse(Policy).Statement as { Sid: string; Action: string | string[]; Condition?: object }[]).filter(({ Action }) => /Grant/.test(String(Action))).map(({ Sid, Action, Condition }) => [Sid, Action, Condition]);
    };
    const granted = dataOf(await certifyFor((await registerAgent(call)).id), 201);
    expect(await statementsOf(granted.kms_key_arn)).toEqual([
      ['RetirerSchedulesDeletion', ['kms:ScheduleKeyDeletion', 'kms:RevokeGrant'], undefined],
      ['CreatorGrantsSigning', 'kms:CreateGrant', { StringEquals: { 'kms:GranteePrincipal': role }, 'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Sign'] } }],
    ]);
    expect(await statementsOf((await certifiedAgent(call)).certificate.kms_key_arn)).toEqual([]);
  });

  test('is the same after a renewal, which gives it the new key and takes the old', async () => {
    const { id: agentId } = await registerAgent(call);
    const old = dataOf(await certifyFor(agentId), 201);
    const renewed = dataOf(await call('POST', `/certificates/${old.id}/renew`), 201);
    expect(renewed.grantee_principal_arn).toBe(role);
    await runtime.idle();
    expect([await grantsOf(renewed.kms_key_arn), await grantsOf(old.kms_key_arn)]).toEqual([[signingGrant(renewed.id)], []]);
  });
});

test('a renewal is refused where the grantee’s account is no longer allowed, and the certificate stays as it is', async () => {
  const { id: agentId } = await registerAgent(call);
  const certificate = dataOf(await certifyFor(agentId), 201);
  // As if it had been granted before the setting was changed, which the handlers read once.
  await registry.set(`CERT#${certificate.id}`, 'CERT', 'granteePrincipalArn', 'arn:aws:iam::999999999999:role/trader');
  const reply = await call('POST', `/certificates/${certificate.id}/renew`);
  expectProblem(reply, 422, 'GRANTEE_NOT_ALLOWED');
  expect(reply.body.error).toMatch(/not allowed any more.* revoke the certificate and certify the agent/);
  expect(dataOf(await runtime.verify(certificate.serial_number), 200).valid).toBe(true);
});

describe('a role', () => {
  test.each([
    `arn:aws:iam::${accounts[0]}:role/trader`, `arn:aws:iam::${accounts[1]}:role/a/b/c/trader`, `arn:aws:iam::${accounts[0]}:role/with+=,.@-_signs`, `arn:aws:iam::${accounts[0]}:role/${'x'.repeat(64)}`,
  ])('%s is taken', async (arn) => {
    const certificate = dataOf(await certifyFor((await registerAgent(call)).id, arn), 201);
    expect(await grantsOf(certificate.kms_key_arn)).toEqual([signingGrant(certificate.id, arn)]);
  });

  test.each([
    ['of another account', 'arn:aws:iam::999999999999:role/trader'],
    ['a user', `arn:aws:iam::${accounts[0]}:user/trader`],
    ['an account', `arn:aws:iam::${accounts[0]}:root`],
    ['an account by its id', accounts[0]],
    ['a session of a role', `arn:aws:sts::${accounts[0]}:assumed-role/trader/session`],
    ['a group', `arn:aws:iam::${accounts[0]}:group/traders`],
    ['a wildcard', `arn:aws:iam::${accounts[0]}:role/*`],
    ['a wildcard in a name', `arn:aws:iam::${accounts[0]}:role/trader?`],
    ['everybody', '*'],
    ['a path without a name', `arn:aws:iam::${accounts[0]}:role/agents/`],
    ['an empty part of a path', `arn:aws:iam::${accounts[0]}:role//trader`],
    ['no name', `arn:aws:iam::${accounts[0]}:role/`],
    ['a name too long', `arn:aws:iam::${accounts[0]}:role/${'x'.repeat(65)}`],
    ['another partition', `arn:aws-iso:iam::${accounts[0]}:role/trader`],
    ['a region where none belongs', `arn:aws:iam:eu-west-1:${accounts[0]}:role/trader`],
    ['another service', `arn:aws:sts::${accounts[0]}:role/trader`],
    ['an account of 11 digits', 'arn:aws:iam::12345678901:role/trader'],
    ['something before', ` ${role}`],
    ['something behind', `${role} `],
    ['two', `${role},${role}`],
    ['a service', 'lambda.amazonaws.com'],
  ])('that is %s is refused before anything is done', async (_, arn) => {
    const { id } = await registerAgent(call);
    runtime.calm();
    expectProblem(await certifyFor(id, arn), 422, 'GRANTEE_NOT_ALLOWED');
    expect(runtime.kms.calls).toEqual([]);
    expect(runtime.dynamodb.calls.filter((call) => !isOfConsumers(call)).map(purposeOf)).toEqual(['findApiKey']);
  });

  test('that KMS does not know is refused; its key goes, and the agent can be certified', async () => {
    const { id } = await registerAgent(call);
    runtime.kms.inject(requests.createGrant, awsError('InvalidArnException'));
    const refused = await certifyFor(id);
    runtime.calm();
    expectProblem(refused, 422, 'GRANTEE_NOT_ALLOWED');
    expect((await runtime.aftermath.agentKeys(id)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    expect(await runtime.aftermath.agent(id)).not.toHaveProperty('lease');
    expect((await runtime.certify(id)).status).toBe(201);
  });

  test('null is none', async () => {
    expect(dataOf(await certifyFor((await registerAgent(call)).id, null), 201).grantee_principal_arn).toBeNull();
  });
});

describe('CreateGrant', () => {
  const once: Record<string, Fault> = { 'not performed': notPerformed, 'its answer lost': answerLost, throttled: awsError('ThrottlingException') };
  test.each(Object.entries(once))('%s, once: there is one grant all the same', async (_, fault) => {
    const { id } = await registerAgent(call);
    const injection = runtime.kms.inject(requests.createGrant, fault, { times: 1 });
    const certificate = dataOf(await certifyFor(id), 201);
    expect(injection.hits).toBe(1);
    expect(await grantsOf(certificate.kms_key_arn)).toEqual([signingGrant(certificate.id)]);
  });

  test('of a key that is not known yet is tried again', async () => {
    const { id } = await registerAgent(call);
    const injection = runtime.kms.inject(requests.createGrant, awsError('NotFoundException'), { times: 3 });
    expect((await certifyFor(id)).status).toBe(201);
    expect(injection.hits).toBe(3);
  });

  const lasting: [string, Fault, number][] = [
    ['not performed', notPerformed, 503], ['refused', awsError('AccessDeniedException'), 503], ['beyond a limit', awsError('LimitExceededException'), 503], ['answered without an id', rewritten(() => ({})), 500],
  ];
  test.each(lasting)('%s for good: no certificate, and its key goes', async (_, fault, status) => {
    const { id } = await registerAgent(call);
    runtime.kms.inject(requests.createGrant, fault);
    const refused = await certifyFor(id);
    runtime.calm();
    expect(refused.status).toBe(status);
    expectDiscreet(refused);
    expect(await runtime.aftermath.activeCertificates(id)).toEqual([]);
    expect((await runtime.aftermath.agentKeys(id)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    expect((await certifyFor(id)).status).toBe(201);
  });
});

describe('when the certificate ends', () => {
  let agentId: string;
  let certificate: { id: string; kms_key_arn: string };
  beforeEach(async () => {
    ({ id: agentId } = await registerAgent(call));
    certificate = dataOf(await certifyFor(agentId), 201);
  });
  const ended = async () => ({ state: (await registry.key(certificate.kms_key_arn))?.KeyState, grants: await grantsOf(certificate.kms_key_arn) });

  const ends: Record<string, () => Promise<unknown>> = {
    'by revocation': () => call('POST', `/certificates/${certificate.id}/revoke`, { body: { reason: 'test' } }),
    'by a high risk score': () => call('POST', '/risk-scores', { body: { agent_id: agentId, score: 1 } }),
    'by a halt': () => call('POST', `/agents/${agentId}/halt`),
    'with its agent': () => call('DELETE', `/agents/${agentId}`),
    'by expiry': async () => {
      const { crlShard, expiresAt } = (await runtime.aftermath.certificate(certificate.id)) ?? {};
      const past = '2026-01-01T00:00:00.000Z';
      const expiry = await registry.get(`EXPIRY#${crlShard}`, `${expiresAt}#${certificate.id}`);
      await registry.put({ ...expiry, sk: `${past}#${certificate.id}` });
      await runtime.aftermath.expireCertificate(agentId, certificate.id, past);
      await runtime.runSchedule('expire-certificates');
    },
  };
  test.each(Object.entries(ends))('%s, the grant is revoked with the key', async (_, end) => {
    await end();
    await runtime.idle();
    expect(await ended()).toEqual({ state: 'PendingDeletion', grants: [] });
  });

  test('the outbox says which grant', async () => {
    await ends['by revocation']?.();
    expect(await registry.outboxEntry(certificate.id)).toMatchObject({ grantId: (await runtime.aftermath.certificate(certificate.id))?.['grantId'] });
  });

  test('and KMS does not revoke the grant at first, the key is unusable already, and the grant goes with the next attempt', async () => {
    const fault = runtime.kms.inject({ operation: 'RevokeGrant' }, awsError('ThrottlingException'), { times: 2 });
    await ends['by revocation']?.();
    await runtime.idle();
    expect(fault.hits).toBe(2);
    expect(await ended()).toEqual({ state: 'PendingDeletion', grants: [] });
  });

  test('and its message comes again, or the grant is gone already, that is all the same', async () => {
    const hold = runtime.dynamodb.hold({ operation: 'UpdateItem', where: (input) => String(input['Key']?.pk?.S).startsWith('EFFECT#') }, { times: 1 });
    await ends['by revocation']?.();
    await hold.reached; // All is done, and nothing noted.
    const end = await registry.outboxEntry(certificate.id);
    expect(await deliverMessages('retire-keys', end === undefined ? [] : [end])).toEqual([]);
    hold.release();
    await runtime.idle();
    expect(await ended()).toEqual({ state: 'PendingDeletion', grants: [] });
  });
});
