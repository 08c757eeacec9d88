import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { parseCrl } from '../../lambdas/pki/crl.ts';
import { describeCertificate, pemToDer } from '../../lambdas/pki/certificate.ts';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { download } from '../support/distribution.ts';
import { openAftermath, type Aftermath } from '../support/faults-aftermath.ts';
import { keyPool } from '../support/key-pool.ts';
import { runClientWithFiles } from '../support/openssl.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// How long after the answer to a revocation everybody sees it, and the key is of no use. Whoever reads the registry itself,
// strongly consistently, sees it at once: the first question must be answered right. What follows from the stream has 5 s.

const boundMilliseconds = 5000;
const rounds = 5;

let runtime: TestRuntime;
let aftermath: Aftermath;
let issuing: string;
let root: string;
const measured: Record<string, number[]> = {};

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  aftermath = openAftermath(runtime);
  ({ issuing, root } = await authorityPems(runtime.call));
}, 60_000);
afterAll(async () => {
  aftermath.close();
  await runtime.stop();
  const table = Object.entries(measured).map(([view, milliseconds]) => `  ${view.padEnd(22)}  ${milliseconds.map((one) => one.toFixed(0).padStart(5)).join(' ')}\n`);
  process.stdout.write(`Milliseconds from the answer to a revocation, each with the time of the look itself:\n${table.join('')}`);
});

test.each(Array.from({ length: rounds }, (_, round) => round + 1))('A revocation is seen by verify and OCSP at once, on the CRL and by KMS within 5 s (%i)', async () => {
  const { certificate } = await certifiedAgent(runtime.call);
  const { serial_number: serialNumber, certificate_pem: pem, kms_key_arn: keyArn } = certificate;
  const [crlUrl = ''] = describeCertificate(pemToDer(pem)).crlDistributionPoints;
  const ocsp = () => runClientWithFiles('openssl', ['ocsp', '-issuer', 'issuing', '-CAfile', 'root', '-cert', 'leaf', '-url', `${runtime.distributionUrl}/ocsp`, '-no_proxy', '127.0.0.1'], { issuing, root, leaf: pem });
  // At a quiet moment, when streams are read most seldom.
  await runtime.idle();
  await aftermath.sign(keyArn);

  await revoke(runtime.call, certificate.id, { body: { reason: 'Test', reason_code: 'keyCompromise' } });
  const answeredAt = performance.now();
  const note = (view: string) => {
    const milliseconds = performance.now() - answeredAt;
    (measured[view] ??= []).push(milliseconds);
    return milliseconds;
  };
  const withinBound = async (view: string, isSo: () => Promise<boolean>) => {
    while (!(await isSo())) {
      if (performance.now() - answeredAt > boundMilliseconds) throw new Error(`${view}: not after ${boundMilliseconds} ms.`);
      await delay(20);
    }
    note(view);
  };

  await Promise.all([
    (async () => {
      const { body } = await runtime.call('GET', `/verify/${serialNumber}`, { key: null });
      note('verify');
      expect(body.data).toMatchObject({ status: 'revoked', valid: false });
    })(),
    (async () => {
      const { stdout, stderr } = await ocsp();
      note('OCSP, by openssl');
      expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^leaf: revoked\n[^]*Reason: keyCompromise\n/), stderr: 'Response verify OK\n' });
    })(),
    withinBound('CRL', async () => [...parseCrl(await download(crlUrl)).revokedCertificates()].some((entry) => entry.serialNumber === serialNumber)),
    withinBound('key unusable', () => aftermath.sign(keyArn).then(() => false, (error: Error) => {
      expect(error.name).toBe('KMSInvalidStateException');
      return true;
    })),
  ]);
});
