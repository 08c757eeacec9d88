import { buildAgentCertificate, certificateToPem, describeCertificate, pemToDer } from '../pki/certificate.ts';
import { lintAgentCertificate } from '../pki/lint.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import { crlShardOf } from '../pki/serial-number.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import type { Agent, Lease } from './agent.ts';
import type { Certificate, CertifiedProfile } from './certificate.ts';
import type { Authority, KeyManagement } from './ports.ts';
import { signCertificate } from './sign-certificate.ts';

export interface AgentCertificateServices {
  readonly keys: Pick<KeyManagement, 'signDigest'>;
  readonly settings: ProfileSettings;
  /** Of how many CRLs each new certificate gets one. */
  readonly crlShardCount: number;
}

/**
 * Builds the certificate that the lease is for, checks it as a stranger would, has its digest signed, and checks the
 * signature.
 * @param publicKey the agent's, a SubjectPublicKeyInfo in DER
 * @returns the certificate in DER
 * @throws Error where the profile refuses it or the signature does not verify; Refusal KMS_…
 */
export async function signAgentCertificate({ keys, settings, crlShardCount }: AgentCertificateServices, authority: Authority, agent: Agent, lease: Lease, publicKey: Uint8Array): Promise<Uint8Array> {
  const issuerCertificateDer = pemToDer(authority.certificatePem);
  const crlShard = crlShardOf(lease.id, crlShardCount, authority.generation);
  const parameters = { agent, certificateId: lease.id, subjectPublicKeyInfoDer: publicKey, issuerCertificateDer, settings, crlShard };
  return signCertificate(keys, { keyArn: authority.keyArn, publicKey: subjectPublicKeyInfoOf(issuerCertificateDer) }, {
    holder: 'agent',
    unsigned: buildAgentCertificate({ ...parameters, notBefore: new Date(lease.acquiredAt) }),
    lint: (tbsCertificateDer) => lintAgentCertificate({ ...parameters, tbsCertificateDer }),
  });
}

/** The record of a certificate that was signed, active, with what the agent was at that moment. */
export function agentCertificateRecord({ crlShardCount }: AgentCertificateServices, { generation }: Authority, agent: Agent, lease: Lease, key: Pick<Certificate, 'keyArn' | 'granteePrincipalArn' | 'grantId'>, certificateDer: Uint8Array): Certificate {
  const { issuer, notBefore, notAfter } = describeCertificate(certificateDer);
  const { name, modelHash, model, version, operatorOrg, permittedActions, financialScope } = agent;
  return {
    id: lease.id,
    agentId: agent.id,
    tenantId: agent.tenantId,
    certificatePem: certificateToPem(certificateDer),
    ...key,
    status: 'active',
    issuedAt: notBefore.toISOString(),
    expiresAt: new Date(notAfter.getTime() + 1000).toISOString(),
    createdAt: lease.acquiredAt,
    issuer,
    crlShard: crlShardOf(lease.id, crlShardCount, generation),
    certified: {
      name, modelHash, permittedActions,
      ...(model !== undefined && { model }),
      ...(version !== undefined && { version }),
      ...(operatorOrg !== undefined && { operatorOrg }),
      ...(financialScope !== undefined && { financialScope }),
    } satisfies CertifiedProfile,
  };
}
