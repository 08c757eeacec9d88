import { buildIssuingCertificate, buildRootCertificate, certificateToPem, describeCertificate, pemToDer } from '../pki/certificate.ts';
import { rootCrlUrl } from '../pki/distribution-urls.ts';
import { lintAuthorityCertificate } from '../pki/lint.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import type { Authority, AuthorityRole, Registry } from './ports.ts';
import { certificateRequest, type CertifyingServices, type Organization, signCertificate } from './sign-certificate.ts';

export interface MintingServices extends CertifyingServices {
  readonly registry: Pick<Registry, 'getAuthority' | 'createAuthorities'>;
}

export interface AuthorityPlan extends Organization {
  readonly rootKeyArn: string;
  readonly issuingKeyArn: string;
}

interface Authorities {
  readonly issuing: Authority;
  readonly root: Authority;
}

/**
 * Mints the root and the issuing certificate, once: where the registry has them, they are answered as they are, whatever
 * the plan says now, because every certificate issued so far depends on them.
 * @throws Error where the plan's keys, or the URL that CRLs are found below, are not those that they were minted for.
 * @returns the issuing and the root authority.
 */
export async function mintAuthority(services: MintingServices, plan: AuthorityPlan): Promise<Authorities & { minted: boolean }> {
  const { registry, settings } = services;
  const existing = await readAuthorities(registry);
  if (existing !== undefined) {
    assertMintedFor(existing, plan, settings);
    return { ...existing, minted: false };
  }
  const authorities = await signAuthorities(services, plan);
  if (await registry.createAuthorities([authorities.root, authorities.issuing])) return { ...authorities, minted: true };
  const others = await readAuthorities(registry);
  if (others === undefined) throw new Error('The authorities could be neither stored nor read; run the deployment again.');
  return { ...others, minted: false };
}

async function readAuthorities(registry: MintingServices['registry']): Promise<Authorities | undefined> {
  const [issuing, root] = await Promise.all([registry.getAuthority('issuing'), registry.getAuthority('root')]);
  return issuing && root && { issuing, root };
}

function assertMintedFor({ issuing, root }: Authorities, plan: AuthorityPlan, { distributionUrl }: ProfileSettings): void {
  for (const [{ role, keyArn }, plannedKeyArn] of [[root, plan.rootKeyArn], [issuing, plan.issuingKeyArn]] as const) {
    if (keyArn !== plannedKeyArn) {
      throw new Error(`The ${role} certificate was minted for the key ${keyArn}, and this deployment has ${plannedKeyArn}: bring the old key back, for nothing else can sign in its name.`);
    }
  }
  const mintedUrls = describeCertificate(pemToDer(issuing.certificatePem)).crlDistributionPoints;
  const plannedUrls = distributionUrl === undefined ? [] : [rootCrlUrl(distributionUrl)];
  if (mintedUrls.join() !== plannedUrls.join()) {
    throw new Error(`The issuing certificate says that its CRL is at ${mintedUrls.join() || 'no URL'}, and this deployment would have it at ${plannedUrls.join() || 'no URL'}: keep the URL, for every certificate names it.`);
  }
}

/** Both are signed by the root. */
async function signAuthorities(services: MintingServices, plan: AuthorityPlan): Promise<Authorities> {
  const { keys, clock } = services;
  const notBefore = clock();
  const rootRequest = await certificateRequest(services, plan, { name: 'Agent Root CA', keyArn: plan.rootKeyArn, notBefore });
  const signer = { keyArn: plan.rootKeyArn, publicKey: rootRequest.subjectPublicKeyInfoDer };
  const rootCertificateDer = await signCertificate(keys, signer, {
    holder: 'root CA',
    unsigned: buildRootCertificate(rootRequest),
    lint: (tbsCertificateDer) => lintAuthorityCertificate({ ...rootRequest, tbsCertificateDer }),
  });
  const issuingRequest = await certificateRequest(services, plan, { name: 'Agent Issuing CA 1', keyArn: plan.issuingKeyArn, notBefore });
  const issuingCertificateDer = await signCertificate(keys, signer, {
    holder: 'issuing CA',
    unsigned: buildIssuingCertificate({ ...issuingRequest, rootCertificateDer }),
    lint: (tbsCertificateDer) => lintAuthorityCertificate({ ...issuingRequest, issuerCertificateDer: rootCertificateDer, tbsCertificateDer }),
  });
  const minted = (role: AuthorityRole, keyArn: string, certificateDer: Uint8Array): Authority => ({
    role, keyArn, certificatePem: certificateToPem(certificateDer), createdAt: notBefore.toISOString(),
  });
  return { root: minted('root', plan.rootKeyArn, rootCertificateDer), issuing: minted('issuing', plan.issuingKeyArn, issuingCertificateDer) };
}
