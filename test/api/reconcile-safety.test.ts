import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { CreateKeyCommand, DescribeKeyCommand, KMSClient, paginateListKeys, UntagResourceCommand } from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { localCredentials, region } from '../../local/account.ts';
import { invoke, type LambdaHandler } from '../../local/invocation.ts';
import { adminJson } from '../bin/admin-program.ts';
import { certifiedAgent } from '../support/agents.ts';
import { movedClock, type MovedClock } from '../support/clock.ts';
import { createKeys } from '../support/ends.ts';
import { awsError, rewritten } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { openRiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';

// A key that is scheduled for deletion signs no more: the reconciler must never take one that somebody has.

let runtime: FaultyRuntime;
let registry: RegistryView;
let kms: KMSClient;
let clock: MovedClock | undefined;

beforeAll(async () => {
  process.env['KEY_RETIREMENTS_PER_SECOND'] = '200';
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
  kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
});
afterEach(() => {
  clock?.restore();
  runtime.calm();
});
afterAll(async () => {
  kms.destroy();
  registry.close();
  await runtime.stop();
});

function later(hours: number): void {
  clock = movedClock();
  clock.moveTo(new Date(Date.now() + hours * 3_600_000).toISOString());
}

async function createKey(tags: Record<string, string>): Promise<string> {
  const Tags = Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
  return (await kms.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Tags }))).KeyMetadata?.Arn ?? '';
}

/** All keys there are, whatever for, by their states. */
async function keyStates(): Promise<Map<string, string | undefined>> {
  const states = new Map<string, string | undefined>();
  for await (const { Keys = [] } of paginateListKeys({ client: kms, pageSize: 1000 }, {})) {
    for (const { KeyArn = '' } of Keys) states.set(KeyArn, (await kms.send(new DescribeKeyCommand({ KeyId: KeyArn }))).KeyMetadata?.KeyState);
  }
  return states;
}

async function reconcile(): Promise<void> {
  await runtime.runSchedule('reconcile');
  await runtime.idle();
}

const tagsOf = (agentId: string) => ({ 'kakunin:deployment': 'local', 'kakunin:role': 'agent', 'kakunin:tenant': runtime.tenants[0]?.id ?? '', 'kakunin:agent': agentId, 'kakunin:certificate': randomUUID() });

test('keys that are not agents’ of this deployment are nobody’s to touch', async () => {
  const agentId = await runtime.newAgent();
  const { 'kakunin:tenant': _, ...incomplete } = tagsOf(agentId);
  const foreign = [
    await createKey({}),
    await createKey({ ...tagsOf(agentId), 'kakunin:deployment': 'other' }),
    await createKey({ ...tagsOf(agentId), 'kakunin:role': 'ca-issuing' }),
    await createKey({ ...tagsOf(agentId), 'kakunin:certificate': 'none' }),
    await createKey(incomplete),
  ];
  const abandoned = await createKey(tagsOf(agentId));
  const before = await keyStates();
  later(30);
  await reconcile();
  expect(new Map([...await keyStates()].filter(([arn, state]) => before.get(arn) !== state))).toEqual(new Map([[abandoned, 'PendingDeletion']]));
  expect(foreign.map((arn) => before.get(arn))).toEqual(foreign.map(() => 'Enabled'));
  // Those of the authorities, without which there is no service.
  for (const name of ['ROOT_KEY_ID', 'ISSUING_KEY_IDS', 'OCSP_KEY_ID', 'ATTESTATION_KEY_ID', 'WEBHOOK_KEY_ID']) expect((await registry.key(process.env[name] ?? ''))?.KeyState).toBe('Enabled');
});

test('a key of an agent that the registry does not have is left alone, and reported', async () => {
  const key = await createKey(tagsOf(randomUUID()));
  later(30);
  await expect(runtime.runSchedule('reconcile')).rejects.toThrow('1 of what the reconciler looked at');
  await runtime.idle();
  expect((await registry.key(key))?.KeyState).toBe('Enabled');
  // Not to be met by the tests that follow.
  clock?.restore();
  await kms.send(new UntagResourceCommand({ KeyId: key, TagKeys: ['kakunin:agent'] }));
});

