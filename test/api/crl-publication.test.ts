import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { shardCrl } from '../../lambdas/authority/crl-scope.ts';
import { publishCrl } from '../../lambdas/authority/publish-crl.ts';
import { refreshCrls } from '../../lambdas/authority/refresh-crls.ts';
import { crlEntryItem } from '../../lambdas/aws/items.ts';
import { crlServices } from '../../lambdas/handlers/crl-services.ts';
import { crlShardUrl } from '../../lambdas/pki/distribution-urls.ts';
import { serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { certificateIdOfRecord, createKeys, endRecord } from '../support/ends.ts';
import { answerLost, awsError, rewritten, s3Error, type Fault, type Pattern } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlsOf, publishedCrl, shardOf } from '../support/published-crl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { deliver } from '../support/stream.ts';

// How a revocation gets onto the CRLs, with many publishers at once and with KMS and S3 not doing their part.

let runtime: FaultyRuntime;
let registry: RegistryView;

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  await runtime.stop();
});

/** A revoked certificate as its revocation leaves it in the registry, with the record of it, which nobody has acted upon. */
async function revoked(fields: { crlShard?: number; expiresAt?: string } = {}) {
  const [keyArn = ''] = await createKeys(runtime, 1);
  const record = endRecord({ keyArn });
  const id = certificateIdOfRecord(record);
  const crlShard = fields.crlShard ?? shardOf(id);
  const certificate = { id, agentId: id, tenantId: id, keyArn, crlShard, expiresAt: fields.expiresAt ?? '2999-01-01T00:00:00.000Z' };
  await registry.put(crlEntryItem(certificate, { revokedAt: new Date().toISOString(), reason: 'test', reasonCode: 'superseded' }));
  return { id, serialNumber: serialNumberOf(id), record: endRecord({ keyArn, certificateId: id, crlShard }) };
}

const shardUrl = (crlShard: number) => crlShardUrl(runtime.distributionUrl, crlShard);
const shardPath = (crlShard: number) => `crl/shard-${crlShard}.crl`;
const putOf = (path: string): Pattern => ({ operation: 'PutObject', where: ({ Key }) => Key === path });
const flipped = rewritten((answer) => {
  const signature = Buffer.from(answer['Signature'], 'base64');
  signature.writeUInt8(signature.readUInt8(7) ^ 1, 7);
  return { ...answer, Signature: signature.toString('base64') };
});

test('a revocation is on the certificate’s own CRL and on the complete one, with its time and reason', async () => {
  const { body } = await runtime.certify(await runtime.newAgent());
  const { id, serial_number } = body.data;
  const before = await crlsOf(runtime.distributionUrl, id);
  const { revoked_at } = (await runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'moved', reason_code: 'affiliationChanged' } })).body.data;
  await runtime.idle();

  const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
  const entry = { serialNumber: serial_number, revocationDate: new Date(revoked_at), reasonCode: 3 };
  expect([before.shard.entries.has(serial_number), shard.entries.get(serial_number), complete.entries.get(serial_number)]).toEqual([false, entry, entry]);
  expect([shard.issuingDistributionPoint, complete.issuingDistributionPoint]).toEqual([shardUrl(shardOf(id)), undefined]);
  expect([shard.crlNumber > before.shard.crlNumber, complete.crlNumber > before.complete.crlNumber]).toEqual([true, true]);
  for (const crl of [shard, complete]) expect(crl.nextUpdate.getTime() - crl.thisUpdate.getTime()).toBe(25 * 3600 * 1000);
  const other = await publishedCrl(shardUrl((shardOf(id) + 1) % 16));
  expect(other.entries.has(serial_number)).toBe(false);
});

