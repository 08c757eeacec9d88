import { generateKeyPairSync } from 'node:crypto';
import { buildAgentCertificate, certificateToPem, describeCertificate } from '../lambdas/pki/certificate.ts';
import { lintAgentCertificate } from '../lambdas/pki/lint.ts';
import { RSA_BITS } from '../lambdas/pki/profile.ts';
import { verifyCertificateSignature } from '../lambdas/pki/signature.ts';
import { benchAuthority, settings, signedBy, spki, type BenchAuthority } from './harness/authority.ts';
import type { Bench } from './harness/bench.ts';
import { processorTimeReport } from './harness/processor-time.ts';

const targetMilliseconds = 3;

/** The processor time a certificate costs this process: everything but what KMS does. */
export const build: Bench = {
  summary: 'processor time of building one certificate, KMS excluded',
  run: (context) => {
    const notBefore = new Date();
    const authority = benchAuthority(notBefore);
    const { request, lint } = certification(authority, notBefore);
    const unsigned = buildAgentCertificate(request);
    // The bytes signed are the same every time, and so is the signature; KMS makes it in earnest.
    const signature = signedBy(authority.key.privateKey, unsigned);
    const certificateDer = unsigned.withSignature(signature);
    const issuerPublicKey = spki(authority.key.publicKey);

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
    return Promise.resolve([processorTimeReport('Processor time of one certificate, warm', steps, { step: 'build, lint, assemble', milliseconds: targetMilliseconds }, context)]);
  },
};

/** An agent with everything a certificate can say. */
function certification({ certificateDer }: BenchAuthority, notBefore: Date) {
  const parameters = {
    agent: {
      id: '5f0c1f0e-3a51-4c55-9f8e-0d7f3bb0a001', tenantId: '0d9c5d1c-51b2-4b9a-8a0f-4f3f3d2a7b10', name: 'Bench agent', operatorOrg: 'Bench Ltd', model: 'bench', modelHash: 'sha256:9f86d081',
      permittedActions: ['market_data.read', 'order.place', 'order.cancel'], financialScope: { max_single_trade_usd: 10_000, permitted_venues: ['XNAS', 'XNYS'] },
    },
    certificateId: '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
    subjectPublicKeyInfoDer: spki(generateKeyPairSync('rsa', { modulusLength: RSA_BITS.agent }).publicKey),
    issuerCertificateDer: certificateDer,
    settings,
    crlShard: 0,
  };
  return { request: { ...parameters, notBefore }, lint: (tbsCertificateDer: Uint8Array) => lintAgentCertificate({ ...parameters, tbsCertificateDer }) };
}
