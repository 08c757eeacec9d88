import { certificateToPem, describeCertificate, pemToDer } from '../pki/certificate.ts';
import { lintServiceCertificate } from '../pki/lint.ts';
import type { ServiceRole } from '../pki/profile.ts';
import { buildServiceCertificate } from '../pki/service-certificate.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import type { Authority, Registry } from './ports.ts';
import { certificateRequest, type CertifyingServices, type Organization, signCertificate } from './sign-certificate.ts';

export interface ServiceCertificateServices extends CertifyingServices {
  readonly registry: Pick<Registry, 'getAuthority' | 'replaceAuthority'>;
}

/** A part of the service itself that the issuing CA is to certify, beside agents. */
export interface ServiceCertificatePlan extends Organization {
  readonly role: ServiceRole;
  /** That part's own key, an RSA_2048. */
  readonly keyArn: string;
  /** The CA whose key signs the certificate. Each has an OCSP responder of its own, while there is one attestation authority. */
  readonly issuing: Authority;
}

const names: Readonly<Record<ServiceRole, string>> = { ocsp: 'OCSP Responder', attestation: 'Attestation Signer' };

/** A client whose clock is slow takes a certificate that has just been renewed all the same. */
const backdatingMilliseconds = 3_600_000;

/**
 * Makes sure that a part of the service has a certificate for its key with more than half of its life left. Whatever the
 * key signed under the one before verifies with the new one, for the key is the same. What is stored is only ever replaced
 * by what was made in knowledge of it, so never by something older: of two renewals at once one wins, and both answer its
 * certificate.
 * @throws Error where the profile refuses the certificate (such as a key of another size) or the signature does not
 *   verify; nothing was stored then. Refusal KMS_…, REGISTRY_UNAVAILABLE.
 */
export async function renewServiceCertificate(services: ServiceCertificateServices, plan: ServiceCertificatePlan): Promise<{ authority: Authority; renewed: boolean }> {
  const { registry, clock } = services;
  const { role, keyArn } = plan;
  const now = clock();
  const generation = role === 'ocsp' ? plan.issuing.generation : 1;
  const stored = await registry.getAuthority(role, generation);
  if (stored?.keyArn === keyArn && isIssuedBy(stored, plan.issuing) && hasMoreThanHalfLeft(stored, now)) return { authority: stored, renewed: false };
  const certificatePem = certificateToPem(await signServiceCertificate(services, plan, now));
  const authority: Authority = { role, generation, keyArn, certificatePem, createdAt: now.toISOString() };
  if (await registry.replaceAuthority(authority, stored)) return { authority, renewed: true };
  // Another renewal was faster, or this one's own write was repeated after its answer got lost.
  const winner = await registry.getAuthority(role, generation);
  if (winner === undefined) throw new Error(`The ${names[role]}’s certificate could be neither stored nor read; run the renewal again.`);
  return { authority: winner, renewed: winner.certificatePem === certificatePem };
}

/** By its key: what another generation has signed is replaced. */
function isIssuedBy({ certificatePem }: Authority, issuing: Authority): boolean {
  return describeCertificate(pemToDer(certificatePem)).akid === describeCertificate(pemToDer(issuing.certificatePem)).skid;
}

function hasMoreThanHalfLeft({ certificatePem }: Authority, now: Date): boolean {
  const { notBefore, notAfter } = describeCertificate(pemToDer(certificatePem));
  return notAfter.getTime() - now.getTime() > (notAfter.getTime() - notBefore.getTime()) / 2;
}

async function signServiceCertificate(services: ServiceCertificateServices, plan: ServiceCertificatePlan, now: Date): Promise<Uint8Array> {
  const { role, keyArn, issuing } = plan;
  const name = names[role];
  const issuerCertificateDer = pemToDer(issuing.certificatePem);
  const issuerStart = describeCertificate(issuerCertificateDer).notBefore.getTime();
  const notBefore = new Date(Math.max(now.getTime() - backdatingMilliseconds, issuerStart));
  const request = { ...await certificateRequest(services, plan, { name, keyArn, notBefore }), role, issuerCertificateDer };
  return signCertificate(services.keys, { keyArn: issuing.keyArn, publicKey: subjectPublicKeyInfoOf(issuerCertificateDer) }, {
    holder: name,
    unsigned: buildServiceCertificate(request),
    lint: (tbsCertificateDer) => lintServiceCertificate({ ...request, tbsCertificateDer }),
  });
}