test('of 20 publications at once, numbers only go up, and the last CRL has everything', async () => {
  const crlShard = 3;
  const revocations = await Promise.all(Array.from({ length: 20 }, () => revoked({ crlShard })));
  const seen: bigint[] = [];
  let watching = true;
  const watch = (async () => {
    while (watching) {
      seen.push((await publishedCrl(shardUrl(crlShard))).crlNumber);
      await sleep(3);
    }
  })();
  const before = (await publishedCrl(shardUrl(crlShard))).crlNumber;
  runtime.calm();
  const refused = (await Promise.all(revocations.map(({ record }) => deliver('publish-crls', [record])))).flat();
  watching = false;
  await watch;

  expect(refused).toEqual([]);
  expect(seen).toEqual([...seen].sort((a, b) => Number(a - b)));
  const { crlNumber, entries } = await publishedCrl(shardUrl(crlShard));
  expect(crlNumber).toBe(before + 20n);
  for (const { serialNumber } of revocations) expect(entries.has(serialNumber)).toBe(true);
  // Some found the CRL replaced under their hands: S3's condition is what kept the order.
  const puts = runtime.s3.calls.filter((call) => call.operation === 'PutObject' && call.input['Key'] === shardPath(crlShard));
  expect(puts.filter(({ answer }) => answer?.['status'] === 412).length).toBeGreaterThan(0);
  for (const { id } of revocations) {
    const { crlNumber: noted } = (await registry.crlEffect(id)) ?? {};
    expect(BigInt(noted)).toBeGreaterThan(before);
  }
});

test('a publication that is overtaken leaves the later one alone', async () => {
  const crlShard = 4;
  const first = await revoked({ crlShard });
  const hold = runtime.s3.hold(putOf(shardPath(crlShard)), { times: 1 });
  const slow = deliver('publish-crls', [first.record]);
  await hold.reached;
  const second = await revoked({ crlShard });
  expect(await deliver('publish-crls', [second.record])).toEqual([]);
  const { crlNumber } = await publishedCrl(shardUrl(crlShard));
  hold.release();
  expect(await slow).toEqual([]);

  const after = await publishedCrl(shardUrl(crlShard));
  expect(after.crlNumber).toBe(crlNumber);
  expect([first, second].map(({ serialNumber }) => after.entries.has(serialNumber))).toEqual([true, true]);
  expect((await registry.crlEffect(first.id))?.['crlNumber']).toBe(Number(crlNumber));
});

test('an entry stays until every CRL from before its certificate expired has ended, and for one CRL after that', async () => {
  const crlShard = 5;
  const expiresAt = Date.now() - 24 * 3600 * 1000;
  const { serialNumber } = await revoked({ crlShard, expiresAt: new Date(expiresAt).toISOString() });
  const publishAt = async (time: number) => {
    await publishCrl({ ...crlServices(), clock: () => new Date(time) }, shardCrl(runtime.distributionUrl, crlShard));
    return (await publishedCrl(shardUrl(crlShard))).entries.has(serialNumber);
  };
  const aLifeLater = expiresAt + 25 * 3600 * 1000;
  expect([await publishAt(Date.now()), await publishAt(aLifeLater - 1000), await publishAt(aLifeLater + 1000)]).toEqual([true, true, false]);
});

test('one that nobody could publish while its certificate ran is listed once, however late', async () => {
  const crlShard = 10;
  await publishCrl(crlServices(), shardCrl(runtime.distributionUrl, crlShard));
  const published = (await publishedCrl(shardUrl(crlShard))).thisUpdate.getTime();
  const { serialNumber } = await revoked({ crlShard, expiresAt: new Date(published + 1000).toISOString() });
  const publishAt = async (time: number) => {
    await publishCrl({ ...crlServices(), clock: () => new Date(time) }, shardCrl(runtime.distributionUrl, crlShard));
    return (await publishedCrl(shardUrl(crlShard))).entries.has(serialNumber);
  };
  const weeksLater = published + 30 * 86_400_000;
  expect([await publishAt(weeksLater), await publishAt(weeksLater + 1000)]).toEqual([true, false]);
});

