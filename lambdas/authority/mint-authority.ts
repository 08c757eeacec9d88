import { buildIssuingCertificate, buildRootCertificate, certificateToPem, describeCertificate, pemToDer, type UnsignedCertificate } from '../pki/certificate.ts';
import type { DistinguishedName } from '../pki/distinguished-name.ts';
import { rootCrlUrl } from '../pki/distribution-urls.ts';
import { lintAuthorityCertificate } from '../pki/lint.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import { serialNumberFromRandom } from '../pki/serial-number.ts';
import { verifyCertificateSignature } from '../pki/signature.ts';
import type { Authority, KeyManagement, Registry } from './ports.ts';

export interface MintingServices {
  readonly registry: Pick<Registry, 'getAuthority' | 'createAuthorities'>;
  readonly keys: Pick<KeyManagement, 'getPublicKey' | 'signDigest'>;
  readonly settings: ProfileSettings;
  readonly clock: () => Date;
  readonly random: (byteCount: number) => Uint8Array;
}

export interface AuthorityPlan {
  readonly organization: string;
  readonly country?: string;
  readonly rootKeyArn: string;
  readonly issuingKeyArn: string;
}

/**
 * Mints the root and the issuing certificate, once: where the registry has them, they are answered as they are, whatever
 * the plan says now, because every certificate issued so far depends on them.
 * @throws Error where the plan's keys, or the URL that CRLs are found below, are not those that they were minted for.
 * @returns the issuing and the root authority.
 */
export async function mintAuthority(services: MintingServices, plan: AuthorityPlan): Promise<{ issuing: Authority; root: Authority; minted: boolean }> {
  const { settings } = services;
  const existing = await readAuthorities(services.registry);
  if (existing !== undefined) {
    for (const [{ role, keyArn }, plannedKeyArn] of [[existing.root, plan.rootKeyArn], [existing.issuing, plan.issuingKeyArn]] as const) {
      if (keyArn !== plannedKeyArn) {
        throw new Error(`The ${role} certificate was minted for the key ${keyArn}, and this deployment has ${plannedKeyArn}: bring the old key back, for nothing else can sign in its name.`);
      }
    }
    const mintedUrls = describeCertificate(pemToDer(existing.issuing.certificatePem)).crlDistributionPoints;
    const plannedUrls = settings.distributionUrl === undefined ? [] : [rootCrlUrl(settings.distributionUrl)];
    if (mintedUrls.join() !== plannedUrls.join()) {
      throw new Error(`The issuing certificate says that its CRL is at ${mintedUrls.join() || 'no URL'}, and this deployment would have it at ${plannedUrls.join() || 'no URL'}: keep the URL, for every certificate names it.`);
    }
    return { ...existing, minted: false };
  }
  const { keys, clock, random } = services;
  const notBefore = clock();
  const named = (commonName: string): DistinguishedName => ({
    organization: plan.organization,
    commonName,
    ...(plan.country !== undefined && { country: plan.country }),
  });
  const rootPublicKey = await keys.getPublicKey(plan.rootKeyArn);
  const signedByRoot = async (unsigned: UnsignedCertificate, findings: readonly string[]) => {
    if (findings.length > 0) throw new Error(`The certificate to be signed violates the profile: ${findings.join('; ')}`);
    const certificateDer = unsigned.withSignature(await keys.signDigest(plan.rootKeyArn, unsigned.digest));
    if (!verifyCertificateSignature(certificateDer, rootPublicKey)) throw new Error(`The signature that KMS made with ${plan.rootKeyArn} does not verify.`);
    return certificateDer;
  };

  const rootParameters = {
    subject: named(`${plan.organization} Agent Root CA`),
    subjectPublicKeyInfoDer: rootPublicKey,
    serialNumber: serialNumberFromRandom(random(16)),
    settings,
  };
  const rootUnsigned = buildRootCertificate({ ...rootParameters, notBefore });
  const rootCertificateDer = await signedByRoot(rootUnsigned, lintAuthorityCertificate({ ...rootParameters, tbsCertificateDer: rootUnsigned.tbsCertificateDer }));

  const issuingParameters = {
    subject: named(`${plan.organization} Agent Issuing CA 1`),
    subjectPublicKeyInfoDer: await keys.getPublicKey(plan.issuingKeyArn),
    serialNumber: serialNumberFromRandom(random(16)),
    settings,
  };
  const issuingUnsigned = buildIssuingCertificate({ ...issuingParameters, notBefore, rootCertificateDer });
  const issuingCertificateDer = await signedByRoot(
    issuingUnsigned,
    lintAuthorityCertificate({ ...issuingParameters, issuerCertificateDer: rootCertificateDer, tbsCertificateDer: issuingUnsigned.tbsCertificateDer }),
  );

  const createdAt = notBefore.toISOString();
  const root: Authority = { role: 'root', keyArn: plan.rootKeyArn, certificatePem: certificateToPem(rootCertificateDer), createdAt };
  const issuing: Authority = { role: 'issuing', keyArn: plan.issuingKeyArn, certificatePem: certificateToPem(issuingCertificateDer), createdAt };
  if (await services.registry.createAuthorities([root, issuing])) return { issuing, root, minted: true };
  const others = await readAuthorities(services.registry);
  if (others === undefined) throw new Error('The authorities could be neither stored nor read; run the deployment again.');
  return { ...others, minted: false };
}

async function readAuthorities(registry: MintingServices['registry']): Promise<{ issuing: Authority; root: Authority } | undefined> {
  const [issuing, root] = await Promise.all([registry.getAuthority('issuing'), registry.getAuthority('root')]);
  return issuing && root && { issuing, root };
}
