import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  type AgentCertificateRequest, buildAgentCertificate, buildIssuingCertificate, buildRootCertificate, type CertifiedAgent, type UnsignedCertificate,
} from '../../lambdas/pki/certificate.ts';
import { DEFAULT_PRIVATE_ARC, type ProfileSettings } from '../../lambdas/pki/profile.ts';

export interface TestKey {
  readonly privateKey: KeyObject;
  readonly subjectPublicKeyInfoDer: Uint8Array;
}

export function rsaKey(modulusLength: number, publicExponent = 65537): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent });
  return { privateKey, subjectPublicKeyInfoDer: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })) };
}

/** Signs as KMS would: the signature over what the digest is of. */
export function signed(unsigned: UnsignedCertificate, signer: TestKey): Uint8Array {
  return unsigned.withSignature(sign('sha256', unsigned.tbsCertificateDer, signer.privateKey));
}

export const settings: ProfileSettings = { privateArc: DEFAULT_PRIVATE_ARC };
export const distributed: ProfileSettings = {
  ...settings,
  policyOid: '1.3.6.1.4.1.61411.2.1',
  distributionUrl: 'http://pki.example.com/kakunin',
};

export const agent: CertifiedAgent = {
  id: '5f0c1f0e-3a51-4c55-9f8e-0d7f3bb0a001',
  tenantId: '0d9c5d1c-51b2-4b9a-8a0f-4f3f3d2a7b10',
  name: 'Trader',
  operatorOrg: 'Müller & Söhne, Inc.',
  model: 'claude',
  modelHash: 'sha256:9f86d081',
  permittedActions: ['trade', '承認'],
  financialScope: { max_single_trade_usd: 1000.5, daily_limit_usd: 1e21, permitted_venues: ['NYSE'] },
};

export const certificateId = '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
export const rootName = { country: 'JP', organization: 'Kakunin', commonName: 'Kakunin Root CA' };
export const issuingName = { country: 'JP', organization: 'Kakunin', commonName: 'Kakunin Issuing CA' };
export const rootSerialNumber = '01'.repeat(16);
export const issuingSerialNumber = '7F'.repeat(16);
export const notBefore = new Date('2026-03-01T12:34:56.789Z');

export interface TestAuthority {
  readonly rootKey: TestKey;
  readonly rootCertificateDer: Uint8Array;
  readonly issuingKey: TestKey;
  readonly issuingCertificateDer: Uint8Array;
}

/** A root and an issuing CA with keys of the profile's sizes: a second or two, so once for each test file. */
export function testAuthority(caSettings: ProfileSettings = settings, caNotBefore = notBefore, keys = { root: rsaKey(4096), issuing: rsaKey(3072) }): TestAuthority {
  const rootKey = keys.root;
  const issuingKey = keys.issuing;
  const common = { notBefore: caNotBefore, settings: caSettings };
  const root = buildRootCertificate({
    ...common, subject: rootName, subjectPublicKeyInfoDer: rootKey.subjectPublicKeyInfoDer, serialNumber: rootSerialNumber,
  });
  const rootCertificateDer = signed(root, rootKey);
  const issuing = buildIssuingCertificate({
    ...common, subject: issuingName, subjectPublicKeyInfoDer: issuingKey.subjectPublicKeyInfoDer, serialNumber: issuingSerialNumber, rootCertificateDer,
  });
  return { rootKey, rootCertificateDer, issuingKey, issuingCertificateDer: signed(issuing, rootKey) };
}

/** The agent's certificate, unsigned, with whatever the test wants otherwise. */
export function agentCertificate(authority: TestAuthority, key: TestKey, changes: Partial<AgentCertificateRequest> = {}): UnsignedCertificate {
  return buildAgentCertificate({
    agent, certificateId, notBefore, settings,
    subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer,
    issuerCertificateDer: authority.issuingCertificateDer,
    ...changes,
  });
}
