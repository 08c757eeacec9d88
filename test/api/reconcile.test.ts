import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { admin, adminJson } from '../bin/admin-program.ts';
import { movedClock, type MovedClock } from '../support/clock.ts';
import { answerLost, awsError, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { openRiskTable, type RiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlsOf, shardOf } from '../support/published-crl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { openTables, type Tables } from '../support/tables.ts';

// What faults leave undone, each made by a fault on the wire, is found hours later and done: by the function that the
// clock calls, or by an operator.

let runtime: FaultyRuntime;
let registry: RegistryView;
let risk: RiskTable;
let tables: Tables;
let clock: MovedClock | undefined;

beforeAll(async () => {
  process.env['KEY_RETIREMENTS_PER_SECOND'] = '200';
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
  risk = openRiskTable(runtime);
  tables = openTables(runtime);
});
afterEach(() => {
  clock?.restore();
  runtime.calm();
});
afterAll(async () => {
  tables.close();
  risk.close();
  registry.close();
  await runtime.stop();
});

interface Certified {
  readonly agentId: string;
  readonly id: string;
  readonly keyArn: string;
}

async function certified(): Promise<Certified> {
  const agentId = await runtime.newAgent();
  const { status, body } = await runtime.certify(agentId);
  if (status !== 201) throw new Error(`No certificate: ${status} ${JSON.stringify(body)}`);
  return { agentId, id: body.data.id, keyArn: body.data.kms_key_arn };
}

/** From now on, until the end of the test, it is so many hours later than it is. */
function later(hours: number): void {
  clock = movedClock();
  clock.moveTo(new Date(Date.now() + hours * 3_600_000).toISOString());
}

const stateOf = async (keyArn: string) => (await registry.key(keyArn))?.KeyState;
const keysOf = async (agentId: string) => (await runtime.aftermath.agentKeys(agentId)).map(({ arn, state }) => ({ arn, state }));
const isActive = async ({ id }: Certified) => (await runtime.verify(serialNumberOf(id))).body.data.status === 'active';

/** Answers as if it were done, and nothing is. */
const swallowed = (body: object): Fault => ({ kind: 'answered', status: 200, contentType: 'application/x-amz-json-1.0', body: JSON.stringify(body) });

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- findings are read field by field
const dryRun = async (): Promise<any> => adminJson('reconcile', '--dry-run');
const subjectsOf = (findings: Record<string, string>[]) => findings.map(({ kind, key_arn, certificate_id }) => [kind, kind === 'abandoned-key' || kind === 'dead-lease' ? key_arn : certificate_id]).sort();

async function reconcile(): Promise<void> {
  await runtime.runSchedule('reconcile');
  await runtime.idle();
}

/* What goes wrong: each answers what is to be found, and checks that it was mended. */

interface Damage {
  readonly found: readonly (readonly [kind: string, subject: string])[];
  readonly check: () => Promise<void>;
}

const damages: Record<string, () => Promise<Damage>> = {
  async 'a key whose creation was answered to nobody, beside the one of the certificate'() {
    const agentId = await runtime.newAgent();
    runtime.kms.inject({ ...requests.createKey, concerning: agentId }, answerLost, { times: 1 });
    const certificate = (await runtime.certify(agentId)).body.data;
    const lost = (await keysOf(agentId)).find(({ arn }) => arn !== certificate.kms_key_arn)?.arn ?? '';
    return {
      found: [['abandoned-key', lost]],
      check: async () => expect([await stateOf(lost), await stateOf(certificate.kms_key_arn), await registry.keyDeletion(certificate.id)]).toEqual(['PendingDeletion', 'Enabled', undefined]),
    };
  },

  async 'a key that no call has the name of'() {
    const agentId = await runtime.newAgent();
    runtime.kms.inject({ ...requests.createKey, concerning: agentId }, answerLost);
    expect((await runtime.certify(agentId)).status).toBe(503);
    const keys = await keysOf(agentId);
    expect(keys.length).toBeGreaterThan(0);
    return {
      found: keys.map(({ arn }) => ['abandoned-key', arn] as const),
      check: async () => expect((await keysOf(agentId)).map(({ state }) => state)).toEqual(keys.map(() => 'PendingDeletion')),
    };
  },

  async 'a lease that was released with its key'() {
    const agentId = await runtime.newAgent();
    runtime.kms.inject(requests.sign, awsError('KMSInternalException'));
    const injection = runtime.kms.inject({ ...requests.scheduleKeyDeletion, concerning: agentId }, awsError('AccessDeniedException'));
    expect((await runtime.certify(agentId)).status).toBe(503);
    injection.remove();
    return leaseLeftBehind(agentId);
  },

  async 'a lease whose issuance was never heard of again'() {
    const agentId = await runtime.newAgent();
    runtime.dynamodb.inject({ ...requests.transaction, concerning: agentId }, notPerformed);
    runtime.dynamodb.inject({ ...requests.releaseLease, concerning: agentId }, notPerformed);
    expect((await runtime.certify(agentId)).status).toBe(503);
    return leaseLeftBehind(agentId);
  },

  async 'a revocation whose message to retire the key got lost'() {
    const certificate = await certified();
    runtime.sqs.inject({ operation: 'SendMessageBatch', concerning: certificate.id }, swallowed({ Successful: [], Failed: [] }));
    await revoke(certificate);
    expect(await stateOf(certificate.keyArn)).toBe('Enabled');
    return effectsMended(certificate);
  },

  async 'a revocation that was not noted to be on its CRL'() {
    const certificate = await certified();
    runtime.dynamodb.inject({ operation: 'BatchWriteItem', concerning: certificate.id }, swallowed({ UnprocessedItems: {} }));
    await revoke(certificate);
    expect(await registry.crlEffect(certificate.id)).toBeUndefined();
    return effectsMended(certificate);
  },

  async 'a risk that the function on the stream did not act upon'() {
    const certificate = await certified();
    const blind = runtime.dynamodb.inject({ ...requests.readAgent, concerning: certificate.agentId }, rewritten(withoutCertificate));
    await risk.put(certificate.agentId, { score: { N: '0.9' } });
    await runtime.idle();
    blind.remove();
    expect(await isActive(certificate)).toBe(true);
    return {
      found: [['unanswered-risk', certificate.id]],
      async check() {
        const { status, reasonCode } = (await runtime.aftermath.certificate(certificate.id)) ?? {};
        expect([status, reasonCode, (await runtime.aftermath.agent(certificate.agentId))['status'], await stateOf(certificate.keyArn)]).toEqual(['revoked', 'privilegeWithdrawn', 'suspended', 'PendingDeletion']);
        expect((await runtime.aftermath.audit(certificate.agentId)).map(({ eventType }) => eventType).filter((type) => type === 'risk.alert')).toHaveLength(1);
      },
    };
  },

  async 'an expiry that was not noted'() {
    const certificate = await certified();
    const { id, agentId, keyArn } = certificate;
    const anHourAgo = new Date(Math.floor(Date.now() / 1000) * 1000 - 3_600_000).toISOString();
    const expiry = (await registry.partition(`EXPIRY#${shardOf(id)}`)).find(({ certificateId }) => certificateId === id) ?? {};
    await registry.remove(expiry['pk'], expiry['sk']);
    await registry.put({ ...expiry, sk: `${anHourAgo}#${id}` });
    await runtime.aftermath.expireCertificate(agentId, id, anHourAgo);
    return {
      found: [['overdue-expiry', id]],
      async check() {
        expect([(await registry.outboxEntry(id))?.['cause'], await stateOf(keyArn)]).toEqual(['expired', 'PendingDeletion']);
        expect((await runtime.aftermath.audit(id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.expired']);
      },
    };
  },
};

async function leaseLeftBehind(agentId: string): Promise<Damage> {
  const [key] = await keysOf(agentId);
  expect([key?.state, (await runtime.aftermath.agent(agentId))['lease'].keyArn]).toEqual(['Enabled', key?.arn]);
  return {
    found: [['dead-lease', key?.arn ?? '']],
    check: async () => expect([(await keysOf(agentId)).map(({ state }) => state), (await runtime.aftermath.agent(agentId))['lease']]).toEqual([['PendingDeletion'], undefined]),
  };
}

async function revoke({ id }: Certified): Promise<void> {
  expect((await runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } })).status).toBe(200);
  await runtime.idle();
}

function effectsMended({ id, keyArn }: Certified): Damage {
  return {
    found: [['missing-effect', id]],
    async check() {
      expect([await stateOf(keyArn), await registry.keyDeletion(id), await registry.crlEffect(id)]).toEqual(['PendingDeletion', expect.anything(), expect.anything()]);
      const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
      expect([shard, complete].map(({ entries }) => entries.has(serialNumberOf(id)))).toEqual([true, true]);
    },
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever DynamoDB answers
function withoutCertificate({ Item, ...answer }: any): object {
  const { activeCertificate: _, ...item } = Item;
  return { ...answer, Item: item };
}

describe.each(Object.entries(damages))('%s', (_, damage) => {
  test('is found and mended, and then nothing is left to be found', async () => {
    const { found, check } = await damage();
    runtime.calm();
    expect((await dryRun()).findings).toEqual([]); // All of this may still be under way.
    later(3);
    expect(subjectsOf((await dryRun()).findings)).toEqual([...found].sort());
    await reconcile();
    await check();
    expect((await dryRun()).findings).toEqual([]);
  });
});

test('all of it at once: a dry run changes nothing and lists it, and one run mends it', async () => {
  const made: Damage[] = [];
  for (const damage of Object.values(damages)) {
    made.push(await damage());
    runtime.calm();
  }
  await runtime.idle();
  later(3);
  const before = [await tables.contents(), await runtime.aftermath.agentKeys()];
  const { findings, failures } = await dryRun();
  expect(subjectsOf(findings)).toEqual(made.flatMap(({ found }) => found).sort());
  expect(failures).toEqual([]);
  await runtime.idle();
  expect([await tables.contents(), await runtime.aftermath.agentKeys()]).toEqual(before);
  await Promise.all([reconcile(), reconcile()]); // Two at once are as good as one.
  for (const { check } of made) await check();
  const after = [await tables.contents(), await runtime.aftermath.agentKeys()];
  await reconcile();
  expect(await runtime.aftermath.agentKeys()).toEqual(after[1]);
  expect((await tables.changesSince(after[0] as Set<string>)).filter((item) => !item.includes('RECONCILER#'))).toEqual([]);
});

test('an operator can have it done at once', async () => {
  const made = await (damages['a lease that was released with its key'] as () => Promise<Damage>)();
  runtime.calm();
  later(3);
  const { dry_run, findings } = await adminJson('reconcile');
  expect([dry_run, subjectsOf(findings)]).toEqual([false, made.found]);
  await runtime.idle();
  await made.check();
  expect((await admin('reconcile')).out).toMatch(/^Looked at \d+ keys of agents\. Everything is as it should be\.\n$/);
});

test('what cannot be mended is reported and tried again, and keeps nothing else from being mended', async () => {
  const [failing, other] = [await (damages['a key that no call has the name of'] as () => Promise<Damage>)(), await (damages['a lease that was released with its key'] as () => Promise<Damage>)()];
  runtime.calm();
  later(3);
  for (const [, arn] of failing.found) runtime.sqs.inject({ operation: 'SendMessageBatch', concerning: arn }, awsError('AccessDenied'));
  await expect(runtime.runSchedule('reconcile')).rejects.toThrow(`${failing.found.length} of what the reconciler looked at could not be reconciled`);
  await runtime.idle();
  await other.check();
  runtime.calm();
  expect(subjectsOf((await dryRun()).findings)).toEqual([...failing.found].sort());
  await reconcile();
  await failing.check();
});

test('a risk that could not be answered for days is met again, as far back as it lies', async () => {
  const certificate = await certified();
  const blind = runtime.dynamodb.inject({ ...requests.readAgent, concerning: certificate.agentId }, rewritten(withoutCertificate));
  await risk.put(certificate.agentId, { score: { N: '0.9' } });
  await runtime.idle();
  blind.remove();
  later(72);
  runtime.dynamodb.inject({ ...requests.transaction, concerning: certificate.agentId }, awsError('ThrottlingException'));
  await expect(runtime.runSchedule('reconcile')).rejects.toThrow('1 of what the reconciler looked at could not be reconciled');
  await runtime.idle();
  expect((await runtime.aftermath.certificate(certificate.id))?.['status']).toBe('active');
  runtime.calm();
  await reconcile();
  expect((await runtime.aftermath.certificate(certificate.id))?.['status']).toBe('revoked');
});

test('a record that was lost after one pass is found by the next, and one from before the certificate is not acted upon', async () => {
  await reconcile();
  const { agentId, id } = await certified();
  await risk.put(agentId, { score: { N: '0.99' } }, new Date(Date.now() - 60_000).toISOString());
  await runtime.idle();
  later(3);
  await reconcile();
  expect((await runtime.aftermath.certificate(id))?.['status']).toBe('active');

  const blind = runtime.dynamodb.inject({ ...requests.readAgent, concerning: agentId }, rewritten(withoutCertificate));
  await risk.put(agentId, { score: { N: '0.85' } });
  await runtime.idle();
  blind.remove();
  clock?.moveTo(new Date(Date.now() + 3_600_000).toISOString());
  await reconcile();
  expect((await runtime.aftermath.certificate(id))?.['status']).toBe('revoked');
});

test('records that call for nothing are no finding: below the threshold, of another time or tenant, or of none', async () => {
  const { agentId, id } = await certified();
  const blind = runtime.dynamodb.inject({ ...requests.readAgent, concerning: agentId }, rewritten(withoutCertificate));
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  await risk.put(agentId, { score: { N: '0.8499' } });
  await risk.put(agentId, { score: { S: '0.99' } });
  await risk.put(agentId, { score: { N: '0.99' }, observed_at: { S: inHours(-1) } });
  await risk.put(agentId, { score: { N: '0.99' }, observed_at: { S: inHours(50) } });
  await risk.put(agentId, { score: { N: '0.99' }, tenant_id: { S: runtime.tenants[1]?.id ?? '' } });
  await risk.put(agentId, { score: { N: '0.99' } }, 'whenever');
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // Some of them are tried again for long.
  blind.remove();
  later(3);
  expect((await dryRun()).findings).toEqual([]);
  expect((await runtime.aftermath.certificate(id))?.['status']).toBe('active');
});
