import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { load } from '../../bench/harness/load.ts';
import { seedCertificates, type SeededCertificate } from '../../bench/harness/seed.ts';
import { crlShardUrl } from '../../lambdas/pki/distribution-urls.ts';
import { revoke } from '../support/agents.ts';
import { awsError, startFaultProxy, type FaultProxy, type Injection } from '../support/faults.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlShardCount, publishedCrl } from '../support/published-crl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

// A thousand certificates revoked at once, and a KMS that at first takes none of their keys, and then refuses now and again.

const count = 1000;
const concurrency = 16;
const { signal } = new AbortController();

let runtime: TestRuntime;
let tables: Tables;
let kms: FaultProxy;
let s3: FaultProxy;
let certificates: readonly SeededCertificate[];
let noneAtAll: Injection;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'; // A throttled KMS fills the log, as it should.
  process.env['KEY_RETIREMENTS_PER_SECOND'] = '200';
  runtime = await startTestRuntime({
    kms: { keyMaterial: keyPool() },
    automaticSchedules: false,
    interpose: { kms: async (endpoint) => (kms = await startFaultProxy(endpoint)).endpoint, s3: async (endpoint) => (s3 = await startFaultProxy(endpoint)).endpoint },
  });
  tables = openTables(runtime);
  const [tenant] = runtime.tenants;
  certificates = await seedCertificates(runtime, { tenantId: tenant?.id ?? '', count, crlShardCount, signal });
  kms.reset();
  s3.reset();
  noneAtAll = kms.inject({ operation: 'ScheduleKeyDeletion' }, awsError('ThrottlingException'));
}, 120_000);
afterAll(async () => {
  tables.close();
  await runtime.stop();
  await Promise.all([kms.close(), s3.close()]);
});

async function until(isSo: () => Promise<boolean>, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not so after ${seconds} s.`);
    await delay(250);
  }
}

const complete = () => publishedCrl(`${runtime.distributionUrl}/crl/complete.crl`);
const serialNumbers = (list = certificates) => list.map(({ serialNumber }) => serialNumber).sort();
const publicationsOf = (path: string) => s3.calls.filter(({ operation, text }) => operation === 'PutObject' && text.startsWith(path)).length;
/** The registry by partition and sort key. */
async function itemsByKey(): Promise<Map<string, Record<string, string>>> {
  const items = [...(await tables.contents())].map((json) => JSON.parse(json) as Record<string, string>);
  return new Map(items.map((item) => [`${item['pk']} ${item['sk']}`, item]));
}
/** The keys that KMS was asked to delete, and did, with the state they then had. */
const deletions = () => kms.calls.flatMap(({ operation, answer }) => (operation === 'ScheduleKeyDeletion' && answer !== undefined ? [[answer['KeyId'], answer['KeyState']]] : []));

describe('a thousand revocations at once', () => {
  let startedAt: number;

  test('are in the registry and on the CRLs while not one key could be deleted', async () => {
    startedAt = performance.now();
    await load((index) => revoke(runtime.call, certificates[index]?.id ?? ''), { seconds: Infinity, concurrency, signal, maximum: count });
    const items = await itemsByKey();
    expect(certificates.filter(({ id }) => items.get(`CERT#${id} CERT`)?.['status'] !== 'revoked')).toEqual([]);

    await until(async () => (await complete()).entryCount === count, 60);
    expect([...(await complete()).entries.keys()].sort()).toEqual(serialNumbers());
    expect(deletions()).toEqual([]);
    expect(noneAtAll.hits).toBeGreaterThan(0);
  }, 300_000);

  test('are each on the CRL of their shard, and on no other', async () => {
    for (let shard = 0; shard < crlShardCount; shard++) {
      const expected = serialNumbers(certificates.filter(({ crlShard }) => crlShard === shard));
      const listed = async () => [...(await publishedCrl(crlShardUrl(runtime.distributionUrl, shard))).entries.keys()].sort();
      // The complete CRL comes last and may be ahead by what was revoked meanwhile.
      await until(async () => (await listed()).length >= expected.length, 30);
      expect(await listed()).toEqual(expected);
    }
  }, 60_000);

  test('cost a handful of publications: one for each second they are gathered for', () => {
    const publications = publicationsOf('crl/complete.crl');
    expect(publications).toBeGreaterThan(0);
    expect(publications).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 1000) + 1);
    expect(publications).toBeLessThan(count / 10);
    expect(publicationsOf('crl/shard-')).toBeLessThanOrEqual(publications * crlShardCount);
  });

  test('end with every key pending deletion once KMS takes them, each asked for until it is', async () => {
    noneAtAll.remove();
    let asked = 0;
    const nowAndAgain = kms.inject({ operation: 'ScheduleKeyDeletion', where: () => ++asked % 25 === 0 }, awsError('ThrottlingException'));
    await until(() => Promise.resolve(deletions().length >= count), 180);
    await runtime.idle();
    // None twice: what is done already costs KMS nothing.
    expect(deletions().sort()).toEqual(certificates.map(({ keyArn }) => [keyArn, 'PendingDeletion']).sort());
    expect(nowAndAgain.hits).toBeGreaterThan(0);
  }, 300_000);

  test('have their effects noted, after what caused them, and nothing was given up', async () => {
    const items = await itemsByKey();
    const premature = certificates.filter(({ id }) => {
      const [endedAt = '', scheduledAt = '', publishedAt = ''] = [items.get(`OUTBOX#${id} OUTBOX`)?.['endedAt'], items.get(`EFFECT#${id} KEY-DELETION`)?.['scheduledAt'], items.get(`EFFECT#${id} CRL`)?.['publishedAt']];
      return endedAt === '' || scheduledAt < endedAt || publishedAt < endedAt;
    });
    expect(premature).toEqual([]);
    expect(runtime.deadLetters).toEqual([]);
  });
});