test('a revocation whose publication was given up is on its CRLs after the next look of the clock', async () => {
  const { id, serialNumber } = await revoked(); // Its record reaches nobody.
  await runtime.runSchedule('refresh-crls');
  const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
  expect([shard, complete].map(({ entries }) => entries.has(serialNumber))).toEqual([true, true]);
});

test('a publisher whose clock is far ahead is not followed, and costs no entry', async () => {
  const crlShard = 11;
  const { serialNumber } = await revoked({ crlShard, expiresAt: new Date(Date.now() + 86_400_000).toISOString() });
  await publishCrl({ ...crlServices(), clock: () => new Date(Date.now() + 400 * 86_400_000) }, shardCrl(runtime.distributionUrl, crlShard));
  const wrong = await publishedCrl(shardUrl(crlShard));
  await runtime.runSchedule('mint-authority'); // It looks only for CRLs that are missing or out of their time.
  const right = await publishedCrl(shardUrl(crlShard));
  expect(right.crlNumber).toBe(wrong.crlNumber + 1n);
  expect(Math.abs(right.thisUpdate.getTime() - Date.now())).toBeLessThan(60_000);
  expect(right.entries.has(serialNumber)).toBe(true);
});

test('where there were more shards once, no complete CRL is published without theirs', async () => {
  const { id, serialNumber, record } = await revoked({ crlShard: 15 });
  expect(await deliver('publish-crls', [record])).toEqual([]);
  const before = await crlsOf(runtime.distributionUrl, id);
  const fewer = { ...crlServices(), crlShardCount: 8 };
  await expect(refreshCrls(fewer, publishCrl)).rejects.toThrow('CRL_SHARDS is 8: set it to as many as there were');
  const after = await publishedCrl(`${runtime.distributionUrl}/crl/complete.crl`);
  expect([after.crlNumber, after.entries.has(serialNumber)]).toEqual([before.complete.crlNumber, true]);
});

test('a registry that was restored from a backup goes on from the number that is published', async () => {
  const crlShard = 6;
  const { record, serialNumber } = await revoked({ crlShard });
  const { crlNumber } = await publishedCrl(shardUrl(crlShard));
  const [item] = await registry.partition(`CRL#${shardPath(crlShard)}`);
  for (let count = 0; count < 3; count++) await publishCrl(crlServices(), shardCrl(runtime.distributionUrl, crlShard));
  await registry.put(item as object);
  expect(await deliver('publish-crls', [record])).toEqual([]);
  const after = await publishedCrl(shardUrl(crlShard));
  expect([after.crlNumber, after.entries.has(serialNumber)]).toEqual([crlNumber + 4n, true]);
});

test('a clock that is behind that of another publisher makes no CRL that looks older than the one before it', async () => {
  const crlShard = 7;
  await publishCrl({ ...crlServices(), clock: () => new Date(Date.now() + 5_000) }, shardCrl(runtime.distributionUrl, crlShard));
  const ahead = await publishedCrl(shardUrl(crlShard));
  await publishCrl(crlServices(), shardCrl(runtime.distributionUrl, crlShard));
  const after = await publishedCrl(shardUrl(crlShard));
  expect([after.crlNumber, after.thisUpdate]).toEqual([ahead.crlNumber + 1n, ahead.thisUpdate]);
});