test('an issuance that is under way is not disturbed, whatever the age of its key', async () => {
  const agentId = await runtime.newAgent();
  const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 });
  const answer = runtime.certify(agentId);
  await hold.reached;
  await reconcile();
  const { lease } = await runtime.aftermath.agent(agentId);
  // The clock of the function that issues is two hours behind.
  later(2);
  await runtime.aftermath.setLease(agentId, { ...lease, expiresAt: new Date(Date.now() + 60_000).toISOString() });
  await reconcile();
  expect((await registry.key(lease.keyArn))?.KeyState).toBe('Enabled');
  clock?.restore();
  hold.release();
  expect((await answer).status).toBe(201);
});

test('a certificate that is committed while its lease is being forgotten keeps its key', async () => {
  const agentId = await runtime.newAgent();
  const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 });
  const answer = runtime.certify(agentId);
  await hold.reached;
  later(2);
  const forget = runtime.dynamodb.hold({ operation: 'UpdateItem', where: ({ UpdateExpression }) => UpdateExpression === 'REMOVE lease', concerning: agentId }, { times: 1 });
  const run = reconcile();
  await forget.reached; // It has found neither certificate nor live lease …
  hold.release();
  const { status, body } = await answer;
  expect(status).toBe(201);
  forget.release(); // … and goes on when there is a certificate.
  await run;
  expect((await registry.key(body.data.kms_key_arn))?.KeyState).toBe('Enabled');
});

test('whatever agents went through, what is active stays usable and what is not is retired', async () => {
  const steps = ['certify', 'revoke', 'renew', 'halt', 'suspend', 'crash before the commit', 'crash after the key'] as const;
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.constantFrom(...steps), { maxLength: 4 }), { minLength: 2, maxLength: 5 }), async (lives) => {
    const agentIds: string[] = [];
    for (const life of lives) {
      const agentId = await runtime.newAgent();
      agentIds.push(agentId);
      for (const step of life) await take(step, agentId);
    }
    await runtime.idle();
    later(3);
    await reconcile();
    clock?.restore();
    for (const agentId of agentIds) {
      const { activeCertificate, lease } = await runtime.aftermath.agent(agentId);
      expect(lease).toBeUndefined();
      for (const { arn, state } of await runtime.aftermath.agentKeys(agentId)) expect(state).toBe(arn === activeCertificate?.keyArn ? 'Enabled' : 'PendingDeletion');
      if (activeCertificate !== undefined) await runtime.aftermath.sign(activeCertificate.keyArn);
    }
  }), { numRuns: 5 });
}, 120_000);

async function take(step: string, agentId: string): Promise<void> {
  const id = (await runtime.aftermath.agent(agentId))['activeCertificate']?.id as string | undefined;
  switch (step) {
    case 'certify':
      return void (await runtime.certify(agentId));
    case 'revoke': case 'renew':
      if (id !== undefined) await runtime.call('POST', `/certificates/${id}/${step}`, { body: { reason: 'test' } });
      return;
    case 'halt':
      return void (await runtime.call('POST', `/agents/${agentId}/halt`, { body: {} }));
    case 'suspend':
      return void (await runtime.call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } }));
    default: {
      // From there on nothing gets through any more, as where the process is killed.
      const reached = step === 'crash before the commit' ? requests.transaction : requests.getPublicKey;
      const dead = [
        (step === 'crash before the commit' ? runtime.dynamodb : runtime.kms).inject({ ...reached, concerning: agentId }, awsError('AccessDeniedException')),
        runtime.dynamodb.inject({ ...requests.releaseLease, concerning: agentId }, awsError('AccessDeniedException')),
      ];
      await runtime.certify(agentId);
      for (const injection of dead) injection.remove();
      await runtime.aftermath.expireLease(agentId).catch(() => undefined);
    }
  }
}

