import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { certifiedAgent, dataOf, revoke } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { movedClock, type MovedClock } from '../support/clock.ts';
import { opensslVerdicts } from '../support/crl-verifiers.ts';
import { crlPems, download, downloadCrls } from '../support/distribution.ts';
import { keyPool } from '../support/key-pool.ts';
import { openssl, runClientWithFiles } from '../support/openssl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// The service over the turn of the year 2050, with which UTCTime ends and GeneralizedTime begins (RFC 5280 §4.1.2.5).

let clock: MovedClock;
let runtime: TestRuntime;
let issuing: string;
let root: string;
let leaves: Record<'active' | 'early' | 'late', string>;
let complete: Uint8Array;

beforeAll(async () => {
  clock = movedClock();
  clock.moveTo('2049-12-31T20:00:00Z');
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() }, automaticSchedules: false });
  ({ issuing, root } = await authorityPems(runtime.call));

  clock.stopAt('2049-12-31T23:59:59.999Z');
  const [active, early, late] = await Promise.all([certifiedAgent(runtime.call), certifiedAgent(runtime.call), certifiedAgent(runtime.call)]);
  leaves = { active: active.certificate.certificate_pem, early: early.certificate.certificate_pem, late: late.certificate.certificate_pem };
  expect(dataOf(await runtime.call('GET', `/verify/${early.certificate.serial_number}`), 200)).toMatchObject({ status: 'active', expires_at: '2050-12-31T23:59:59Z' });
  await revoke(runtime.call, early.certificate.id);
  clock.stopAt('2050-01-01T00:00:00.000Z');
  const { revoked_at: revokedAt } = await revoke(runtime.call, late.certificate.id);
  expect(revokedAt).toBe('2050-01-01T00:00:00Z');
  await runtime.idle();
  complete = await download(`${runtime.distributionUrl}/crl/complete.crl`);
}, 60_000);
afterAll(async () => {
  clock.restore();
  await runtime.stop();
});

const epochSeconds = (time: string) => Date.parse(time) / 1000;
const timesIn = (der: Uint8Array) => {
  const { stdout } = openssl(['asn1parse', '-inform', 'DER', '-in', 'der'], { der });
  return [...stdout.matchAll(/(UTCTIME|GENERALIZEDTIME) +:(\w+)/g)].map(([, type, time]) => `${type} ${time}`);
};

test('A certificate begins in UTCTime and ends in GeneralizedTime', () => {
  const certificate = new X509Certificate(leaves.active);
  expect(timesIn(certificate.raw)).toEqual(['UTCTIME 491231235959Z', 'GENERALIZEDTIME 20501231235958Z']);
  expect([certificate.validFrom, certificate.validTo]).toEqual(['Dec 31 23:59:59 2049 GMT', 'Dec 31 23:59:58 2050 GMT']);
});

test('A CRL has each time in the type of its year', () => {
  expect(timesIn(complete)).toEqual(expect.arrayContaining(['UTCTIME 491231235959Z', 'GENERALIZEDTIME 20500101000000Z']));
  const { stdout } = openssl(['crl', '-inform', 'DER', '-in', 'crl', '-noout', '-text'], { crl: complete });
  expect([...stdout.matchAll(/Revocation Date: (.*)/g)].map(([, date]) => date).sort()).toEqual(['Dec 31 23:59:59 2049 GMT', 'Jan  1 00:00:00 2050 GMT']);
  expect(stdout).toMatch(/Last Update: (Dec 31 23:59:59 2049|Jan {2}1 00:00:00 2050) GMT/);
  expect(stdout).toMatch(/Next Update: Jan {2}2 0[01]:\d\d:\d\d 2050 GMT/);
});

test('openssl tells active from revoked in 2050, by the CRLs that the certificates name and by the complete one', async () => {
  const named = [...(await downloadCrls([...Object.values(leaves), issuing])).values()];
  const rootCrl = await download(`${runtime.distributionUrl}/crl/root.crl`);
  for (const crls of [named, [complete, rootCrl]]) {
    expect(opensslVerdicts(leaves, { root, issuing, crls: crlPems(crls) }, ['-attime', String(epochSeconds('2050-01-01T12:00:00Z'))])).toEqual({
      active: 'OK', early: 'certificate revoked', late: 'certificate revoked',
    });
  }
});

test('OCSP gives the times of both years', async () => {
  // openssl compares with the machine's clock; half a century of tolerance lets it pass.
  const judgement = ['-attime', String(epochSeconds('2050-01-01T00:00:00Z')), '-validity_period', String(50 * 31_536_000)];
  const command = ['ocsp', '-issuer', 'issuing', '-CAfile', 'root', '-url', `${runtime.distributionUrl}/ocsp`, '-no_proxy', '127.0.0.1', ...judgement, ...['active', 'early', 'late'].flatMap((leaf) => ['-cert', leaf])];
  const { stdout, stderr } = await runClientWithFiles('openssl', command, { ...leaves, issuing, root });
  expect(stderr).toBe('Response verify OK\n');
  expect([...stdout.matchAll(/^(\w+): (\w+)$/gm)].map(([, leaf, status]) => [leaf, status])).toEqual([['active', 'good'], ['early', 'revoked'], ['late', 'revoked']]);
  expect([...stdout.matchAll(/Revocation Time: (.*)/g)].map(([, time]) => time)).toEqual(['Dec 31 23:59:59 2049 GMT', 'Jan  1 00:00:00 2050 GMT']);
});