describe('what fails', () => {
  const issuingKeySigns: Pattern = requests.sign;
  const faults: [string, 'kms' | 's3' | 'dynamodb', Pattern, Fault][] = [
    ['a signature with one bit wrong', 'kms', issuingKeySigns, flipped],
    ['a signature by another key', 'kms', issuingKeySigns, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(384, 1).toString('base64') }))],
    ['an answer without a signature', 'kms', issuingKeySigns, rewritten(() => ({}))],
    ['KMS refusing to sign', 'kms', issuingKeySigns, awsError('KMSInternalException')],
    ['S3 refusing to be looked at', 's3', { operation: 'HeadObject' }, s3Error('SlowDown', 503)],
    ['S3 refusing the CRL', 's3', { operation: 'PutObject' }, s3Error('AccessDenied', 403)],
    ['a registry whose entries cannot be read', 'dynamodb', { operation: 'Query' }, awsError('InternalServerError')],
    ['a registry that gives no number', 'dynamodb', { operation: 'UpdateItem', where: (input) => String(input['Key']?.pk?.S).startsWith('CRL#') }, awsError('InternalServerError')],
  ];

  test.each(faults)('%s: nothing is published, the record fails, and the next delivery is right', async (_, service, pattern, fault) => {
    const { id, serialNumber, record } = await revoked();
    const before = await crlsOf(runtime.distributionUrl, id);
    const injection = runtime[service].inject(pattern, fault);
    expect(await deliver('publish-crls', [record])).toEqual([record.dynamodb?.SequenceNumber]);
    expect(injection.hits).toBeGreaterThan(0);
    injection.remove();
    const meanwhile = await crlsOf(runtime.distributionUrl, id);
    expect([meanwhile.shard.crlNumber, meanwhile.complete.crlNumber]).toEqual([before.shard.crlNumber, before.complete.crlNumber]);
    expect(await registry.crlEffect(id)).toBeUndefined();

    expect(await deliver('publish-crls', [record])).toEqual([]);
    const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
    expect([shard, complete].map(({ entries }) => entries.has(serialNumber))).toEqual([true, true]);
    expect(await registry.crlEffect(id)).toEqual({ crlNumber: Number(shard.crlNumber), publishedAt: expect.any(String) });
  });

  test('one shard alone: those of the others are published and noted', async () => {
    const [failing, other] = [await revoked({ crlShard: 8 }), await revoked({ crlShard: 9 })];
    const injection = runtime.s3.inject(putOf(shardPath(8)), s3Error('InternalError', 500));
    expect(await deliver('publish-crls', [failing.record, other.record])).toEqual([failing.record.dynamodb?.SequenceNumber]);
    injection.remove();
    expect([await registry.crlEffect(failing.id), (await registry.crlEffect(other.id))?.['crlNumber']]).toEqual([undefined, expect.any(Number)]);
  });

  test('the complete CRL alone: no revocation counts as published', async () => {
    const { id, record } = await revoked();
    const injection = runtime.s3.inject(putOf('crl/complete.pem'), s3Error('InternalError', 500));
    expect(await deliver('publish-crls', [record])).toEqual([record.dynamodb?.SequenceNumber]);
    injection.remove();
    expect(await registry.crlEffect(id)).toBeUndefined();
  });

  test('an answer of S3’s that is lost is no failure: what was to be there is there', async () => {
    const { id, serialNumber, record } = await revoked();
    for (const path of [shardPath(shardOf(id)), 'crl/complete.crl', 'crl/complete.pem']) runtime.s3.inject(putOf(path), answerLost, { times: 1 });
    expect(await deliver('publish-crls', [record])).toEqual([]);
    const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
    expect([shard, complete].map(({ entries }) => entries.has(serialNumber))).toEqual([true, true]);
    const pem = await runtime.call('GET', '/crl', { key: null });
    expect(pem.headers.get('x-crl-generated-at')).toBe(complete.thisUpdate.toISOString());
  });

  test('S3 while it is down: the stream delivers again, and the revocation is out once it is up', async () => {
    const { body } = await runtime.certify(await runtime.newAgent());
    const { id, serial_number } = body.data;
    await runtime.s3.down();
    await runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } });
    await sleep(3_000);
    expect((await crlsOf(runtime.distributionUrl, id)).complete.entries.has(serial_number)).toBe(false);
    expect((await runtime.verify(serial_number)).body.data.status).toBe('revoked');
    await runtime.s3.up();
    await runtime.idle();
    const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
    expect([shard, complete].map(({ entries }) => entries.has(serial_number))).toEqual([true, true]);
    expect(runtime.deadLetters).toEqual([]);
  });
});
