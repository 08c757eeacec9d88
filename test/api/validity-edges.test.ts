import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certify, dataOf, registerAgent, revoke } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { movedClock, type MovedClock } from '../support/clock.ts';
import { opensslVerdicts } from '../support/crl-verifiers.ts';
import { crlPems, download, downloadCrls } from '../support/distribution.ts';
import { openAftermath, type Aftermath } from '../support/faults-aftermath.ts';
import { keyPool } from '../support/key-pool.ts';
import { publishedCrl } from '../support/published-crl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// The service at the edges of what it issues: its clock is moved, and stands still where a second counts.

let clock: MovedClock;
let runtime: TestRuntime;
let aftermath: Aftermath;
let issuing: string;
let root: string;

beforeAll(async () => {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
  clock = movedClock();
  clock.moveTo('2027-02-28T00:00:00Z');
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() }, automaticSchedules: false });
  aftermath = openAftermath(runtime);
  ({ issuing, root } = await authorityPems(runtime.call));
}, 60_000);
afterAll(async () => {
  clock.restore();
  aftermath.close();
  await runtime.stop();
});

/** What the clock's functions do in the course of time. */
async function time(passed: string): Promise<void> {
  clock.moveTo(passed);
  for (const name of ['mint-authority', 'expire-certificates', 'refresh-crls'] as const) await runtime.runSchedule(name);
  await runtime.idle();
}

const seconds = (instant: string | Date) => new Date(instant).getTime() / 1000;
const status = async (serialNumber: string) => {
  const { status: certificateStatus, valid } = dataOf(await runtime.call('GET', `/verify/${serialNumber}`, { key: null }), 200);
  return [certificateStatus, valid];
};
const validity = (pem: string) => {
  const { validFrom, validTo } = new X509Certificate(pem);
  return [validFrom, validTo].map((instant) => new Date(instant).toISOString());
};
/** What openssl says of a certificate at a time, with the CRLs that are out. */
async function verdict(pem: string, attime: number): Promise<string> {
  const crls = crlPems((await downloadCrls([pem, issuing])).values());
  return opensslVerdicts({ leaf: pem }, { root, issuing, crls }, ['-attime', String(attime)])['leaf'] ?? 'no verdict';
}

describe('a certificate that ends on a leap day', () => {
  const issuedAt = '2027-03-01T12:00:00.000Z';
  const lastInstant = '2028-02-29T11:59:59.999Z';
  const firstInstantAfter = '2028-02-29T12:00:00.000Z';
  let agentId: string;
  let first: { serial_number: string; id: string; certificate_pem: string; kms_key_arn: string };

  beforeAll(async () => {
    clock.stopAt(issuedAt);
    ({ id: agentId } = await registerAgent(runtime.call));
    first = await certify(runtime.call, agentId);
  });

  test('is valid for 365 days from the second of its issuance', () => {
    expect(first).toMatchObject({ issued_at: '2027-03-01T12:00:00Z' });
    expect(validity(first.certificate_pem)).toEqual(['2027-03-01T12:00:00.000Z', '2028-02-29T11:59:59.000Z']);
  });

  test('holds throughout its last second, for openssl until then, and keeps its agent from being certified again', async () => {
    await time('2028-02-29T11:00:00Z');
    clock.stopAt(lastInstant);
    expect(await status(first.serial_number)).toEqual(['active', true]);
    expect(await verdict(first.certificate_pem, seconds('2028-02-29T11:59:58Z'))).toBe('OK');
    expect((await runtime.call('POST', `/agents/${agentId}/certify`)).body).toMatchObject({ code: 'ACTIVE_CERTIFICATE_EXISTS' });
  });

  test('has expired in the first second after that, and cannot be revoked any more', async () => {
    clock.stopAt(firstInstantAfter);
    expect(await status(first.serial_number)).toEqual(['expired', false]);
    expect(await verdict(first.certificate_pem, seconds(firstInstantAfter))).toBe('certificate has expired');
    expect((await runtime.call('POST', `/certificates/${first.id}/revoke`, { body: { reason: 'too late' } })).body).toMatchObject({ code: 'CERTIFICATE_EXPIRED' });
  });

  test('is followed by one issued on that leap day', async () => {
    const second = await certify(runtime.call, agentId);
    expect(validity(second.certificate_pem)).toEqual(['2028-02-29T12:00:00.000Z', '2029-02-28T11:59:59.000Z']);
    expect(await verdict(second.certificate_pem, seconds('2028-02-29T12:00:00Z'))).toBe('OK');
    expect(await status(second.serial_number)).toEqual(['active', true]);
    expect(await status(first.serial_number)).toEqual(['expired', false]);
  });

  test('takes its key with it', async () => {
    await aftermath.sign(first.kms_key_arn);
    await time('2028-02-29T12:00:01Z');
    await expect(aftermath.sign(first.kms_key_arn)).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
  });
});

describe('a CRL', () => {
  const completeUrl = () => `${runtime.distributionUrl}/crl/complete.crl`;

  test('holds until its nextUpdate, by which another is out', async () => {
    await time('2028-05-01T00:00:00Z');
    const { id } = await registerAgent(runtime.call);
    const { certificate_pem: pem } = await certify(runtime.call, id);
    const [before, crls] = [await publishedCrl(completeUrl()), crlPems([await download(completeUrl()), await download(`${runtime.distributionUrl}/crl/root.crl`)])];
    const judged = (attime: number) => opensslVerdicts({ leaf: pem }, { root, issuing, crls }, ['-attime', String(attime)])['leaf'];
    expect(seconds(before.nextUpdate) - seconds(before.thisUpdate)).toBe(25 * 3600);
    expect(judged(seconds(before.nextUpdate) - 1)).toBe('OK');
    expect(judged(seconds(before.nextUpdate) + 1)).toBe('CRL has expired');

    // Of 24 hourly publications any one will do.
    await time('2028-05-02T00:00:00Z');
    const after = await publishedCrl(completeUrl());
    expect(after.crlNumber).toBeGreaterThan(before.crlNumber);
    expect(seconds(after.thisUpdate)).toBeLessThan(seconds(before.nextUpdate));
    expect(await verdict(pem, seconds(before.nextUpdate) + 1)).toBe('OK');
  });

  test('lists a certificate once more after its end, and then no more', async () => {
    clock.stopAt('2028-05-02T00:00:00.000Z');
    const { id: agentId } = await registerAgent(runtime.call);
    const { id, serial_number: serialNumber } = await certify(runtime.call, agentId);
    await revoke(runtime.call, id);
    await runtime.idle();
    const isListed = async () => (await publishedCrl(completeUrl())).entries.has(serialNumber);
    expect(await isListed()).toBe(true);

    await time('2029-05-01T23:00:00Z'); // An hour before its end.
    expect(await isListed()).toBe(true);
    await time('2029-05-02T20:00:00Z');
    expect(await isListed()).toBe(true);
    await time('2029-05-03T17:00:00Z');
    expect(await isListed()).toBe(false);
    expect(await status(serialNumber)).toEqual(['revoked', false]);
  });
});
