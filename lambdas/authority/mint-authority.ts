import { buildIssuingCertificate, buildRootCertificate, certificateToPem, describeCertificate, pemToDer } from '../pki/certificate.ts';
import { rootCrlUrl } from '../pki/distribution-urls.ts';
import { lintAuthorityCertificate } from '../pki/lint.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import type { Authority, Registry } from './ports.ts';
import { certificateRequest, type CertifyingServices, type Organization, signCertificate, type Signer } from './sign-certificate.ts';

export interface MintingServices extends CertifyingServices {
  readonly registry: Pick<Registry, 'getAuthority' | 'createAuthorities'>;
}

/** A generation of the issuing CA (docs/ca-rotation.md), and where its key is. */
export interface IssuingKey {
  readonly generation: number;
  readonly keyArn: string;
}

export interface AuthorityPlan extends Organization {
  readonly rootKeyArn: string;
  /** The one that issues first. */
  readonly issuingKeys: readonly IssuingKey[];
}

export interface Authorities {
  readonly root: Authority;
  /** In the order of the plan's keys. */
  readonly issuing: readonly Authority[];
}

/**
 * Mints the certificates of the root and of the issuing CAs, each once: those that the registry has are answered as they are,
 * whatever the plan says now, because every certificate issued so far depends on them.
 * @throws Error where the plan's keys, or the URL that CRLs are found below, are not those that they were minted for.
 */
export async function mintAuthority(services: MintingServices, plan: AuthorityPlan): Promise<Authorities & { minted: boolean }> {
  const existing = await readAuthorities(services, plan);
  const whole = wholeOf(existing, plan);
  if (whole !== undefined) return { ...whole, minted: false };
  const minted = await signMissing(services, plan, existing);
  const created = await services.registry.createAuthorities(minted);
  // Somebody else may do the same, and was faster.
  const authorities = wholeOf(created ? [...existing, ...minted] : await readAuthorities(services, plan), plan);
  if (authorities === undefined) throw new Error('The authorities could be neither stored nor read; run the deployment again.');
  return { ...authorities, minted: created };
}

/** Those of the plan that there are. */
async function readAuthorities({ registry, settings }: MintingServices, { rootKeyArn, issuingKeys }: AuthorityPlan): Promise<Authority[]> {
  const [root, ...issuing] = await Promise.all([registry.getAuthority('root'), ...issuingKeys.map(({ generation }) => registry.getAuthority('issuing', generation))]);
  if (root === undefined && issuing.some((authority) => authority !== undefined)) {
    throw new Error('The registry has an issuing certificate and not that of the root, which signed it: restore the registry from a backup.');
  }
  if (root !== undefined) assertMintedForKey(root, rootKeyArn);
  issuingKeys.forEach(({ keyArn }, index) => {
    const authority = issuing[index];
    if (authority === undefined) return;
    assertMintedForKey(authority, keyArn);
    assertMintedForUrl(authority, settings);
  });
  return [root, ...issuing].flatMap((authority) => authority ?? []);
}

/** Undefined where one is missing. */
function wholeOf(authorities: readonly Authority[], { issuingKeys }: AuthorityPlan): Authorities | undefined {
  const root = authorities.find(({ role }) => role === 'root');
  const issuing = issuingKeys.flatMap(({ generation }) => authorities.filter((authority) => authority.role === 'issuing' && authority.generation === generation));
  return root !== undefined && issuing.length === issuingKeys.length ? { root, issuing } : undefined;
}

const nameOf = ({ role, generation }: Authority) => (role === 'issuing' && generation > 1 ? `issuing certificate of generation ${generation}` : `${role} certificate`);

function assertMintedForKey(authority: Authority, plannedKeyArn: string): void {
  if (authority.keyArn !== plannedKeyArn) {
    throw new Error(`The ${nameOf(authority)} was minted for the key ${authority.keyArn}, and this deployment has ${plannedKeyArn}: bring the old key back, for nothing else can sign in its name.`);
  }
}

function assertMintedForUrl(authority: Authority, { distributionUrl }: ProfileSettings): void {
  const mintedUrls = describeCertificate(pemToDer(authority.certificatePem)).crlDistributionPoints;
  const plannedUrls = distributionUrl === undefined ? [] : [rootCrlUrl(distributionUrl)];
  if (mintedUrls.join() !== plannedUrls.join()) {
    throw new Error(`The ${nameOf(authority)} says that its CRL is at ${mintedUrls.join() || 'no URL'}, and this deployment would have it at ${plannedUrls.join() || 'no URL'}: keep the URL, for every certificate names it.`);
  }
}

/** All are signed by the root. */
async function signMissing(services: MintingServices, plan: AuthorityPlan, existing: readonly Authority[]): Promise<Authority[]> {
  const notBefore = services.clock();
  const minted: Authority[] = [];
  let root = existing.find(({ role }) => role === 'root');
  if (root === undefined) minted.push(root = await signRoot(services, plan, notBefore));
  const isThere = (wanted: number) => existing.some(({ role, generation }) => role === 'issuing' && generation === wanted);
  for (const issuingKey of plan.issuingKeys.filter(({ generation }) => !isThere(generation))) {
    await assertNext(services, plan, issuingKey);
    minted.push(await signIssuing(services, plan, { root, ...issuingKey, notBefore }));
  }
  return minted;
}

/** Without a gap in their numbers, whoever counts up finds all that there have been. */
async function assertNext({ registry }: MintingServices, { issuingKeys }: AuthorityPlan, { generation }: IssuingKey): Promise<void> {
  const previous = generation - 1;
  if (previous === 0 || issuingKeys.some((key) => key.generation === previous) || (await registry.getAuthority('issuing', previous)) !== undefined) return;
  throw new Error(`There has never been a generation ${previous} of the issuing CA, so there can be no ${generation}: number them without a gap.`);
}

async function signRoot(services: MintingServices, plan: AuthorityPlan, notBefore: Date): Promise<Authority> {
  const request = await certificateRequest(services, plan, { name: 'Agent Root CA', keyArn: plan.rootKeyArn, notBefore });
  const certificateDer = await signCertificate(services.keys, { keyArn: plan.rootKeyArn, publicKey: request.subjectPublicKeyInfoDer }, {
    holder: 'root CA',
    unsigned: buildRootCertificate(request),
    lint: (tbsCertificateDer) => lintAuthorityCertificate({ ...request, tbsCertificateDer }),
  });
  return { role: 'root', generation: 1, keyArn: plan.rootKeyArn, certificatePem: certificateToPem(certificateDer), createdAt: notBefore.toISOString() };
}

async function signIssuing(services: MintingServices, plan: AuthorityPlan, { root, generation, keyArn, notBefore }: IssuingKey & { readonly root: Authority; readonly notBefore: Date }): Promise<Authority> {
  const rootCertificateDer = pemToDer(root.certificatePem);
  const signer: Signer = { keyArn: root.keyArn, publicKey: subjectPublicKeyInfoOf(rootCertificateDer) };
  const request = await certificateRequest(services, plan, { name: `Agent Issuing CA ${generation}`, keyArn, notBefore });
  const certificateDer = await signCertificate(services.keys, signer, {
    holder: 'issuing CA',
    unsigned: buildIssuingCertificate({ ...request, rootCertificateDer }),
    lint: (tbsCertificateDer) => lintAuthorityCertificate({ ...request, issuerCertificateDer: rootCertificateDer, tbsCertificateDer }),
  });
  return { role: 'issuing', generation, keyArn, certificatePem: certificateToPem(certificateDer), createdAt: notBefore.toISOString() };
}
