import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { buildAgentCertificate, buildRootCertificate, certificateToPem, describeCertificate } from '../lambdas/pki/certificate.ts';
import { lintAgentCertificate } from '../lambdas/pki/lint.ts';
import { DEFAULT_PRIVATE_ARC, RSA_BITS, validateProfileSettings } from '../lambdas/pki/profile.ts';
import { verifyCertificateSignature } from '../lambdas/pki/signature.ts';
import type { Bench } from './harness/bench.ts';
import { median, rounded } from './harness/statistics.ts';

const targetMilliseconds = 3;
const warmUpIterations = 400;
const batchIterations = 20;

/** The processor time a certificate costs this process: everything but what KMS does. */
export const build: Bench = {
  summary: 'processor time of building one certificate, KMS excluded',
  run: ({ seconds, signal }) => {
    const issuerKey = generateKeyPairSync('rsa', { modulusLength: RSA_BITS.issuing });
    const { request, lint } = certification(issuerKey);
    const unsigned = buildAgentCertificate(request);
    // The bytes signed are the same every time, and so is the signature; KMS makes it in earnest.
    const signature = sign('sha256', unsigned.tbsCertificateDer, issuerKey.privateKey);
    const certificateDer = unsigned.withSignature(signature);
    const issuerPublicKey = spki(issuerKey.publicKey);

    const steps: Readonly<Record<string, () => unknown>> = {
      build: () => buildAgentCertificate(request),
      lint: () => lint(unsigned.tbsCertificateDer),
      'assemble with signature': () => unsigned.withSignature(signature),
      'build, lint, assemble': () => {
        const built = buildAgentCertificate(request);
        if (lint(built.tbsCertificateDer).length > 0) throw new Error('The profile refuses the certificate the bench builds.');
        return built.withSignature(signature);
      },
      'verify signature': () => {
        if (!verifyCertificateSignature(certificateDer, issuerPublicKey)) throw new Error('The signature of the certificate the bench builds does not verify.');
      },
      'describe and write PEM': () => [describeCertificate(certificateDer), certificateToPem(certificateDer)],
    };
    const rows = Object.entries(steps).map(([step, act]) => {
      signal.throwIfAborted();
      const batches = cpuMillisecondsOf(act, seconds / Object.keys(steps).length);
      const cpuMilliseconds = median(batches);
      const target = step === 'build, lint, assemble' ? `< ${targetMilliseconds}: ${cpuMilliseconds < targetMilliseconds ? 'met' : 'missed'}` : '';
      return { step, measured: batches.length * batchIterations, cpu_ms: rounded(cpuMilliseconds), least_ms: rounded(Math.min(...batches)), target_ms: target };
    });
    return Promise.resolve([{ title: 'Processor time of one certificate, warm', rows, remarks: [`User and system time of the whole process, garbage collection included: the median and the least of batches of ${batchIterations}.`] }]);
  },
};

/** An agent with everything a certificate can say, and an authority of its own. */
function certification(issuerKey: { publicKey: KeyObject; privateKey: KeyObject }) {
  const notBefore = new Date();
  const settings = validateProfileSettings({ privateArc: DEFAULT_PRIVATE_ARC, policyOid: '1.3.6.1.4.1.61411.2.1', distributionUrl: 'http://pki.example.com/kakunin' });
  const root = buildRootCertificate({
    subject: { organization: 'Bench', commonName: 'Bench CA' }, subjectPublicKeyInfoDer: spki(issuerKey.publicKey), serialNumber: '01'.repeat(16), notBefore, settings,
  });
  const parameters = {
    agent: {
      id: '5f0c1f0e-3a51-4c55-9f8e-0d7f3bb0a001', tenantId: '0d9c5d1c-51b2-4b9a-8a0f-4f3f3d2a7b10', name: 'Bench agent', operatorOrg: 'Bench Ltd', model: 'bench', modelHash: 'sha256:9f86d081',
      permittedActions: ['market_data.read', 'order.place', 'order.cancel'], financialScope: { max_single_trade_usd: 10_000, permitted_venues: ['XNAS', 'XNYS'] },
    },
    certificateId: '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
    subjectPublicKeyInfoDer: spki(generateKeyPairSync('rsa', { modulusLength: RSA_BITS.agent }).publicKey),
    issuerCertificateDer: root.withSignature(sign('sha256', root.tbsCertificateDer, issuerKey.privateKey)),
    settings,
    crlShard: 0,
  };
  return { request: { ...parameters, notBefore }, lint: (tbsCertificateDer: Uint8Array) => lintAgentCertificate({ ...parameters, tbsCertificateDer }) };
}

const spki = (key: KeyObject) => Uint8Array.from(key.export({ type: 'spki', format: 'der' }));

/** Processor time of one call, batch by batch for as many as fit in the time. */
function cpuMillisecondsOf(act: () => unknown, seconds: number): number[] {
  for (let iteration = 0; iteration < warmUpIterations; iteration++) act();
  const batches: number[] = [];
  const startedAt = performance.now();
  while (batches.length === 0 || performance.now() - startedAt < seconds * 1000) {
    const before = process.cpuUsage();
    for (let iteration = 0; iteration < batchIterations; iteration++) act();
    const { user, system } = process.cpuUsage(before);
    batches.push((user + system) / 1000 / batchIterations);
  }
  return batches;
}