test('a run that is broken off is gone on with where it was, at the pace that KMS is asked', async () => {
  await createKeys(runtime, 230);
  const agentId = await runtime.newAgent();
  const abandoned = [await createKey(tagsOf(agentId)), await createKey(tagsOf(agentId)), await createKey(tagsOf(agentId))];
  later(2);
  const listed = () => runtime.kms.calls.filter(({ operation }) => operation === 'ListKeys').map(({ input }) => input['Marker'] as string | undefined);
  const requested = () => runtime.kms.calls.filter(({ operation }) => ['ListKeys', 'ListResourceTags', 'DescribeKey'].includes(operation));

  runtime.calm();
  const fault = runtime.kms.inject({ operation: 'ListKeys' }, awsError('AccessDeniedException'), { first: 2 });
  await expect(runtime.runSchedule('reconcile')).rejects.toThrow();
  const times = requested().map(({ startedAt }) => startedAt).sort((a, b) => a - b);
  for (const start of times) expect(times.filter((time) => time >= start && time < start + 1000).length).toBeLessThanOrEqual(40 * 1.1);
  fault.remove();
  const [, marker] = listed();
  expect(marker).toEqual(expect.any(String));

  // Ended by the function's time this time, without an error: it has some seconds, enough for a part but not for what is left.
  runtime.calm();
  const { handler } = (await import('../../lambdas/handlers/reconcile.ts')) as { handler: LambdaHandler };
  await invoke(handler, {}, { functionName: 'reconcile', timeoutSeconds: 64 });
  expect(listed()[0]).toBe(marker);
  const reached = await registry.get('RECONCILER#keys', 'PROGRESS');
  expect(reached?.['marker']).toEqual(expect.any(String));
  expect(reached?.['marker']).not.toBe(marker);

  runtime.calm();
  await reconcile();
  expect(listed()[0]).toBe(reached?.['marker']);
  expect(await registry.get('RECONCILER#keys', 'PROGRESS')).toEqual({ pk: 'RECONCILER#keys', sk: 'PROGRESS', previousStartedAt: reached?.['startedAt'] });
  expect(await Promise.all(abandoned.map(async (arn) => (await registry.key(arn))?.KeyState))).toEqual(abandoned.map(() => 'PendingDeletion'));
  expect((await adminJson('reconcile', '--dry-run')).findings).toEqual([]);
}, 120_000);

test('what failed before a run was broken off is remembered, so that its risk is still met by the pass that follows', async () => {
  const keysInPart = 100;
  // One whose key is not in the last part, after which nothing can be broken off.
  const victims = [];
  let part: number, parts: number;
  do {
    victims.push(await certifiedAgent(runtime.call));
    const arns = [...(await keyStates()).keys()];
    parts = Math.ceil(arns.length / keysInPart);
    part = Math.floor(arns.indexOf(victims.at(-1)?.certificate.kms_key_arn) / keysInPart);
  } while (part === parts - 1);
  const { agent: { id: agentId }, certificate: { id } } = victims.at(-1) ?? {};
  const blind = runtime.dynamodb.inject({ ...requests.readAgent, concerning: agentId }, rewritten(({ Item: { activeCertificate: _, ...Item }, ...answer }) => ({ ...answer, Item })));
  const risk = openRiskTable(runtime);
  await risk.put(agentId, { score: { N: '0.9' } });
  risk.close();
  await runtime.idle();
  blind.remove();
  await registry.remove('RECONCILER#keys', 'PROGRESS');
  later(72);

  runtime.dynamodb.inject({ ...requests.transaction, concerning: agentId }, awsError('ThrottlingException'));
  runtime.kms.inject({ operation: 'ListKeys' }, awsError('AccessDeniedException'), { first: part + 2 });
  await expect(runtime.runSchedule('reconcile')).rejects.toThrow();
  runtime.calm();
  expect(await registry.get('RECONCILER#keys', 'PROGRESS')).toMatchObject({ marker: expect.any(String), hasFailed: true });

  await reconcile(); // What is left of the pass, in which nothing fails.
  expect([(await runtime.aftermath.certificate(id))?.['status'], await registry.get('RECONCILER#keys', 'PROGRESS')]).toEqual(['active', { pk: 'RECONCILER#keys', sk: 'PROGRESS' }]);
  await reconcile();
  expect((await runtime.aftermath.certificate(id))?.['status']).toBe('revoked');
  expect((await registry.get('RECONCILER#keys', 'PROGRESS'))?.['previousStartedAt']).toEqual(expect.any(String));
}, 120_000);

test('a marker that KMS does not know any more is begun anew from', async () => {
  await registry.put({ pk: 'RECONCILER#keys', sk: 'PROGRESS', startedAt: new Date().toISOString(), marker: 'from long ago' });
  const abandoned = await createKey(tagsOf(await runtime.newAgent()));
  later(2);
  await reconcile();
  expect((await registry.key(abandoned))?.KeyState).toBe('PendingDeletion');
}, 60_000);
